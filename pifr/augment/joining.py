"""From the records of all blocks to the manifest, the sheets and the shards; the same whoever did the blocks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from pifr.augment.acceptance import REASONS
from pifr.augment.leak import LeakCheck
from pifr.augment.output import PICTURES, REJECTED, read_record, record_path
from pifr.augment.result import ACCEPTED, AugmentResult
from pifr.augment.sheet import draw_sheets
from pifr.augment.tar_shards import FOLDER, pack_shards, packed_index, packed_paths
from pifr.core.errors import DataError, PifrError
from pifr.core.files import TEMPORARY_MARK, names_within, read_json, refuse_file, write_json
from pifr.data.manifest import make_manifest

CLAIM = "augment.json"
MANIFEST = "manifest.csv"


def refuse_foreign_folder(out: Path) -> None:
    """Refuse a folder with something in it that is no augmentation; call it before work that ends in writing there.

    Raises:
        DataError: If it is one.
    """
    refuse_file(out)
    # The list comes before the look at the claim: a shard that starts at the same time claims before it writes more.
    others = [name for name in names_within(out) if TEMPORARY_MARK not in name]
    if others and not (out / CLAIM).is_file():
        raise DataError(
            "this folder is not empty and holds no augmentation", where=out, cure="choose another --out folder"
        )


def claim_folder(out: Path, claim: Mapping[str, Any]) -> None:
    """Record what this folder holds, or refuse it if it already holds something else.

    Raises:
        DataError: If it does; the message names what differs.
    """
    refuse_foreign_folder(out)
    path = out / CLAIM
    if path.exists():
        before = read_json(path)
        differs = sorted(name for name in {*before, *claim} if before.get(name) != claim.get(name))
        if differs:
            raise DataError(
                "this folder holds another augmentation", where=out, found=f"different {', '.join(differs)}",
                cure="choose another --out folder",
            )  # fmt: skip
    else:
        write_json(path, claim)


def merge(out: Path, seconds: Mapping[str, float] | None = None) -> AugmentResult:
    """Join the blocks of an augmentation, once all are done.

    Args:
        out: Its folder.
        seconds: Of the work, for the result.

    Returns:
        The result; without a manifest where blocks are missing.

    Raises:
        DataError: If the folder holds no augmentation, or not one picture was accepted.
    """
    out = Path(out)
    if not (out / CLAIM).is_file():
        raise DataError("this folder holds no augmentation", where=out, cure="name the --out folder of 'pifr augment'")
    claim = read_json(out / CLAIM)
    if not claim["facts"]["blocks"]:
        raise DataError("nothing was generated here, so there are no parts to join", where=out)
    packed = packed_index(out)
    try:
        result = _join(out, claim, packed, dict(seconds or {}))
        whole = not result.blocks_missing
    except (OSError, PifrError):
        if packed is not None or packed_index(out) is None:
            raise
        whole = False
    if not whole and packed is None:
        # Another part that ended at the same time may have packed the pictures meanwhile, and deleted them.
        packed = packed_index(out)
        result = result if packed is None else _join(out, claim, packed, dict(seconds or {}))
    if not result.blocks_missing:
        _require_accepted(result)
    return result


def _join(
    out: Path, claim: Mapping[str, Any], shards: Mapping[str, str] | None, seconds: dict[str, float]
) -> AugmentResult:
    """Join the blocks; with ``shards`` the pictures lie in those already."""
    facts = claim["facts"]
    records = [_record(out, number, packed=shards is not None) for number in range(facts["blocks"])]
    missing = sum(record is None for record in records)
    if missing:
        return AugmentResult(None, out / MANIFEST, facts["views"], blocks_missing=missing)
    _remove_leftovers(out)
    rows = [row for record in records for row in record or []]
    threshold = (facts["calibration"] or {}).get("threshold")
    sheets = sorted((out / "sheets").glob("*.png")) if shards is not None else draw_sheets(out, rows, threshold)
    megabytes = claim["config"]["shard_megabytes"]
    if megabytes is not None:
        shards = shards if shards is not None else pack_shards(out, rows, megabytes)
        _delete_packed(out, rows)
    return _result(out, rows, facts, shards, sheets, seconds)


def _result(
    out: Path,
    rows: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
    shards: Mapping[str, str] | None,
    sheets: Sequence[Path],
    seconds: dict[str, float],
) -> AugmentResult:
    table = pd.DataFrame(rows).assign(kind="generated", **facts["columns"])
    if shards is not None:
        table["path"] = table["path"].map(packed_paths(out, shards))
    accepted = table["accepted"].to_numpy(bool)
    manifest = make_manifest(table, out, str(out / MANIFEST))
    if accepted.any():
        manifest.select(accepted).save(out / ACCEPTED)
    manifest = manifest.save(out / MANIFEST)
    counts = Counter(table["reject_reason"][~accepted])
    done = len(table[accepted].drop_duplicates(["subject", "view"]))
    return AugmentResult(
        manifest, out / MANIFEST, facts["views"], len(table), int(accepted.sum()), facts["views"] - done,
        {reason: counts[reason] for reason in REASONS if counts[reason]}, tuple(facts["people_without_source"]),
        facts["unreachable"], LeakCheck(**{**facts["leaks"], "by_name": tuple(facts["leaks"]["by_name"])}),
        facts["calibration"], tuple(sheets),
        tuple(out / FOLDER / name for name in sorted(set(shards.values()))) if shards is not None else (),
        seconds=seconds,
    )  # fmt: skip


def _require_accepted(result: AugmentResult) -> None:
    if not result.accepted:
        reasons = ", ".join(f"{count} {reason}" for reason, count in result.rejected.items())
        look = next((str(path) for path in result.sheets if "rejected" in path.name), str(result.manifest_path))
        raise DataError(
            f"not one of {result.generated} pictures was accepted", where=result.manifest_path.parent, found=reasons,
            cure=f"look at {look}; a better generator, another judge or wider limits may help",
        )  # fmt: skip


def _record(out: Path, number: int, packed: bool) -> list[dict[str, Any]] | None:
    """Return a block's rows; pictures that lie in finished shards need not lie in folders."""
    if packed:
        found: list[dict[str, Any]] = read_json(record_path(out, number))
        return found
    return read_record(out, number)


def _remove_leftovers(out: Path) -> None:
    """Delete what a killed process had not finished; once all blocks are done nobody writes pictures any more."""
    for top in (PICTURES, REJECTED):
        # Not rglob, which fails where another part that ends at the same time deletes folders.
        for folder, _, files in os.walk(out / top):
            for name in files:
                if TEMPORARY_MARK in name:
                    Path(folder, name).unlink(missing_ok=True)


def _delete_packed(out: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Delete the pictures that lie in shards now, and the folders this leaves empty; other files are not ours."""
    folders = {out / PICTURES, out / REJECTED}
    for row in rows:
        path = out / row["path"]
        path.unlink(missing_ok=True)
        folders.update(parent for parent in path.parents if out in parent.parents)
    for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
        with suppress(OSError):  # not empty, or not there
            folder.rmdir()
