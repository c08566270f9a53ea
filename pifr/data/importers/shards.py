"""Import tar shards in webdataset's layout: ``shard-000000.tar`` holds ``KEY.png`` and what is known of it.

Files of one picture share a key, the name up to the first dot after the last slash (webdataset's own rule). The person
stands in ``KEY.json`` under ``subject``, as ``pifr augment --shards`` writes it, or in ``KEY.cls``. Further plain
values of the JSON become columns. The pictures stay in the shards: see :mod:`pifr.data.containers`.
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from pifr.core.errors import DataError
from pifr.core.progress import track
from pifr.data.importers import Failure, ImportResult
from pifr.data.importers.folder import PICTURE_SUFFIXES
from pifr.data.manifest import make_manifest

_MOST_LABEL_BYTES = 1 << 20


@dataclass
class _Sample:
    """What a shard holds under one key."""

    picture: str = ""
    offset: int = -1
    empty: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    subject: str = ""
    flaw: str = ""


def import_shards(source: Path) -> ImportResult:
    """Read the names and labels of all shards in a folder; pictures are not decoded.

    Args:
        source: Folder of ``.tar`` files, or one such file.

    Returns:
        The manifest with ``path`` (``shard-000000.tar/KEY.png@BYTE``), ``subject`` and the JSON's plain values, in the
        order of the shards; notes; pictures without a person, damaged labels and cut shards.

    Raises:
        DataError: If there is no shard, or no picture with a person in any.
    """
    source = Path(source)
    shards = [source] if source.is_file() else sorted(source.glob("*.tar"))
    if not shards:
        raise DataError("no .tar file", where=source, cure="compressed shards must be unpacked to .tar first")
    folder = source.parent if source.is_file() else source
    rows: list[dict[str, Any]] = []
    failures: list[Failure] = []
    others = 0
    for shard in track(shards, "reading shards", len(shards)):
        samples, more, cut = _read_shard(shard)
        others += more
        for key, sample in samples.items():
            flaw = sample.flaw or ("the picture's file is empty" if sample.empty else "")
            if sample.picture and not sample.subject:
                flaw = flaw or "no person: neither 'subject' in its .json nor a .cls file"
            if flaw:
                failures.append(Failure(str(shard), sample.picture or key, flaw))
            elif sample.picture:
                path = f"{shard.name}/{sample.picture}@{sample.offset}"
                rows.append({"path": path, "subject": sample.subject, **sample.facts})
        if cut:
            failures.append(Failure(str(shard), "", cut))
    if not rows:
        raise DataError(
            "no picture with a person in the shards", where=source, found=failures[0] if failures else "none",
            cure="a sample is KEY.png with KEY.json holding 'subject', or with KEY.cls",
        )  # fmt: skip
    notes = [f"{len(shards)} shards"]
    if others:
        notes.append(f"{others} archived files that are neither picture, .json nor .cls were left out")
    return ImportResult(make_manifest(pd.DataFrame(rows), folder, str(source)), notes, failures)


def _read_shard(path: Path) -> tuple[dict[str, _Sample], int, str]:
    """Return key -> sample, the number of other files, and why reading ended early, or nothing."""
    samples: dict[str, _Sample] = {}
    others = 0
    size = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                if not member.isfile():
                    continue
                if member.offset_data + member.size > size:
                    return samples, others, f"the shard is cut off in {member.name}"
                others += not _take(archive, member, samples)
    except (tarfile.TarError, OSError, EOFError) as error:
        return samples, others, f"the shard can't be read on: {error}"
    return samples, others, ""


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, samples: dict[str, _Sample]) -> bool:
    """Note one archived file under its key; False for a file that says nothing to us."""
    folder, slash, file = member.name.removeprefix("./").rpartition("/")
    stem, _, ending = file.partition(".")
    key, ending = f"{folder}{slash}{stem}", ending.lower()
    if not stem or (ending not in ("json", "cls") and f".{ending}" not in PICTURE_SUFFIXES):
        return False
    sample = samples.setdefault(key, _Sample())
    if ending in ("json", "cls"):
        _take_label(archive, member, ending, sample)
    elif sample.picture:
        sample.flaw = f"two pictures under one key: {sample.picture} and {file}"
    else:
        sample.picture, sample.empty = member.name.removeprefix("./"), member.size == 0
        sample.offset = member.offset_data - tarfile.BLOCKSIZE
    return True


def _take_label(archive: tarfile.TarFile, member: tarfile.TarInfo, ending: str, sample: _Sample) -> None:
    stream = archive.extractfile(member)
    data = stream.read(_MOST_LABEL_BYTES) if stream is not None else b""
    try:
        if ending == "cls":
            sample.subject = sample.subject or data.decode("utf-8").strip()
            return
        facts = json.loads(data)
        if not isinstance(facts, dict):
            raise ValueError("it is no object")
    except ValueError as error:
        sample.flaw = f"damaged {member.name}: {error}"
        return
    if facts.get("subject") not in (None, ""):
        sample.subject = str(facts["subject"])
    plain = {key: value for key, value in facts.items() if isinstance(value, str | int | float | bool)}
    sample.facts = {key: value for key, value in plain.items() if key not in ("path", "subject")}
