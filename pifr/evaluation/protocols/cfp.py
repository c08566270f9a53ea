"""CFP's own layout: numbered lists of frontal and profile pictures, and ten splits of pairs of numbers."""

from __future__ import annotations

from pathlib import Path

from pifr.core.errors import DataError
from pifr.evaluation.protocols.pairs import Pair, expect


def read_cfp(folder: Path, kind: str) -> tuple[Path, list[Pair], dict[str, str]]:
    """Read CFP's own ``Protocol`` folder: lists of frontal (F) and profile (P) pictures, ten splits of pairs.

    S. Sengupta et al., "Frontal to profile face verification in the wild", WACV 2016. In ``Split/FP`` the first
    number of a line counts in ``Pair_list_F.txt``, the second in ``Pair_list_P.txt``, both from 1. The profile is the
    probe and comes first in a pair; cosines are the same either way.

    Args:
        folder: Holds ``Protocol`` and ``Data``.
        kind: ``FF`` or ``FP``.
    """
    frontal = _numbered_pictures(folder, "F")
    second = frontal if kind == "FF" else _numbered_pictures(folder, "P")
    splits = sorted(path for path in expect(folder, f"Protocol/Split/{kind}").iterdir() if path.is_dir())
    pairs = []
    for fold, split in enumerate(splits, start=1):
        for name, same in (("same.txt", True), ("diff.txt", False)):
            path = expect(split, name)
            for number, line in enumerate(path.read_text().splitlines(), start=1):
                if line.strip():
                    left, right = _two_numbers(line, f"{path}, line {number}")
                    try:
                        # A probe is what is turned to the front, and a frontal picture has no need of it.
                        pairs.append(Pair(second[right], frontal[left], same, fold))
                    except KeyError as error:
                        raise DataError("no such picture in the list", where=f"{path}, line {number}",
                                        found=error.args[0]) from error  # fmt: skip
    # Data/Images/<person>/frontal/01.jpg
    person = {picture: Path(picture).parent.parent.name for picture in (*frontal.values(), *second.values())}
    return folder, pairs, person


def _numbered_pictures(folder: Path, side: str) -> dict[int, str]:
    """Read ``Protocol/Pair_list_F.txt``: lines ``1 ../Data/Images/001/frontal/01.jpg``; paths from ``folder``."""
    path = expect(folder, f"Protocol/Pair_list_{side}.txt")
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or not words[0].isdigit():
            raise DataError("a line holds a number and a path", where=f"{path}, line {number}", found=line)
        found[int(words[0])] = words[1].removeprefix("../")
    return found


def _two_numbers(line: str, where: str) -> tuple[int, int]:
    try:
        left, right = (int(word) for word in line.split(","))
    except ValueError as error:
        raise DataError("a line holds two numbers separated by a comma", where=where, found=line) from error
    return left, right
