"""A tree in CFP's own layout, made of people of the twin: something to run CFP's protocols on that may be passed on.

    pifr data twin --people 41-80 --sessions 1,2 --recordings 1 --lights 00,07,10 \\
        --cameras 05_1,11_0,12_0,01_0,24_0 --size 64 --out twin-cfp-people
    python benchmarks/cfp_tree.py twin-cfp-people/manifest.parquet twin-cfp
    pifr benchmark --protocol cfp-fp --data twin-cfp --template twin-64 --embedder RUN --out bench

As in S. Sengupta et al., WACV 2016, section 3: frontal pictures lie within 10 degrees, profiles beyond 60; people are
divided into ten splits; each split has as many same pairs as different ones, for FF and for FP.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pifr.core.commandline import failures_in_one_line
from pifr.core.errors import DataError
from pifr.core.files import atomic_path
from pifr.core.seeds import numpy_generator
from pifr.data.manifest import Manifest, read_manifest

FRONTAL_DEGREES, PROFILE_DEGREES = 10.0, 60.0


def make_tree(
    data: Manifest, out: Path, frontal: int = 10, profile: int = 4, pairs: int = 7, splits: int = 10, seed: int = 0
) -> Path:
    """Copy pictures into CFP's layout and draw its lists and splits.

    Args:
        data: People with yaw; the pairs are of those with two frontal pictures and a profile at least.
        out: New folder; gets ``Data/Images`` and ``Protocol``.
        frontal: Frontal pictures a person at most; CFP has 10.
        profile: Profile pictures a person at most; CFP has 4.
        pairs: Same pairs a person, and as many different ones.
        splits: Splits of people; CFP has 10 of 50.
        seed: Of the draw.

    Returns:
        ``out``.

    Raises:
        DataError: If a split would hold fewer than two people to draw pairs of.
    """
    yaw = np.abs(data.yaw_degrees)
    counts = {side: data.table["subject"][_of_side(yaw, side)].value_counts() for side in "FP"}
    people = [name for name in data.subjects if counts["F"].get(name, 0) > 1 and counts["P"].get(name, 0)]
    if len(people) < 2 * splits:
        raise DataError(
            f"{splits} splits need at least {2 * splits} people with two frontal pictures and a profile",
            where=data.name, found=f"{len(people)} of {len(data.subjects)}", cure="render or collect more of them",
        )  # fmt: skip
    with atomic_path(out) as root:
        numbers: dict[str, dict[str, list[int]]] = {"F": {}, "P": {}}
        (root / "Protocol").mkdir(parents=True)
        for side, folder, most in (("F", "frontal", frontal), ("P", "profile", profile)):
            lines: list[str] = []
            for person in data.subjects:
                numbers[side][person] = _copy(
                    data, person, side, root / "Data" / "Images" / person / folder, most, lines
                )
            (root / "Protocol" / f"Pair_list_{side}.txt").write_text("\n".join(lines) + "\n")
        generator = numpy_generator("cfp tree", seed)
        for kind in ("FF", "FP"):
            for split, group in enumerate(np.array_split(np.array(people), splits), start=1):
                _split(root / "Protocol" / "Split" / kind / f"{split:02d}", kind, group.tolist(), numbers, pairs,
                       generator)  # fmt: skip
    return out


def _of_side(yaw_degrees: np.ndarray, side: str) -> np.ndarray:
    """Tell which pictures of an absolute yaw ``(N,)`` are frontal, ``F``, or profiles, ``P``."""
    return yaw_degrees <= FRONTAL_DEGREES if side == "F" else yaw_degrees > PROFILE_DEGREES


def _copy(data: Manifest, person: str, side: str, folder: Path, most: int, lines: list[str]) -> list[int]:
    """Copy a person's pictures of one side; return their numbers in the list, from 1."""
    rows = np.flatnonzero(_of_side(np.abs(data.yaw_degrees), side) & (data.table["subject"] == person).to_numpy())
    chosen = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)] if len(rows) else rows
    folder.mkdir(parents=True)
    numbers = []
    for number, row in enumerate(chosen, start=1):
        name = f"{number:02d}{data.paths[row].suffix}"
        shutil.copyfile(data.paths[row], folder / name)
        lines.append(f"{len(lines) + 1} ../Data/Images/{person}/{folder.name}/{name}")
        numbers.append(len(lines))
    return numbers


def _split(folder: Path, kind: str, people: Sequence[str], numbers: dict[str, dict[str, list[int]]], pairs: int,
           generator: np.random.Generator) -> None:  # fmt: skip
    """Draw one split: for each of its people as many pairs with themselves as with another of the split."""
    same: list[tuple[int, int]] = []
    different: list[tuple[int, int]] = []
    for person in people:
        own, others = numbers["F"][person], [name for name in people if name != person]
        second = own if kind == "FF" else numbers["P"][person]
        possible = [(a, b) for a in own for b in second if kind == "FP" or a < b]
        drawn = generator.permutation(len(possible))[:pairs]
        same += [possible[index] for index in drawn]
        for _ in drawn:
            other = numbers[kind[1]][others[generator.integers(len(others))]]
            different.append((own[generator.integers(len(own))], other[generator.integers(len(other))]))
    folder.mkdir(parents=True)
    for name, drawn_pairs in (("same.txt", same), ("diff.txt", different)):
        (folder / name).write_text("".join(f"{a},{b}\n" for a, b in drawn_pairs))


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    made.add_argument("manifest", type=Path)
    made.add_argument("out", type=Path)
    made.add_argument("--pairs", type=int, default=7, help="same pairs a person, and as many different ones")
    made.add_argument("--seed", type=int, default=0)
    return made


if __name__ == "__main__":
    options = parser().parse_args()
    with failures_in_one_line():
        print(make_tree(read_manifest(options.manifest), options.out, pairs=options.pairs, seed=options.seed))
