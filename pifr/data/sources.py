"""A picture's file as it was when something was made from it, so that a picture that has changed since is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pifr.core.errors import DataError
from pifr.data.containers import file_of, read_bytes

SOURCE_KEYS = ("sha256", "bytes", "times_ns")


@dataclass(frozen=True)
class Source:
    """A picture as it was.

    Attributes:
        sha256: Of its file, byte for byte.
        bytes: Size of the file, or of the container that holds it.
        times_ns: When that file and its inode last changed. A hint only: a copy has other times and is the same
            picture, so where they differ the contents are compared. The inode's catches tools that overwrite a file
            and put its old time back.
    """

    sha256: str
    bytes: int
    times_ns: tuple[int, int]


def source_of(entry: Mapping[str, Any]) -> Source:
    """Return the source that a journal's entry with the keys :data:`SOURCE_KEYS` tells of."""
    modified, changed = entry["times_ns"]
    return Source(str(entry["sha256"]), int(entry["bytes"]), (modified, changed))


def look_at(path: Path) -> Source | None:
    """Note a picture's file; None where it can't be read, which decoding will tell.

    Look before the picture is decoded: where it changes meanwhile, the next call finds other contents than these.
    """
    try:
        status = file_of(path).stat()
        times = (status.st_mtime_ns, status.st_ctime_ns)
        return Source(hashlib.sha256(read_bytes(path)).hexdigest(), status.st_size, times)
    except (OSError, DataError):
        return None


def still_the_same(known: Source, path: Path) -> Source | None:
    """Return ``known``, with the times of today, if the picture is still that one; None where it is not or is gone."""
    try:
        status = file_of(path).stat()
    except OSError:
        return None
    if (status.st_size, (status.st_mtime_ns, status.st_ctime_ns)) == (known.bytes, known.times_ns):
        return known
    found = look_at(path)
    return found if found is not None and found.sha256 == known.sha256 else None
