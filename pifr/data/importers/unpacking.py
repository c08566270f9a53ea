"""Taking pictures out of record files and shards, byte for byte: ``FOLDER/person/key.jpg``."""

from __future__ import annotations

import os
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pifr.core.errors import DataError
from pifr.core.files import TEMPORARY_MARK, disk_errors
from pifr.core.interrupt import Interrupted, stop_on_signal
from pifr.core.progress import progress_bar
from pifr.data.containers import Member, member_of, read_member
from pifr.data.manifest import Manifest, make_manifest

_CHUNK = 256
_SIGNATURES = ((b"\xff\xd8\xff", ".jpg"), (b"\x89PNG", ".png"), (b"BM", ".bmp"), (b"RIFF", ".webp"), (b"II*\0", ".tif"))


def unpack(manifest: Manifest, out: Path) -> Manifest:
    """Write every picture that lies in a container to ``out``; files that are there in full are not written again.

    Args:
        manifest: Pictures, some or all in containers.
        out: Folder; made where it is not there.

    Returns:
        The manifest with the new paths; ordinary files stay where they are.

    Raises:
        DataError: If a picture can't be read, the container and record are named; or if two would get one name.
        Interrupted: If the user stopped it; the same call goes on from there.
    """
    out = Path(out)
    names = manifest.table["path"].tolist()
    stems = _stems(manifest)

    def write(row: int) -> str:
        path = manifest.folder / names[row]
        member = member_of(path)
        return str(path.resolve()) if member is None else str(_write(member, out / stems[names[row]]).resolve())

    new: list[str] = []
    with (
        disk_errors(out), stop_on_signal() as stop, progress_bar("unpacking", len(names)) as advance,
        ThreadPoolExecutor() as pool,
    ):  # fmt: skip
        for start in range(0, len(names), _CHUNK):
            if stop:
                raise Interrupted(f"{start} of {len(names)} pictures are unpacked; the same command goes on from there")
            chunk = range(start, min(start + _CHUNK, len(names)))
            new.extend(pool.map(write, chunk))
            advance(len(chunk))
    table = manifest.table.assign(path=[os.path.relpath(path, out.resolve()) for path in new])
    return make_manifest(table, out, manifest.name)


def _stems(manifest: Manifest) -> dict[str, str]:
    """Return path in the manifest -> ``person/key`` of every picture that lies in a container.

    Raises:
        DataError: If two pictures would get one name, also on a disk that knows no capitals.
    """
    members = {path: member for path in manifest.table["path"] if (member := member_of(path)) is not None}
    containers = list(dict.fromkeys(member.container for member in members.values()))
    beginnings = _beginnings(containers)
    stems: dict[str, str] = {}
    taken: dict[str, str] = {}
    for path, subject in zip(manifest.table["path"], manifest.table["subject"], strict=True):
        if path not in members or path in stems:
            continue
        person = re.sub(r"[^\w.-]|^\.+", "_", subject)
        stem = f"{person}/{beginnings[members[path].container]}{members[path].name.replace('/', '_')}"
        other = taken.setdefault(stem.casefold(), path)
        if other != path:
            raise DataError("two pictures would get one name when unpacked", where=manifest.name,
                            found=f"{other} and {path}", cure="import them without --unpack")  # fmt: skip
        stems[path] = stem
    return stems


def _beginnings(containers: list[str]) -> dict[str, str]:
    """Return what the names of each container's pictures begin with: several containers may use one key."""
    if len(containers) == 1 and containers[0].endswith(".rec"):
        return {containers[0]: ""}
    stems = [Path(container).stem for container in containers]
    return {
        container: f"{stem}_" if stems.count(stem) == 1 else f"{number}_{stem}_"
        for number, (container, stem) in enumerate(zip(containers, stems, strict=True))
    }


def _write(member: Member, target: Path) -> Path:
    data = read_member(member)
    if not os.path.splitext(target.name)[1]:
        target = target.with_name(target.name + _ending(data, member))
    try:
        if target.stat().st_size == len(data):
            return target
    except OSError:
        target.parent.mkdir(parents=True, exist_ok=True)
    # No flush to the disk for each of millions: a file cut by a power failure is found by its size.
    temporary = target.with_name(f"{target.stem}{TEMPORARY_MARK}{uuid.uuid4().hex[:8]}{target.suffix}")
    temporary.write_bytes(data)
    os.replace(temporary, target)
    return target


def _ending(data: bytes, member: Member) -> str:
    for signature, ending in _SIGNATURES:
        if data.startswith(signature):
            return ending
    raise DataError("no known kind of picture", where=f"{member.container}, {member.name}", found=data[:4].hex(" "),
                    cure="leave bad pictures out with --on-error skip")  # fmt: skip
