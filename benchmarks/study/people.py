"""Who is who: A with many views, B with frontal pictures only, C for the test; nobody is two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pifr.core.errors import DataError
from pifr.core.seeds import derive_seed
from pifr.data.manifest import Manifest

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


def draw_people(
    trainable: Sequence[str], testable: Sequence[str], sizes: Sequence[int], seed: int
) -> dict[str, list[str]]:
    """Draw who is A, B and C; the order of names does not matter.

    C goes first, and leaves A and B as many as they need: where few came to both sittings, it takes more of those who
    came to the other one alone.

    Args:
        trainable: Who can be A or B.
        testable: Who can be C; most may be the same people.
        sizes: People of A, of B and of C.
        seed: Of the draw.

    Raises:
        DataError: If there are too few people.
    """
    of_a, of_b, of_c = sizes
    can_train = set(trainable)
    spare = len(can_train) - of_a - of_b
    if spare < 0:
        raise DataError(f"{of_a + of_b} people of A and B are wanted", cure="lower --people",
                        found=f"{len(can_train)} with a frontal picture in the training lights")  # fmt: skip
    tested: list[str] = []
    for name in _shuffled(testable, seed):
        if len(tested) == of_c:
            break
        if name in can_train:
            if not spare:
                continue
            spare -= 1
        tested.append(name)
    if len(tested) < of_c:
        raise DataError(
            f"{of_c} people of C are wanted", cure="lower --people",
            found=f"{len(tested)} who have a frontal picture in the test's sitting and lights, A and B served",
        )  # fmt: skip
    left = _shuffled(can_train - set(tested), seed)
    return {"A": sorted(left[:of_a]), "B": sorted(left[of_a : of_a + of_b]), "C": sorted(tested)}


def _shuffled(names: Iterable[str], seed: int) -> list[str]:
    return sorted(set(names), key=lambda name: (derive_seed(seed, "study", name), name))


def with_frontal(pictures: Manifest) -> list[str]:
    """Return who has a frontal picture among these."""
    return pictures.select(is_frontal(pictures)).subjects


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
        DataError: If a light is used on both sides, or somebody has no frontal picture in these lights.
    """
    both = sorted(set(train_lights) & set(test_lights))
    if both:
        raise DataError("lights of training and test differ in this study", found=", ".join(both))
    chosen = {part: pool.table["subject"].isin(names).to_numpy() for part, names in drawn.items()}
    seen, tested = training_pictures(pool, train_lights), tested_pictures(pool, test_lights)
    parts = Parts(pool.select(seen & chosen["A"]), pool.select(seen & chosen["B"]), pool.select(tested & chosen["C"]))
    for name, manifest in zip(PARTS, (parts.teachers, parts.singles, parts.test), strict=True):
        lost = sorted(set(drawn[name]) - set(with_frontal(manifest)))
        if lost:
            raise DataError(f"{len(lost)} people of {name} have no frontal picture in these lights", where=pool.name,
                            found=lost[0])  # fmt: skip
    return parts


def is_frontal(data: Manifest) -> np.ndarray:
    """Tell which pictures are frontal ``(N,)``; those of unknown yaw are not."""
    return np.abs(np.nan_to_num(data.yaw_degrees, nan=np.inf)) <= FRONTAL_DEGREES


def training_pictures(pool: Manifest, lights: Sequence[str]) -> np.ndarray:
    """Tell which pictures A and B may have ``(N,)``: in these lights, of the first sitting.

    Raises:
        DataError: If none.
    """
    return _some(_in_lights(pool, lights) & _of_first_sitting(pool), pool, lights)


def tested_pictures(pool: Manifest, lights: Sequence[str]) -> np.ndarray:
    """Tell which pictures C may have ``(N,)``: in these lights, of other sittings where there are any.

    Raises:
        DataError: If none.
    """
    lit = _in_lights(pool, lights)
    other = lit & ~_of_first_sitting(pool)
    return _some(other if other.any() else lit, pool, lights)


def _in_lights(pool: Manifest, lights: Sequence[str]) -> np.ndarray:
    if "illumination" not in pool.table:
        return np.ones(len(pool), bool)
    return pool.table["illumination"].isin(list(lights)).to_numpy()


def _of_first_sitting(pool: Manifest) -> np.ndarray:
    if "session" not in pool.table:
        return np.ones(len(pool), bool)
    return (pool.table["session"] == min(pool.table["session"])).to_numpy()


def _some(chosen: np.ndarray, pool: Manifest, lights: Sequence[str]) -> np.ndarray:
    if not chosen.any():
        raise DataError("no picture has these lights", where=pool.name, found=", ".join(lights))
    return chosen
