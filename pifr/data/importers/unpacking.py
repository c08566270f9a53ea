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
        DataError: If a picture can't be read; the container and record are named.
        Interrupted: If the user stopped it; the same call goes on from there.
    """
    out = Path(out)
    names = manifest.table["path"].tolist()
    subjects = manifest.table["subject"].tolist()

    def write(row: int) -> str:
        path = manifest.folder / names[row]
        member = member_of(path)
        return str(path.resolve()) if member is None else str(_write(member, subjects[row], out).resolve())

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


def _write(member: Member, subject: str, out: Path) -> Path:
    data = read_member(member)
    person = re.sub(r"[^\w.-]|^\.+", "_", subject)
    stem = member.name.replace("/", "_")
    if member.container.endswith(".tar"):  # two shards may use one name
        stem = f"{Path(member.container).stem}_{stem}"
    if not os.path.splitext(stem)[1]:
        stem += _ending(data, member)
    target = out / person / stem
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
