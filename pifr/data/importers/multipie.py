"""Import CMU Multi-PIE, or its rendered twin, by the names of its files.

Layout (Gross et al., "Multi-PIE", Image and Vision Computing 28(5), 2010, and the set's own guide)::

    session01/multiview/001/01/05_1/001_01_01_051_00.png
    subject_session_recording_camera_light; the folders say session, subject, recording, camera

and CR-GAN's cropped release, one folder a subject: ``192/192_01_02_140_07_crop_128.png``.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Literal

import pandas as pd

from pifr.core.errors import DataError
from pifr.data.importers import Failure, ImportResult
from pifr.data.importers.folder import is_picture_name, walk_names
from pifr.data.manifest import make_manifest

_NAME = re.compile(
    r"(?P<subject>\d{3})_(?P<session>\d{2})_(?P<recording>\d{2})_(?P<camera>\d{3})_(?P<illumination>\d{2})(_crop_\d+)?"
)
_TREE = re.compile(
    r"(?:.*/)?session(?P<session>\d{2})/multiview/(?P<subject>\d{3})/(?P<recording>\d{2})/(?P<camera>\d{2}_\d)"
)
_FLAT = re.compile(r"(?:.*/)?(?P<subject>\d{3})")
_TABLES = Path(__file__).parent.parent / "tables"


@cache
def camera_yaws() -> dict[str, float]:
    """Return camera -> yaw in degrees, NaN for the two that look from above; positive: the nose points right."""
    rows = _read_table("multipie_cameras.csv")
    return {row["camera"]: float(row["yaw_degrees"] or "nan") for row in rows}


@cache
def recording_expressions() -> dict[tuple[str, str], str]:
    """Return (session, recording) -> expression, for example ``("04", "03")`` -> ``scream``."""
    return {(row["session"], row["recording"]): row["expression"] for row in _read_table("multipie_recordings.csv")}


def import_multipie(source: Path, mismatched: Literal["error", "drop"] = "error") -> ImportResult:
    """Read a Multi-PIE tree, or pictures cropped from it, by file name.

    Args:
        source: The folder that holds ``session01`` ..., or any folder above or below, or a cropped release.
        mismatched: What to do with a picture whose name says something else than its folders.

    Returns:
        The manifest with ``subject, session, recording, camera, illumination, expression, yaw``, and notes.

    Raises:
        DataError: If nothing is named like Multi-PIE, a camera is unknown, or a name contradicts its folders.
    """
    source = Path(source)
    rows, wrong, others = [], [], 0
    failures: list[Failure] = []
    for name in walk_names(source, failures):
        path = source / name
        match = _NAME.fullmatch(path.stem)
        if match is None or not is_picture_name(name):
            others += 1
            continue
        facts = {key: match[key] for key in ("subject", "session", "recording", "camera", "illumination")}
        facts["camera"] = f"{facts['camera'][:2]}_{facts['camera'][2]}"
        contradiction = _contradiction(path, facts)
        if contradiction:
            wrong.append(f"{path} ({contradiction})")
        else:
            rows.append({"path": name, **facts})
    _refuse(source, rows, wrong, mismatched)
    table = pd.DataFrame(rows)
    table["yaw"] = _yaws(table, source)
    expressions = recording_expressions()
    known = zip(table["session"], table["recording"], strict=True)
    table["expression"] = [expressions.get(key, "") for key in known]
    return ImportResult(make_manifest(table, source, str(source)), _notes(table, len(wrong), others), failures)


def _contradiction(path: Path, facts: dict[str, str]) -> str:
    """Return what the folders say differently from the name; empty where they agree or say nothing."""
    folder = path.parent.absolute().as_posix()
    match = _TREE.fullmatch(folder) or _FLAT.fullmatch(folder)
    if match is None:
        return ""
    return ", ".join(
        f"{key} {facts[key]} by its name, {said} by its folder"
        for key, said in match.groupdict().items()
        if said != facts[key]
    )


def _refuse(source: Path, rows: list[dict[str, str]], wrong: list[str], mismatched: str) -> None:
    if wrong and mismatched == "error":
        raise DataError(
            f"{len(wrong)} pictures contradict their folders, this one first", where=wrong[0],
            cure="move them, or leave them out with --mismatched drop",
        )  # fmt: skip
    if not rows:
        raise DataError(
            "no picture is named like Multi-PIE", where=source,
            cure="the layout is session01/multiview/001/01/05_1/001_01_01_051_00.png",
        )  # fmt: skip


def _yaws(table: pd.DataFrame, source: Path) -> list[float]:
    yaws = camera_yaws()
    for row, camera in enumerate(table["camera"]):
        if camera not in yaws:
            raise DataError(f"Multi-PIE has no camera {camera!r}", where=source / table["path"][row],
                            cure=f"its cameras are {', '.join(yaws)}")  # fmt: skip
    return [yaws[camera] for camera in table["camera"]]


def _notes(table: pd.DataFrame, wrong: int, others: int) -> list[str]:
    notes = []
    if wrong:
        notes.append(f"warning: {wrong} pictures that contradict their folders were left out")
    if unknown := int((table["expression"] == "").sum()):
        notes.append(
            f"warning: {unknown} pictures are of recordings Multi-PIE does not have; their expression is empty"
        )
    if above := int(table["yaw"].isna().sum()):
        notes.append(f"{above} pictures of the cameras above (08_1, 19_1) have no yaw")
    if others:
        notes.append(f"{others} files not named like Multi-PIE were left out")
    return notes


def _read_table(name: str) -> list[dict[str, str]]:
    with open(_TABLES / name, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
