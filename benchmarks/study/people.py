"""Who is who: A with many views, B with frontal pictures only, C for the test; nobody is two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pifr.core.errors import DataError
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.split import split_by_person

PARTS = ("A", "B", "C")
FRONTAL_DEGREES = 10.0


@dataclass(frozen=True)
class Parts:
    """The pictures of one seed.

    Attributes:
        teachers: A, all views.
        singles: B, all views; what a row may see of them is up to the row.
        test: C, other lights, and other sittings where there are any.
    """

    teachers: Manifest
    singles: Manifest
    test: Manifest

    def few_teachers(self, people: int | None) -> Manifest:
        """Return A, or its first ``people`` in the order of their names; smaller choices are parts of larger ones.

        Raises:
            DataError: If A has fewer.
        """
        if people is None:
            return self.teachers
        subjects = self.teachers.subjects
        if people > len(subjects):
            raise DataError(f"{people} people of A are wanted", found=len(subjects), cure="lower --a-sizes")
        return self.teachers.select(self.teachers.table["subject"].isin(subjects[:people]))

    def frontal_singles(self) -> Manifest:
        """Return B's frontal pictures."""
        return self.singles.select(is_frontal(self.singles))


def draw_people(subjects: Sequence[str], sizes: Sequence[int], seed: int) -> dict[str, list[str]]:
    """Draw who is A, B and C; the order of ``subjects`` does not matter.

    Args:
        subjects: Everybody there is.
        sizes: People of A, of B and of C.
        seed: Of the draw.

    Raises:
        DataError: If there are too few people.
    """
    names = pd.DataFrame({"path": list(subjects), "subject": list(subjects)})
    split = split_by_person(make_manifest(names, Path(), "the people"), dict(zip(PARTS, sizes, strict=True)), seed)
    return {part: split.of_split(part).subjects for part in PARTS}


def split_people(
    pool: Manifest, drawn: dict[str, list[str]], train_lights: Sequence[str], test_lights: Sequence[str]
) -> Parts:
    """Give A, B and C their pictures.

    Args:
        pool: Pictures of all of them, with yaw.
        drawn: From :func:`draw_people`.
        train_lights: Illuminations that A and B are seen in, in the first sitting.
        test_lights: Illuminations that C is seen in, in other sittings where there are any.

    Raises:
        DataError: If a light is used on both sides, somebody has no picture in these lights, or somebody of B or C
            no frontal one.
    """
    both = sorted(set(train_lights) & set(test_lights))
    if both:
        raise DataError("lights of training and test differ in this study", found=", ".join(both))
    first = min(pool.table["session"]) if "session" in pool.table else None
    chosen = {part: pool.select(pool.table["subject"].isin(names)) for part, names in drawn.items()}
    parts = Parts(
        _pictures(chosen["A"], train_lights, first, same_sitting=True),
        _pictures(chosen["B"], train_lights, first, same_sitting=True),
        _pictures(chosen["C"], test_lights, first, same_sitting=False),
    )
    for name, manifest in zip(PARTS, (parts.teachers, parts.singles, parts.test), strict=True):
        seen = manifest if name == "A" else manifest.select(is_frontal(manifest))
        lost = sorted(set(drawn[name]) - set(seen.subjects))
        if lost:
            kind = "picture" if name == "A" else "frontal picture"
            raise DataError(f"{len(lost)} people of {name} have no {kind} in these lights", where=pool.name,
                            found=lost[0])  # fmt: skip
    return parts


def is_frontal(data: Manifest) -> np.ndarray:
    """Tell which pictures are frontal ``(N,)``; those of unknown yaw are not."""
    return np.abs(np.nan_to_num(data.yaw_degrees, nan=np.inf)) <= FRONTAL_DEGREES


def _pictures(data: Manifest, lights: Sequence[str], first: str | None, same_sitting: bool) -> Manifest:
    """Keep the pictures in these lights, of the first sitting or, where there are any, of the others."""
    keep = np.ones(len(data), bool)
    if "illumination" in data.table:
        keep &= data.table["illumination"].isin(list(lights)).to_numpy()
    if first is not None:
        of_first = (data.table["session"] == first).to_numpy()
        if same_sitting:
            keep &= of_first
        elif (keep & ~of_first).any():
            keep &= ~of_first
    if not keep.any():
        raise DataError("no picture has these lights", where=data.name, found=", ".join(lights))
    return data.select(keep)
