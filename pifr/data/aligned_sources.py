"""What aligned pictures were cut from: one line each, so that a picture that has changed since is aligned anew."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pifr.core.errors import DataError
from pifr.core.files import read_journal
from pifr.data.containers import file_of, read_bytes

JOURNAL = "alignment.jsonl"


@dataclass(frozen=True)
class Source:
    """A picture as it was when its face was cut out.

    Attributes:
        sha256: Of its file, byte for byte.
        bytes: Size of the file, or of the container that holds it.
        times_ns: When that file and its inode last changed. A hint only: a copy has other times and is the same
            picture, so where they differ the contents are compared. The inode's catches tools that overwrite a file
            and put its old time back.
        size_px: Width and height of the upright picture.
    """

    sha256: str
    bytes: int
    times_ns: tuple[int, int]
    size_px: tuple[int, int]

    def line(self, picture: str) -> dict[str, object]:
        """Return the journal's entry for the aligned ``picture``, a path in its folder."""
        return {"picture": picture, **asdict(self)}


def look_at(path: Path) -> Source | None:
    """Note a picture's file, its size in pixels not yet known; None where it can't be read, which decoding will tell.

    Look before the picture is decoded: where it changes meanwhile, the next call finds other contents than these.
    """
    try:
        status = file_of(path).stat()
        times = (status.st_mtime_ns, status.st_ctime_ns)
        return Source(hashlib.sha256(read_bytes(path)).hexdigest(), status.st_size, times, (0, 0))
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
    return None if found is None or found.sha256 != known.sha256 else replace(found, size_px=known.size_px)


def read_sources(folder: Path) -> dict[str, Source]:
    """Return aligned picture -> what it was cut from, as far as the folder tells; a later line wins."""
    return {
        str(each["picture"]): Source(
            str(each["sha256"]), int(each["bytes"]), tuple(each["times_ns"]), tuple(each["size_px"])
        )
        for each in read_journal(folder / JOURNAL, ("picture", "sha256", "bytes", "times_ns", "size_px"))
    }
