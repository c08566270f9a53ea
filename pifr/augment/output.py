"""Writing: pictures in threads of their own, and a record a block, which alone says that a block is done."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from pifr.augment.marking import encode_picture
from pifr.augment.timing import Clock
from pifr.core.errors import PifrError
from pifr.core.files import read_json, write_bytes, write_json

PICTURES, REJECTED, BLOCKS = "pictures", "rejected", "blocks"
_THREADS = 4
_BLOCKS_IN_FLIGHT = 2


class Writer:
    """Encodes and writes pictures while the next ones are made.

    Args:
        out: Folder of the augmentation.
        picture_format: png or jpg.
        xmp: Packet that goes into every file.
        clock: ``writer`` adds up the threads' seconds, ``waiting for the writer`` those that the caller lost.
    """

    def __init__(self, out: Path, picture_format: str, xmp: str, clock: Clock) -> None:
        self.out, self.picture_format, self.xmp, self.clock = out, picture_format, xmp, clock
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="picture writer")
        self._open: list[tuple[int, list[Mapping[str, Any]], list[Future[float]]]] = []

    def put(self, path: str, pixels: np.ndarray) -> Future[float]:
        """Write one picture soon; the future holds the seconds it took."""
        return self._pool.submit(self._write, path, pixels)

    def close_block(self, number: int, rows: list[Mapping[str, Any]], pictures: list[Future[float]]) -> list[int]:
        """Record a block once its pictures are on disk; wait only for the blocks before the last two.

        Returns:
            Blocks recorded by this call.
        """
        self._open.append((number, rows, pictures))
        return self._record(len(self._open) - _BLOCKS_IN_FLIGHT + 1)

    def flush(self) -> list[int]:
        """Wait for everything; return the blocks recorded by this call."""
        return self._record(len(self._open))

    def stop(self) -> None:
        """Drop what has not begun; pictures being written are still finished whole."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _record(self, count: int) -> list[int]:
        done = []
        for _ in range(max(count, 0)):
            number, rows, pictures = self._open.pop(0)
            with self.clock.part("waiting for the writer"):
                self.clock.add({"writer": sum(picture.result() for picture in pictures)})
            write_json(record_path(self.out, number), rows)
            done.append(number)
        return done

    def _write(self, path: str, pixels: np.ndarray) -> float:
        start = time.perf_counter()
        write_bytes(self.out / path, encode_picture(pixels, self.picture_format, self.xmp))
        return time.perf_counter() - start


def record_path(out: Path, number: int) -> Path:
    """Return where a block's record lies."""
    return out / BLOCKS / f"{number:06d}.json"


def read_record(out: Path, number: int) -> list[dict[str, Any]] | None:
    """Return a block's rows, or None if it is not done; a record whose pictures were deleted counts as not done."""
    try:
        rows: list[dict[str, Any]] = read_json(record_path(out, number))
    except PifrError:
        return None
    return rows if all((out / row["path"]).exists() for row in rows) else None


def blocks_to_do(out: Path, numbers: Sequence[int]) -> list[int]:
    """Return those of ``numbers`` that are not done yet."""
    return [number for number in numbers if read_record(out, number) is None]
