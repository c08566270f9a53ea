"""Import a pack of insightface: ``train.rec``, ``train.idx`` and ``property`` (MS1MV2, CASIA-WebFace, Glint360K ...).

Layout of the pack (insightface, ``face2rec2.py`` and ``arcface_torch/dataset.py``): record 0 carries two labels, N and
M; the records 1 to N - 1 are pictures whose first label is the person's number, the records N to M - 1 hold no picture
but one person's range of records each. Packs without such a first record are pictures throughout. ``property`` says
``people,height,width``. The pictures stay where they are: see :mod:`pifr.data.containers`.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from pifr.core.errors import DataError
from pifr.data.importers import Failure, ImportResult
from pifr.data.manifest import make_manifest
from pifr.data.recordio import RecordHeads, read_heads, read_index, scan

_EXACT_IN_FLOAT32 = 2**24
_TEMPLATE = "arcface-112"


def find_record_file(source: Path) -> Path | None:
    """Return the one ``.rec`` file of a pack: ``source`` itself, its ``train.rec``, or the only one in the folder."""
    source = Path(source)
    if source.suffix == ".rec" and source.is_file():
        return source
    if (source / "train.rec").is_file():
        return source / "train.rec"
    found = sorted(source.glob("*.rec")) if source.is_dir() else []
    return found[0] if len(found) == 1 else None


def import_records(source: Path) -> ImportResult:
    """Read heads and labels of a pack's records; pictures are not decoded.

    Args:
        source: The folder of the pack, or its ``.rec`` file.

    Returns:
        The manifest with ``path`` (``train.rec/KEY@BYTE``), ``subject`` (the person's number) and ``template`` where
        ``property`` says 112 x 112, in the order of the keys; notes; records that can't be read.

    Raises:
        DataError: If there is no record file, its index is damaged, or no record holds a picture.
    """
    path = find_record_file(source)
    if path is None:
        raise DataError("no record file, or several", where=source, cure="name the .rec file itself")
    keys, offsets, notes, failures = _locate(path)
    heads = read_heads(path, keys, offsets)
    is_picture = _pictures(heads)
    bad_label = is_picture & ~_whole_numbers(heads.labels[:, 0])
    failures += [Failure(str(path), f"record {keys[row]}", what) for row, what in sorted(heads.failures.items())]
    failures += [
        Failure(str(path), f"record {keys[row]}", f"its label is no person's number: {heads.labels[row, 0]}")
        for row in np.flatnonzero(bad_label)
    ]
    failures += [Failure(str(path), f"record {keys[row]}", "it holds no picture") for row in _empty(heads)]
    rows = np.flatnonzero(is_picture & ~bad_label)
    if not len(rows):
        raise DataError("no record holds a picture", where=path, found=f"{len(keys)} records")
    numbers = heads.labels[rows, 0].astype(np.int64)
    names = zip(keys[rows].tolist(), offsets[rows].tolist(), strict=True)
    table = pd.DataFrame({
        "path": [f"{path.name}/{key}@{offset}" for key, offset in names],
        "subject": numbers.astype(str),
    })  # fmt: skip
    properties = _read_property(path.parent / "property")
    if properties and properties[1:] == (112, 112):
        table["template"] = _TEMPLATE
        notes.append(f"property says 112 x 112: taken as aligned by {_TEMPLATE}, as insightface's packs are")
    notes += _compare(heads, len(np.unique(numbers)), properties)
    notes += _beside(path.parent)
    return ImportResult(make_manifest(table, path.parent, str(path)), notes, failures)


def _locate(path: Path) -> tuple[np.ndarray, np.ndarray, list[str], list[Failure]]:
    """Return keys and offsets sorted by key, from the index or, where there is none, by a scan of the file."""
    index = path.with_suffix(".idx")
    if index.is_file():
        keys, offsets = read_index(index)
        order = np.argsort(keys, kind="stable")
        return keys[order], offsets[order], [], []
    offsets, damage = scan(path)
    note = f"no {index.name}: the records were found by reading {path.name}, and numbered as they lie in it"
    return np.arange(len(offsets)), offsets, [note], [Failure(str(path), f"byte {at}", what) for at, what in damage]


def _pictures(heads: RecordHeads) -> np.ndarray:
    """Tell which records hold a picture: those with bytes after the labels, but never the head of a pack."""
    found = heads.picture_bytes > 0
    found[list(heads.failures)] = False
    return found


def _promised(heads: RecordHeads) -> tuple[int, int] | None:
    """Return N and M of record 0: pictures are 1 to N - 1, people N to M - 1. None where record 0 is no such head."""
    if not len(heads.keys) or heads.keys[0] != 0 or heads.picture_bytes[0] or not np.isfinite(heads.labels[0]).all():
        return None
    return int(heads.labels[0, 0]), int(heads.labels[0, 1])


def _empty(heads: RecordHeads) -> list[int]:
    """Return the records among the pictures that hold none."""
    promised = _promised(heads)
    if promised is None:
        return []
    empty = (heads.keys > 0) & (heads.keys < promised[0]) & (heads.picture_bytes == 0)
    return [row for row in np.flatnonzero(empty).tolist() if row not in heads.failures]


def _whole_numbers(labels: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.isfinite(labels) & (labels >= 0) & (labels == np.floor(labels))


def _compare(heads: RecordHeads, people: int, properties: tuple[int, int, int] | None) -> list[str]:
    """Say where record 0 or ``property`` promises something else than the records hold."""
    notes = []
    if (promised := _promised(heads)) is not None:
        first, last = promised
        found = int(((heads.keys > 0) & (heads.keys < first)).sum())
        # float32 holds whole numbers up to 2**24: beyond it, record 0 itself is rounded.
        if abs(first - 1 - found) > first // _EXACT_IN_FLOAT32:
            notes.append(f"warning: record 0 promises {first - 1} pictures, {found} records are there")
        if abs(last - first - people) > 2 * (last // _EXACT_IN_FLOAT32):
            notes.append(f"warning: record 0 promises {last - first} people, the labels name {people}")
    if properties and properties[0] != people:
        notes.append(f"warning: property promises {properties[0]} people, the labels name {people}")
    return notes


def _read_property(path: Path) -> tuple[int, int, int] | None:
    """Read ``people,height,width``; None where there is no such file or it says something else."""
    try:
        match = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*", path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))


def _beside(folder: Path) -> list[str]:
    found = sorted(path.name for path in folder.glob("*.bin"))
    return [f"verification sets beside it, for pifr benchmark: {', '.join(found)}"] if found else []
