"""Tar shards in the webdataset layout: a sample is ``KEY.png`` beside ``KEY.json`` and ``KEY.cls``.

Layout: https://github.com/webdataset/webdataset ("The WebDataset Format"): POSIX tar, the files of a sample adjacent,
the key ends at the first dot of the base name. The standard library writes it; the extra ``webdataset`` reads it.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pifr.core.errors import DataError
from pifr.core.files import atomic_path, read_json, write_json

FOLDER, INDEX = "shards", "index.json"
_MEGABYTE = 1_000_000
_TAR_BLOCK = 512


def pack_shards(out: Path, rows: Sequence[Mapping[str, Any]], megabytes: float) -> dict[str, str]:
    """Pack accepted and rejected pictures into ``out/shards``, all at once or not at all.

    The bytes depend on pictures and rows alone: names, order and times are fixed.

    Args:
        out: Folder of the augmentation, with its pictures.
        rows: Manifest rows; ``accepted`` says into which kind of shard a picture goes.
        megabytes: A shard ends with the picture that fills it up to this.

    Returns:
        Path of each picture -> name of its shard.

    Raises:
        DataError: If ``out/shards`` holds something else.
    """
    there = packed_index(out)
    if there is not None:  # another part that ends at the same time was faster; its bytes would be the same
        return there
    if (out / FOLDER).exists():
        raise DataError("this folder holds no shards of 'pifr augment'", where=out / FOLDER, cure="move it elsewhere")
    classes = {who: number for number, who in enumerate(sorted({str(row["subject"]) for row in rows}))}
    index: dict[str, str] = {}
    # Finished shards are never replaced: whoever packed them may be reading them, and deletes what lies in them.
    with atomic_path(out / FOLDER) as folder:
        folder.mkdir(parents=True)
        for name, wanted in (("accepted", True), ("rejected", False)):
            chosen = [row for row in rows if bool(row["accepted"]) is wanted]
            for number, part in enumerate(_parts(out, chosen, megabytes * _MEGABYTE)):
                shard = f"{name}-{number:06d}.tar"
                _write_shard(folder / shard, out, part, classes)
                index.update({str(row["path"]): shard for row in part})
        write_json(folder / INDEX, index)
    return index


def packed_index(out: Path) -> dict[str, str] | None:
    """Return the index of finished shards, or None if there are none."""
    path = out / FOLDER / INDEX
    return read_json(path) if path.exists() else None


def packed_paths(out: Path, index: Mapping[str, str]) -> dict[str, str]:
    """Return where each packed picture lies, as manifests name it: ``shards/SHARD.tar/KEY.png@OFFSET``.

    Args:
        out: Folder of the augmentation.
        index: Path of each picture before it was packed -> name of its shard.

    Raises:
        DataError: If a shard is missing, damaged or another.
    """
    path_of = {_name_in_shard(path): path for path in index}
    found: dict[str, str] = {}
    for shard in sorted(set(index.values())):
        try:
            with tarfile.open(out / FOLDER / shard, "r:") as tar:
                for member in tar:
                    if member.name in path_of:
                        place = f"{FOLDER}/{shard}/{member.name}@{member.offset_data - _TAR_BLOCK}"
                        found[path_of[member.name]] = place
        except (tarfile.TarError, OSError) as error:
            raise _not_whole(out / FOLDER / shard, str(error)) from error
    lost = next((path for path in index if path not in found), None)
    if lost is not None:
        raise _not_whole(out / FOLDER / index[lost], f"no {_name_in_shard(lost)}")
    return found


def _not_whole(shard: Path, found: str) -> DataError:
    return DataError("this shard is damaged or not the one that was packed", where=shard, found=found,
                     cure="delete the --out folder and run 'pifr augment' again")  # fmt: skip


def _name_in_shard(path: str) -> str:
    """Return the name in its shard of the picture that lay at ``pictures/KEY.png`` or ``rejected/KEY.png``."""
    return path.partition("/")[2]


def _parts(out: Path, rows: Sequence[Mapping[str, Any]], most_bytes: float) -> Iterator[list[Mapping[str, Any]]]:
    part: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        part.append(row)
        size += (out / row["path"]).stat().st_size + 4 * _TAR_BLOCK
        if size >= most_bytes:
            yield part
            part, size = [], 0
    if part:
        yield part


def _write_shard(path: Path, out: Path, rows: Sequence[Mapping[str, Any]], classes: Mapping[str, int]) -> None:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for row in rows:
            picture = Path(str(row["path"]))
            key = _name_in_shard(str(row["path"])).removesuffix(picture.suffix)
            about = {name: value for name, value in row.items() if name != "path"}
            for ending, data in (
                (picture.suffix[1:], (out / picture).read_bytes()),
                ("cls", str(classes[str(row["subject"])]).encode()),
                ("json", json.dumps(about, ensure_ascii=False).encode()),
            ):
                member = tarfile.TarInfo(f"{key}.{ending}")
                member.size, member.mode = len(data), 0o644
                tar.addfile(member, io.BytesIO(data))
