"""The pixel store: every picture decoded once, kept as one memory-mapped uint8 array on disk.

An epoch then costs a copy out of the page cache instead of JPEG decoding, and data sets may be larger than memory.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from pifr.core.distributed import main_first
from pifr.core.errors import DataError
from pifr.core.files import TEMPORARY_MARK, atomic_path, cache_folder
from pifr.core.progress import progress_bar, say
from pifr.data.containers import statuses
from pifr.data.manifest import Manifest
from pifr.data.on_demand import DecodedOnDemand
from pifr.data.pictures import decoding_threads, read_picture, resize_picture

_LAYOUT = "2"
"""Part of every key: raise it when the way pictures are decoded or resized changes."""
_CHUNK = 256
_LEFTOVER_AGE_SECONDS = 24 * 3600
_KEPT_FREE = 1 << 30
"""Bytes left free on the disk: a cache must not starve checkpoints."""


@dataclass(frozen=True)
class PixelStore:
    """Pictures of one manifest, in its row order.

    Attributes:
        images: ``(N, S, S, 3)`` uint8 RGB, memory-mapped and read-only; where the disk has no room for them, what
            decodes them as they are asked for.
        path: The cache file, an ordinary ``.npy``; not there where the disk has no room.
    """

    images: np.ndarray
    path: Path

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: ArrayLike) -> np.ndarray:
        """Copy the pictures at ``indices`` ``(B,)`` into memory: ``(B, S, S, 3)`` uint8."""
        return np.array(self.images[np.atleast_1d(np.asarray(indices))])

    @property
    def size_px(self) -> int:
        """Side of the square pictures."""
        return self.images.shape[1]


def open_pixels(manifest: Manifest, size_px: int, cache: Path | None = None) -> PixelStore:
    """Open the manifest's pictures at one size; decode them on first use.

    The cache is keyed by each picture's place, size and times of change, and by ``size_px``: a changed picture is
    decoded anew, other columns of the manifest may change freely. Builders that run at once do not clash, since
    each writes its own file and the last rename wins. Where the disk has no room for a new cache, which is said, the
    pictures are decoded anew each time they are asked for.

    Args:
        manifest: Pictures; each must be square.
        size_px: Side they are resized to, with Lanczos filtering.
        cache: Folder of caches; by default ``pixels`` in the user's cache folder.

    Raises:
        DataError: If a picture is missing, can't be decoded or is not square; the message names file and row.
        PifrError: If the disk is full.
    """
    folder = Path(cache) if cache is not None else cache_folder() / "pixels"
    path = folder / f"{_fingerprint(manifest, size_px)}.npy"
    shape = (len(manifest), size_px, size_px, 3)
    images = _open_if_whole(path, shape)
    if images is None:
        _remove_leftovers(folder)
        if not _has_room(folder, shape):
            # It answers to shape, length and indexing, which is all that readers of a store ask for.
            on_demand = DecodedOnDemand(_loader(manifest, size_px), len(manifest), size_px)
            return PixelStore(cast(np.ndarray, on_demand), path)
        _build(path, manifest, size_px)
        images = _open_if_whole(path, shape)
        if images is None:
            raise DataError("the pixel cache vanished or was damaged while it was opened", where=path, cure="try again")
    return PixelStore(images, path)


def open_pixels_once(manifest: Manifest, size_px: int) -> PixelStore:
    """Open a pixel store; with several processes the first decodes and the others wait for its cache."""
    with main_first():
        return open_pixels(manifest, size_px)


def load_square(path: Path, size_px: int, where: str) -> np.ndarray:
    """Decode one picture and resize it.

    Args:
        path: A square picture.
        size_px: Side wanted.
        where: What to name in the error beside the file, for example ``faces.csv, row 3``.

    Returns:
        ``(size_px, size_px, 3)`` uint8 RGB.

    Raises:
        DataError: If it can't be decoded or is not square.
    """
    try:
        pixels = read_picture(path)
    except DataError as error:
        raise DataError(error.what, where=f"{where}: {path}", found=error.found, cure=error.cure) from error
    height, width = pixels.shape[:2]
    if height != width:
        raise DataError(
            "the picture is not square", where=f"{where}: {path}", found=f"{width} x {height}",
            cure="cut the faces out with: pifr data align",
        )  # fmt: skip
    return resize_picture(pixels, size_px)


def _fingerprint(manifest: Manifest, size_px: int) -> str:
    digest = hashlib.sha256(f"{_LAYOUT} {size_px}\n".encode())
    row = 0
    try:
        for place, status in statuses(manifest.folder, manifest.table["path"]):
            row += 1
            # The time of the inode's change catches tools that overwrite a file and put its old time back.
            stamp = f"{place} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\n"
            digest.update(stamp.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise DataError(
            "picture not found", where=f"{manifest.place(row)}: {error.filename}",
            cure="run: pifr data validate",
        ) from error  # fmt: skip
    return digest.hexdigest()[:32]


def _open_if_whole(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return images if images.shape == shape and images.dtype == np.uint8 else None


def _build(path: Path, manifest: Manifest, size_px: int) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(manifest), size_px, size_px, 3)}
    # Plain writes, not a writable memory map: a full disk is then an error and not a bus error.
    with (
        atomic_path(path) as temporary,
        open(temporary, "wb") as stream,
        progress_bar(f"decoding pictures at {size_px} px", len(manifest)) as advance,
    ):
        np.lib.format.write_array_header_1_0(stream, header)
        for block in _decoded_blocks(manifest, size_px):
            stream.write(block.data)
            advance(len(block))


def _has_room(folder: Path, shape: tuple[int, ...]) -> bool:
    """Tell whether the cache fits on the disk; say so where it does not."""
    needed = math.prod(shape)
    there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    free = shutil.disk_usage(there).free
    if needed <= free - _KEPT_FREE:
        return True
    say(f"the pixels of {shape[0]} pictures need {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free in {there}: "
        "they are decoded anew each time; PIFR_CACHE names a larger disk")  # fmt: skip
    return False


def _loader(manifest: Manifest, size_px: int) -> Callable[[int], np.ndarray]:
    names = manifest.table["path"].tolist()
    return lambda row: load_square(manifest.folder / names[row], size_px, manifest.place(row))


def _decoded_blocks(manifest: Manifest, size_px: int) -> Iterator[np.ndarray]:
    """Yield ``(B, S, S, 3)`` uint8 in row order."""
    load, count = _loader(manifest, size_px), len(manifest)
    with ThreadPoolExecutor(decoding_threads()) as pool:
        for start in range(0, count, _CHUNK):
            yield np.stack(list(pool.map(load, range(start, min(start + _CHUNK, count)))))


def _remove_leftovers(folder: Path) -> None:
    """Delete what builds killed more than a day ago left behind; a younger one may still be running."""
    for leftover in folder.glob(f"*{TEMPORARY_MARK}*"):
        try:
            if time.time() - leftover.stat().st_mtime > _LEFTOVER_AGE_SECONDS:
                leftover.unlink()
        except OSError:
            continue  # another process was faster
