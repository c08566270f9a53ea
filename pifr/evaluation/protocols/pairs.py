"""Protocols that list pairs of pictures in files of their own: LFW, CFP, CPLFW, CALFW, AgeDB-30, a user's CSV.

What a layout's lines mean is read here and in :mod:`pifr.evaluation.protocols.listed`; what follows from them for the
data is common to all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import numpy as np
import pandas as pd

from pifr.core.errors import DataError
from pifr.data.manifest import make_manifest
from pifr.evaluation.protocols.definition import Definition
from pifr.evaluation.protocols.protocol import EVALUATION, Protocol

_FOLDS = 10
_PICTURE_FOLDERS = ("", "images", "aligned images", "lfw", "lfw-deepfunneled", "lfw_funneled")
_LOOKED_FOR = 10
_NUMBERED_NAME = re.compile(r"(?P<person>.+)_\d+\.\w+")


Reader = Callable[[Path], tuple[Path, "list[Pair]", dict[str, str]]]
"""Reads a layout: folder of the pictures, pairs, and picture -> person."""


@dataclass(frozen=True)
class Pair:
    """One comparison of a pairs file.

    Attributes:
        first: Path of a picture, relative to the data's folder; the probe where there is one.
        second: Path of the other.
        same: Whether they show one person.
        fold: From 1; 0 where the protocol has none.
    """

    first: str
    second: str
    same: bool
    fold: int = 0


def load_pairs(definition: Definition, source: Path, pictures: Path | None = None, template: str = "") -> Protocol:
    """Read the pairs of a protocol in its own layout, as a ``.bin`` file, or as a list of one pair a line.

    Args:
        definition: A definition whose ``layout`` is not ``search``.
        source: Folder of the data set; for ``csv`` and ``.bin`` the file.
        pictures: Folder of other copies of the same pictures, for example aligned ones.
        template: Alignment template that the pictures went through.

    Raises:
        DataError: If the folder has not the promised layout, a pair names a missing picture, a line is malformed, or
            there is only one kind of pair.
    """
    from pifr.evaluation.protocols.binfile import read_bin
    from pifr.evaluation.protocols.cfp import read_cfp
    from pifr.evaluation.protocols.listed import find_list, read_listed
    from pifr.evaluation.protocols.own_pairs import read_pairs_csv

    readers: dict[str, Reader] = {
        "lfw": read_lfw,
        "cfp-ff": lambda folder: read_cfp(folder, "FF"),
        "cfp-fp": lambda folder: read_cfp(folder, "FP"),
        "two-lines": read_two_line_pairs,
        "listed": lambda folder: read_listed(folder, definition.list_name),
        "csv": read_pairs_csv,
        "bin": read_bin,
    }
    source = Path(source)
    layout = definition.layout
    if definition.list_name and source.suffix == ".bin":
        layout = "bin"
    elif definition.list_name and find_list(source, definition.list_name):
        layout = "listed"
    folder, pairs, person = readers[layout](source)
    if pictures is not None:
        pairs, person, folder = _renamed(pairs, person, Path(pictures))
    # Of all these lists only CFP's own says which picture is turned: the others, its .bin copy too, put two pictures
    # of any pose in an order that means nothing.
    return _protocol(definition, source, folder, pairs, person, template, probe_side=layout == "cfp-fp")


def read_lfw(folder: Path) -> tuple[Path, list[Pair], dict[str, str]]:
    """Read LFW's view 2: ``pairs.txt`` with 10 folds of 300 + 300, pictures ``Name/Name_0001.jpg``.

    Returns:
        Folder of the pictures, pairs, and picture -> person.
    """
    path = expect(folder, "pairs.txt")
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    header = [int(word) for word in lines[0]] if lines and all(word.isdigit() for word in lines[0]) else []
    if not 1 <= len(header) <= 2:
        raise DataError("the first line holds the numbers of folds and pairs, for example: 10 300", where=path)
    folds, each = (header[0], header[1]) if len(header) == 2 else (1, header[0])
    rows = lines[1:]
    if len(rows) != folds * each * 2:
        raise DataError(f"{folds} folds of {each} + {each} pairs are promised", where=path, found=f"{len(rows)} lines")
    pairs, person = [], {}
    for number, words in enumerate(rows):
        fold, place = divmod(number, 2 * each)
        same = place < each
        if len(words) != (3 if same else 4):
            raise DataError("a line names a person and two numbers, or two people with a number each",
                            where=f"{path}, line {number + 2}", found=" ".join(words))  # fmt: skip
        sides = [(words[0], words[1]), (words[0], words[2]) if same else (words[2], words[3])]
        names = [f"{name}/{name}_{int(index):04d}.jpg" for name, index in sides]
        person.update(dict(zip(names, (name for name, _ in sides), strict=True)))
        pairs.append(Pair(names[0], names[1], same, fold + 1))
    return picture_folder(folder, [pair.first for pair in pairs]), pairs, person


def read_two_line_pairs(folder: Path) -> tuple[Path, list[Pair], dict[str, str]]:
    """Read CPLFW or CALFW: ``pairs_*.txt`` with two lines a pair, ``Name_0001.jpg 1``; 0 means two people.

    The files number no folds for pairs of two people, so the pairs of each kind are cut into ten equal runs, in
    their order.
    """
    found = sorted(folder.glob("pairs_*.txt")) if folder.is_dir() else []
    if len(found) != 1:
        raise DataError("the folder holds one file pairs_*.txt beside its pictures", where=folder, found=len(found))
    path = found[0]
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if len(lines) % 2 or any(len(words) != 2 for words in lines):
        raise DataError("every pair is two lines of a file name and a number", where=path, found=f"{len(lines)} lines")
    raw = []
    for number in range(0, len(lines), 2):
        (first, label), (second, other) = lines[number], lines[number + 1]
        if label != other:
            raise DataError("the two lines of a pair disagree", where=f"{path}, line {number + 1}",
                            found=f"{label} and {other}")  # fmt: skip
        raw.append(Pair(first, second, label != "0"))
    person = {}
    for picture in {name for pair in raw for name in (pair.first, pair.second)}:
        match = _NUMBERED_NAME.fullmatch(picture)
        if match is None:
            raise DataError("a picture is named Person_0001.jpg", where=path, found=picture)
        person[picture] = match["person"]
    return picture_folder(folder, [pair.first for pair in raw]), cut_into_folds(raw), person


def people_from_pairs(pairs: Iterable[Pair], where: str) -> dict[str, str]:
    """Return picture -> person where only pairs are known: pictures linked by same pairs are one person.

    Raises:
        DataError: If a pair is said to be of two people who other pairs say are one.
    """
    pairs = list(pairs)
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for pair in pairs:
        first, second = root(pair.first), root(pair.second)
        if pair.same:
            parent[first] = second
    for number, pair in enumerate(pairs, start=1):
        if not pair.same and root(pair.first) == root(pair.second):
            raise DataError("two people here, but one person by the other pairs", where=f"{where}, pair {number}",
                            found=f"{pair.first} and {pair.second}")  # fmt: skip
    return {name: root(name) for name in parent}


def _protocol(
    definition: Definition, source: Path, folder: Path, pairs: list[Pair], person: dict[str, str], template: str,
    probe_side: bool,
) -> Protocol:  # fmt: skip
    """Make a protocol of pairs; every picture becomes one row of a manifest."""
    if not pairs or len({pair.same for pair in pairs}) < 2:
        raise DataError("a verification needs pairs of one person and pairs of two", where=source)
    row: dict[str, int] = {}
    rows = np.array([[row.setdefault(name, len(row)) for name in (pair.first, pair.second)] for pair in pairs])
    alone = np.flatnonzero(rows[:, 0] == rows[:, 1])
    if alone.size:
        raise DataError("a pair compares a picture with itself", where=f"{source}, pair {alone[0] + 1}",
                        found=pairs[alone[0]].first)  # fmt: skip
    require_pictures(folder, list(row), source)
    subjects = [person[name] for name in row]
    for number, (pair, (first, second)) in enumerate(zip(pairs, rows, strict=True), start=1):
        if pair.same != (subjects[first] == subjects[second]):
            raise DataError("the label of a pair contradicts its file names", where=f"{source}, pair {number}",
                            found=f"{pair.first} and {pair.second}")  # fmt: skip
    table = pd.DataFrame({"path": list(row), "subject": subjects})
    data = make_manifest(table.assign(template=template) if template else table, folder, str(source))
    folds = np.array([pair.fold for pair in pairs], dtype=np.int16)
    notes = [] if definition.expected.get("pairs") in (None, len(pairs)) else [
        f"{len(pairs):,} pairs, the published protocol has {definition.expected['pairs']:,}"
    ]  # fmt: skip
    return Protocol(
        definition, data, enrolment=np.unique(rows[:, 1]), probes=np.unique(rows[:, 0]),
        part=np.full(len(data), EVALUATION), notes=notes, pairs=rows, folds=folds,
        probe_side=probe_side,
    )  # fmt: skip


def require_pictures(folder: Path, names: list[str], source: Path) -> None:
    """Refuse a protocol whose files name pictures that are not in ``folder``; the message names the first."""
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(names)} pictures named by pairs are missing, this one first",
            where=source, found=folder / missing[0], cure="check the folder",
        )  # fmt: skip


def aligned_name(folder: Path, name: str) -> str:
    """Return a picture's name in a folder of copies, where it may have become a PNG file."""
    if (folder / name).is_file():
        return name
    return str(PurePath(name).with_suffix(".png"))


