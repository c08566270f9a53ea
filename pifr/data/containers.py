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
from dataclasses import dataclass
from pathlib import Path

from pifr.core.errors import DataError
from pifr.data.recordio import read_picture_bytes

_MEMBER = re.compile(r"(?P<container>.+\.(?:rec|tar))/(?P<name>.+)@(?P<offset>\d+)", re.DOTALL)
_BLOCK = 512


@dataclass(frozen=True)
class Member:
    """A picture in a container.

    Attributes:
        container: The ``.rec`` or ``.tar`` file.
        name: The record's key, or the picture's name in the archive.
        offset: Byte at which the record, or the archive's header of the picture, begins.
    """

    container: Path
    name: str
    offset: int


def member_of(path: Path | str) -> Member | None:
    """Take a path apart; None for an ordinary file."""
    match = _MEMBER.fullmatch(path if isinstance(path, str) else path.as_posix())
    if match is None:
        return None
    return Member(Path(match["container"]), match["name"], int(match["offset"]))


def read_member(member: Member) -> bytes:
    """Return the picture's file, byte for byte.

    Raises:
        DataError: If the container is missing, or the picture does not lie where the path says.
    """
    if not member.container.is_file():
        raise DataError("picture not found", where=member.container, cure="run: pifr data validate")
    if member.container.suffix == ".rec":
        return read_picture_bytes(member.container, member.offset)
    return _read_from_tar(member)


def file_of(path: Path) -> Path:
    """Return the file that holds a picture: its container, or the picture's own file."""
    member = member_of(path)
    return path if member is None else member.container


def statuses(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the full place of each picture and the status of the file that holds it; one look a container.

    Args:
        folder: What the names are relative to.
        names: A manifest's column ``path``.

    Raises:
        OSError: If a file is missing.
    """
    seen: dict[str, tuple[str, os.stat_result]] = {}
    for name in names:
        match = _MEMBER.fullmatch(name)
        if match is None:
            path = folder / name
            yield str(path.resolve()), path.stat()
            continue
        if match["container"] not in seen:
            container = folder / match["container"]
            seen[match["container"]] = str(container.resolve()), container.stat()
        place, status = seen[match["container"]]
        yield f"{place}/{match['name']}@{match['offset']}", status


def relocated(folder: Path, names: Iterable[str], target: Path) -> list[str]:
    """Return ``names``, which are relative to ``folder``, relative to ``target``; one look a container."""
    target = target.resolve()
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
    try:
        with open(member.container, "rb", buffering=0) as stream:
            stream.seek(member.offset)
            header = tarfile.TarInfo.frombuf(stream.read(_BLOCK), "utf-8", "surrogateescape")
            data = stream.read(header.size)
    except (tarfile.HeaderError, OSError) as error:
        raise DataError(
            "no archived file begins here", where=where, found=f"byte {member.offset}", cure=stale
        ) from error
    # Long names stand in a header of their own before this one, which then holds their beginning only.
    if not member.name.startswith(header.name[:90].removeprefix("./")):
        raise DataError("another file lies here", where=where, found=repr(header.name), cure=stale)
    if len(data) < header.size:
        raise DataError("the archive is cut off", where=where, found=f"{len(data)} of {header.size} bytes",
                        cure="fetch or write it again")  # fmt: skip
    return data
