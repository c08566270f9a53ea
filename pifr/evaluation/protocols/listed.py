"""One pair a line: the form in which aligned copies of AgeDB-30, LFW, CALFW and CPLFW are passed on as folders."""

from __future__ import annotations

from pathlib import Path

from pifr.core.errors import DataError
from pifr.evaluation.protocols.pairs import Pair, people_from_pairs, picture_folder

_FOLDS = 10
_ENDINGS = ("_ann.txt", "_pair.txt", "_pairs.txt")


def find_list(folder: Path, name: str) -> Path | None:
    """Return the list of pairs in ``folder``: ``<name>_ann.txt``, ``<name>_pair.txt`` or ``<name>_pairs.txt``."""
    found = [folder / f"{name}{ending}" for ending in _ENDINGS]
    return next((path for path in found if path.is_file()), None)


def read_listed(folder: Path, name: str) -> tuple[Path, list[Pair], dict[str, str]]:
    """Read a list with one pair a line: ``1 first.jpg second.jpg`` or ``first.jpg second.jpg 1``; 0 means two people.

    The ten folds are runs of the list in its order, as in the evaluation code of the projects that pass such lists on.
    Who is who follows from the pairs: pictures linked by same pairs are one person.

    Args:
        folder: Holds the list and, beside it or in a folder, the pictures.
        name: What the data set is called in the list's name.

    Returns:
        Folder of the pictures, pairs, and picture -> person.

    Raises:
        DataError: If there is no such list, or a line is malformed.
    """
    path = find_list(folder, name)
    if path is None:
        raise DataError(
            f"the folder has not the promised layout: there is no {' or '.join(name + end for end in _ENDINGS)}",
            where=folder,
        )  # fmt: skip
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    pairs = []
    for number, words in enumerate(lines):
        label_first = words[0] in ("0", "1")
        if len(words) != 3 or not (label_first or words[2] in ("0", "1", "-1")):
            raise DataError("a line names two pictures and 1 or 0", where=f"{path}, line {number + 1}",
                            found=" ".join(words))  # fmt: skip
        label, first, second = words if label_first else (words[2], words[0], words[1])
        pairs.append(Pair(first, second, label == "1", number * _FOLDS // len(lines) + 1))
    if not pairs:
        raise DataError("the list is empty", where=path)
    return picture_folder(folder, [pair.first for pair in pairs]), pairs, people_from_pairs(pairs, str(path))
