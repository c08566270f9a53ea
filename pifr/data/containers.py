"""Pictures inside a big file: ``train.rec/123@4567`` and ``shard-000000.tar/KEY.png@1536``.

Such a path reads like one of a file in a folder: the container, the picture's name in it, and the byte at which its
record (``.rec``) or its header (``.tar``) begins. The byte makes every picture readable by itself: no index is loaded,
nothing is kept open, threads and processes need no agreement, and a manifest of millions costs what its table costs.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pifr.core.errors import DataError
from pifr.core.files import is_utf8
from pifr.data.recordio import opened, read_picture_bytes

_MEMBER = re.compile(r"(?P<container>.+?\.(?:rec|tar))/(?P<name>.+)@(?P<offset>\d+)", re.DOTALL)
_BLOCK = tarfile.BLOCKSIZE
_READ_AT_ONCE = _BLOCK + 16 * 1024


class Member(NamedTuple):
    """A picture in a container: one is made for every picture read, so it is a plain tuple of strings.

    Attributes:
        container: The ``.rec`` or ``.tar`` file.
        name: The record's key, or the picture's name in the archive.
        offset: Byte at which the record, or the archive's header of the picture, begins.
    """

    container: str
    name: str
    offset: int


def member_of(path: Path | str) -> Member | None:
    """Take a path apart; None for an ordinary file."""
    text = str(path)
    if "@" not in text:
        return None
    match = _MEMBER.fullmatch(text if os.sep == "/" else text.replace(os.sep, "/"))
    return None if match is None else Member(match[1], match[2], int(match[3]))


def read_member(member: Member) -> bytes:
    """Return the picture's file, byte for byte.

    Raises:
        DataError: If the container is missing, or the picture does not lie where the path says.
        IsADirectoryError: If the container is a folder, and the path that of an ordinary file in it.
    """
    try:
        if member.container.endswith(".rec"):
            return read_picture_bytes(member.container, member.offset)
        return _read_from_tar(member)
    except IsADirectoryError:
        raise
    except FileNotFoundError as error:
        raise DataError("picture not found", where=member.container, cure="run: pifr data validate") from error
    except OSError as error:
        raise DataError("can't read the picture's container", where=member.container, found=error.strerror) from error


def read_bytes(path: Path) -> bytes:
    """Return a picture's file byte for byte, whether it lies by itself or in a container.

    Raises:
        DataError: If its container is missing or has changed.
        OSError: If the file can't be read.
    """
    member = member_of(path)
    if member is not None:
        try:
            return read_member(member)
        except IsADirectoryError:
            pass  # an ordinary file in a folder that is called like a container
    return path.read_bytes()


def file_of(path: Path) -> Path:
    """Return the file that holds a picture: its container, or the picture's own file."""
    member = member_of(path)
    return path if member is None else Path(member.container)


def statuses(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the full place of each picture and the status of the file that holds it; one look a container.

    Args:
        folder: What the names are relative to.
        names: A manifest's column ``path``.

    Raises:
        OSError: If a file is missing.
    """
    for place, status in _looked_up(folder, names):
        if isinstance(status, OSError):
            raise status
        yield place, status


def sizes(folder: Path, names: Iterable[str]) -> Iterator[int | None]:
    """Yield the size in bytes of the file that holds each picture, None where it is missing; see :func:`statuses`."""
    for _, status in _looked_up(folder, names):
        yield None if isinstance(status, OSError) else status.st_size


def _looked_up(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, os.stat_result | OSError]]:
    """Yield place and status of each picture's file, or why it has none."""
    seen: dict[str, tuple[str, os.stat_result | OSError]] = {}
    for name in names:
        match = _MEMBER.fullmatch(name)
        if match is None:
            yield _look_up(folder / name)
            continue
        if match["container"] not in seen:
            seen[match["container"]] = _look_up(folder / match["container"])
        place, status = seen[match["container"]]
        yield f"{place}/{match['name']}@{match['offset']}", status


def _look_up(file: Path) -> tuple[str, os.stat_result | OSError]:
    try:
        return str(file.resolve()), file.stat()
    except OSError as error:
        return str(file), error


def relocated(folder: Path, names: Iterable[str], target: Path) -> list[str]:
    """Return ``names``, which are relative to ``folder``, relative to ``target``; one look a container.

    Raises:
        DataError: If a folder's name on the way is not UTF-8, which no table takes.
    """
    target = target.resolve()
    if not is_utf8(way := os.path.relpath(folder.resolve(), target)):
        raise DataError("the name of a folder is not UTF-8", found=ascii(way), cure="rename the folder")
    moved: dict[str, str] = {}
    new = []
    for name in names:
        match = _MEMBER.fullmatch(name)
        file = name if match is None else match["container"]
        place = moved.get(file)
        if place is None:
            place = os.path.relpath((folder / file).resolve(), target)
            if match is not None:
                moved[file] = place
        new.append(place + name[len(file) :])
    return new


def _read_from_tar(member: Member) -> bytes:
    where = f"{member.container}, {member.name}"
    stale = "the archive has changed since it was imported: import it again"
    with opened(member.container) as read:
        block = read(member.offset, _READ_AT_ONCE)
        try:
            name, size = _tar_header(block[:_BLOCK])
        except tarfile.HeaderError as error:
            raise DataError("no archived file begins here", where=where, found=f"byte {member.offset}",
                            cure=stale) from error  # fmt: skip
        if not _may_be_called(member.name, name.removeprefix("./")):
            raise DataError("another file lies here", where=where, found=repr(name), cure=stale)
        data = block[_BLOCK : _BLOCK + size]
        if len(data) < size:
            data += read(member.offset + _BLOCK + len(data), size - len(data))
    if len(data) < size:
        raise DataError("the archive is cut off", where=where, found=f"{len(data)} of {size} bytes",
                        cure="fetch or write it again")  # fmt: skip
    return data


def _may_be_called(name: str, header: str) -> bool:
    """Tell whether a header's name fits; names that are long or not ASCII stand in a header of their own before it.

    This one then holds the beginning only, cut off at any byte, and in PAX archives ``?`` for all that is not ASCII.
    """
    begins = header.encode("utf-8", "surrogateescape")[:90]
    spellings = name.encode("utf-8", "surrogateescape"), name.encode("ascii", "replace")
    return any(spelling.startswith(begins) for spelling in spellings)


def _tar_header(block: bytes) -> tuple[str, int]:
    """Return name and size; the usual header is read by hand, which is five times faster than by the library."""
    if block[257:262] == b"ustar" and not block[345]:
        try:
            return block[:100].rstrip(b"\0").decode("utf-8"), int(block[124:136].rstrip(b"\0 "), 8)
        except ValueError:
            pass  # a size beyond 8 GB, or a name in another encoding
    header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    return header.name, header.size