def _renamed(pairs: list[Pair], person: dict[str, str], folder: Path) -> tuple[list[Pair], dict[str, str], Path]:
    """Name the pictures as they are called in a folder of copies."""
    name = {old: aligned_name(folder, old) for old in {n for pair in pairs for n in (pair.first, pair.second)}}
    renamed = [replace(pair, first=name[pair.first], second=name[pair.second]) for pair in pairs]
    return renamed, {name[old]: who for old, who in person.items() if old in name}, folder


def cut_into_folds(pairs: list[Pair]) -> list[Pair]:
    """Cut the pairs of each kind into ten runs in their order."""
    total = {same: sum(pair.same == same for pair in pairs) for same in (True, False)}
    seen = {True: 0, False: 0}
    cut = []
    for pair in pairs:
        fold = seen[pair.same] * _FOLDS // total[pair.same] + 1
        seen[pair.same] += 1
        cut.append(Pair(pair.first, pair.second, pair.same, fold))
    return cut


def picture_folder(folder: Path, names: Sequence[str]) -> Path:
    """Return the folder that holds the pictures: ``folder``, one of a customary name in it, or any other in it.

    The first of ``names`` may be the one that is missing, so a few of them are looked for.
    """
    others = sorted(each.name for each in folder.iterdir() if each.is_dir())
    for picture in names[:_LOOKED_FOR]:
        for name in (*_PICTURE_FOLDERS, *others):
            if (folder / name / picture).is_file():
                return folder / name
    return folder


def expect(folder: Path, name: str) -> Path:
    """Return ``folder / name``; refuse a folder that lacks it, since it is no copy of the data set."""
    path = folder / name
    if not path.exists():
        raise DataError(f"the folder has not the promised layout: there is no {name}", where=folder)
    return path
