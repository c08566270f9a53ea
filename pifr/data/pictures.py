"""Reading and writing single pictures."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pifr.core.errors import DataError
from pifr.core.files import atomic_path
from pifr.data.containers import member_of, read_member

_WRITTEN = (".png", ".jpg", ".jpeg")


def read_picture(path: Path) -> np.ndarray:
    """Decode a picture as RGB, turned upright by its EXIF orientation.

    Args:
        path: Any format Pillow reads; grey and palette pictures become RGB, 16 bits become 8. May lie in a
            container, see :mod:`pifr.data.containers`.

    Returns:
        ``(H, W, 3)`` uint8.

    Raises:
        DataError: If the file is missing, truncated or no picture, or its numbers have no known range.
    """
    try:
        with Image.open(picture_source(path)) as picture:
            # Grey of 16 bits is of another mode in PGM files than in all others; a turned picture forgets its format.
            grey_of_16_bits = picture.mode.startswith("I;16") or (picture.format, picture.mode) == ("PPM", "I")
            return np.asarray(_eight_bits(ImageOps.exif_transpose(picture), grey_of_16_bits).convert("RGB"))
    except FileNotFoundError as error:
        raise DataError("picture not found", where=path, cure="run: pifr data validate") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            "can't decode the picture", where=path, found=str(error), cure="replace it or drop its row"
        ) from error


def _eight_bits(picture: Image.Image, grey_of_16_bits: bool) -> Image.Image:
    """Scale grey of 16 bits to 8, which Pillow would clip to white.

    Raises:
        ValueError: If the picture holds numbers of which nobody knows what white is.
    """
    if grey_of_16_bits:
        return Image.fromarray(((np.asarray(picture).astype(np.uint32) + 128) // 257).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise ValueError(f"numbers of 32 bits a pixel (mode {picture.mode}); save it with 8 bits a channel")
    return picture


def flaw_of(error: DataError) -> str:
    """Return what is wrong with a picture in a few words, without its place and the cure."""
    return f"{error.what} ({error.found})" if error.found else error.what


def decoding_threads() -> int:
    """Return how many threads are worth decoding with: Pillow decodes outside the interpreter lock."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def picture_source(path: Path) -> Path | io.BytesIO:
    """Return what Pillow opens: the path, or the bytes of a picture that lies in a container.

    Raises:
        DataError: If the container does not hold the picture.
    """
    member = member_of(path)
    if member is None:
        return path
    try:
        return io.BytesIO(read_member(member))
    except IsADirectoryError:
        return path


def require_picture_ending(path: Path) -> str:
    """Return the ending in small letters; call it before long work that ends in :func:`write_picture`.

    Raises:
        DataError: If no picture is written by this ending.
    """
    ending = Path(path).suffix.lower()
    if ending not in _WRITTEN:
        raise DataError(
            "a picture is written as .png, .jpg or .jpeg", where=path, found=repr(ending) if ending else "no ending",
            cure="give the file's name one of these endings",
        )  # fmt: skip
    return ending


def write_picture(path: Path, pixels: np.ndarray, quality: int = 92) -> None:
    """Write ``(H, W, 3)`` uint8 RGB as PNG or JPEG by the ending, whole or not at all.

    Args:
        path: ``.png``, ``.jpg`` or ``.jpeg``.
        pixels: The picture.
        quality: JPEG quality; chroma is not subsampled, so that small faces keep their colours.

    Raises:
        DataError: If the ending is another.
    """
    ending = require_picture_ending(path)
    with atomic_path(path) as temporary:
        if ending == ".png":
            Image.fromarray(pixels).save(temporary, compress_level=1)
        else:
            Image.fromarray(pixels).save(temporary, quality=quality, subsampling=0)


def resize_picture(pixels: np.ndarray, size_px: int) -> np.ndarray:
    """Resize a square ``(S, S, 3)`` uint8 picture to ``(size_px, size_px, 3)`` with Lanczos filtering."""
    if pixels.shape[0] == size_px:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((size_px, size_px), Image.Resampling.LANCZOS))
