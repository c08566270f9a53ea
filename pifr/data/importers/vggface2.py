"""Import VGGFace2 (Cao et al., "VGGFace2", FG 2018) as its archives unpack.

::

    train/n000002/0001_01.jpg     loosely cropped faces: person / picture_face
    test/n000001/0001_01.jpg
    meta/identity_meta.csv        Class_ID, Name, Sample_Num, Flag, Gender; Flag 1 is the training set
    bb_landmark/loose_bb_train.csv, loose_landmark_train.csv, and the same for test

The landmarks are MTCNN's and refer to the loosely cropped faces (the set's own ReadMe), left meaning left in the
picture; they are given to ``.jpg`` files only, since those that others cut anew are mostly ``.png``.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pandas as pd

from pifr.core.errors import DataError
from pifr.data.importers import Failure, ImportResult
from pifr.data.importers.folder import is_picture_name, walk_names
from pifr.data.manifest import LANDMARK_COLUMNS, make_manifest

PERSON = re.compile(r"n\d{6}")
_PICTURE = re.compile(r"(?:.*/)?(n\d{6})/(\d{4}_\d{2})\.[a-z]+")
_SPLIT = re.compile(r"(?:^|/)(train|test)(?:/|$)")
_BOX_COLUMNS = ("box_x", "box_y", "box_width", "box_height")


def import_vggface2(source: Path) -> ImportResult:
    """Read a VGGFace2 tree by the names of its files, and its tables where they lie in or beside it.

    Args:
        source: The set's folder, or its ``train`` or ``test``.

    Returns:
        The manifest with ``subject`` (``n000002``), ``split``, ``kind``, and where the tables are there ``name``,
        ``gender``, the five landmarks and the loose box in pixels; and notes.

    Raises:
        DataError: If nothing is named like VGGFace2 or a table is damaged.
    """
    source = Path(source)
    failures: list[Failure] = []
    names = walk_names(source, failures)
    matches = [_PICTURE.fullmatch(name) for name in names]
    found = [match for match in matches if match is not None and is_picture_name(match[0])]
    if not found:
        raise DataError("no picture is named like VGGFace2", where=source, cure="the layout is n000002/0001_01.jpg")
    table = pd.DataFrame({
        "path": [match[0] for match in found],
        "subject": [match[1] for match in found],
        "kind": "real",
        "split": [_split(match[0], source) for match in found],
    })  # fmt: skip
    keys = pd.Series([f"{match[1]}/{match[2]}" for match in found])
    keys[~table["path"].str.lower().str.endswith(".jpg")] = ""
    notes = _add_people(table, _tables(source, names, "identity_meta"))
    notes += _add_numbers(table, keys, _tables(source, names, "loose_landmark"), LANDMARK_COLUMNS, "landmarks")
    notes += _add_numbers(table, keys, _tables(source, names, "loose_bb"), _BOX_COLUMNS, "boxes")
    pictures = sum(map(is_picture_name, names)) - len(found)
    if pictures:
        notes.append(f"warning: {pictures} pictures not named like VGGFace2 were left out")
    return ImportResult(make_manifest(table, source, str(source)), notes, failures)


def _split(path: str, source: Path) -> str:
    """Return ``train`` or ``test`` by the folder a picture lies in, nothing where no folder says."""
    inside = _SPLIT.search(path)
    if inside is not None:
        return inside[1]
    return source.resolve().name if source.resolve().name in ("train", "test") else ""


def _tables(source: Path, names: list[str], stem: str) -> list[Path]:
    """Return the set's tables whose name begins with ``stem``: in the folder, else beside it."""
    pattern = re.compile(rf"(?:.*/)?{stem}(?:_train|_test)?\.csv")
    inside = [source / name for name in names if pattern.fullmatch(name)]
    if inside:
        return inside
    above = source.resolve().parent
    return [path for folder in (".", "meta", "bb_landmark", "label") for path in sorted((above / folder).glob("*.csv"))
            if pattern.fullmatch(path.name)]  # fmt: skip


def _add_people(table: pd.DataFrame, sources: list[Path]) -> list[str]:
    """Add name, gender and, where no folder says it, the split."""
    people: dict[str, tuple[str, str, str, str]] = {}
    for path in sources:
        people.update(_read_people(path))
    if not people:
        return ["no identity_meta.csv: people have no names"]
    empty = ("", "", "", "")
    facts = [people.get(subject, empty) for subject in table["subject"]]
    table["name"] = [name for name, _, _, _ in facts]
    table["gender"] = [gender for _, _, _, gender in facts]
    said = [{"1": "train", "0": "test"}.get(flag, "") for _, _, flag, _ in facts]
    table["split"] = table["split"].where(table["split"] != "", pd.Series(said))
    counts = table["subject"].value_counts()
    notes = []
    if unknown := [subject for subject in counts.index if subject not in people]:
        notes.append(f"warning: {len(unknown)} people are not in identity_meta.csv, {min(unknown)} first")
    fewer = [s for s, count in counts.items() if s in people and people[s][1].isdigit() and count < int(people[s][1])]
    if fewer:
        notes.append(
            f"warning: {len(fewer)} people have fewer pictures than identity_meta.csv says, {min(fewer)} first"
        )
    return notes


def _read_people(path: Path) -> dict[str, tuple[str, str, str, str]]:
    """Read ``identity_meta.csv``: class -> name, number of pictures, flag, gender. Names may hold a comma."""
    people = {}
    with open(path, encoding="utf-8", errors="replace", newline="") as stream:
        for line, cells in enumerate(csv.reader(stream, skipinitialspace=True), 1):
            cells = [cell.strip() for cell in cells]
            if len(cells) < 5 or not PERSON.fullmatch(cells[0]):
                if line > 1 and any(cells):
                    raise DataError("not a line of identity_meta.csv", where=f"{path}, line {line}", found=cells,
                                    cure="it reads: n000077, \"NAME\", 319, 1, m")  # fmt: skip
                continue
            people[cells[0]] = (",".join(cells[1:-3]).strip('" '), cells[-3], cells[-2], cells[-1])
    return people


def _add_numbers(
    table: pd.DataFrame, keys: pd.Series, sources: list[Path], columns: tuple[str, ...], what: str
) -> list[str]:
    """Add the numbers that the set's tables hold under ``n000002/0001_01``."""
    if not sources:
        return [f"no table of {what} was found"]
    frames = []
    for path in sources:
        try:
            frame = pd.read_csv(path, index_col=0, skipinitialspace=True)
            frames.append(frame.set_axis(list(columns), axis=1).astype(float))
        except (ValueError, OSError) as error:
            raise DataError(f"damaged table of {what}", where=path, found=error) from error
    known = pd.concat(frames)
    known = known[~known.index.duplicated()]
    found = known.reindex(keys)
    table[list(columns)] = found.to_numpy()
    missing = int(found.iloc[:, 0].isna().sum())
    return [f"warning: {missing} of {len(table)} pictures have no {what} in the tables"] if missing else []
