"""Which pictures meet in a step: a function of (seed, step), so that a resumed run meets the same ones."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ipgan.config import PairsConfig
from ipgan.training_data import TrainingData
from pifr.core.seeds import numpy_generator

_FRONTAL_DEGREES = 32.0
_SAME_PITCH_DEGREES = 15.0


@dataclass(frozen=True)
class Pairs:
    """Rows of pictures that meet.

    Attributes:
        source: ``(B,)`` who is to be shown.
        driver: ``(B,)`` whose pose is taken.
        target: ``(B,)`` what the result is compared with: the true view where there is one, the driver else.
        same_person: ``(B,)`` bool, target and source are one person.
        paired: ``(B,)`` bool, target and source are one moment.
        unlabelled: ``(U,)`` rows of the manifest of unknown people.
        companions: ``(B, n)`` further pictures of the source's person.
    """

    source: np.ndarray
    driver: np.ndarray
    target: np.ndarray
    same_person: np.ndarray
    paired: np.ndarray
    unlabelled: np.ndarray
    companions: np.ndarray

    def __len__(self) -> int:
        return len(self.source)

    def part(self, first: int, stride: int) -> Pairs:
        """Return every ``stride``-th pair from ``first`` on: one process's or one micro-batch's share."""
        return Pairs(**{field.name: getattr(self, field.name)[first::stride] for field in fields(self)})


class PairSampler:
    """Draws pairs, people equally often whatever their number of pictures.

    Args:
        data: The pictures.
        config: Shares of each kind of pair.
        batch_size: Pairs a step, over all processes.
        same_yaw_degrees: Up to what difference two yaws count as one.
        seed: Seed of all draws.
        companions: Further pictures of each source's person, for methods that fuse several.
    """

    def __init__(
        self, data: TrainingData, config: PairsConfig, batch_size: int, same_yaw_degrees: float, seed: int,
        companions: int = 0,
    ) -> None:  # fmt: skip
        self.config, self.batch_size, self.seed, self.companions = config, batch_size, seed, companions
        self.people, self.sittings, yaws = data.people, data.sittings, data.yaw_degrees
        self.of_person = [np.flatnonzero(data.people == person) for person in range(data.people_count)]
        self.unlabelled_count = len(data.unlabelled_store)
        frontal = np.abs(yaws) <= _FRONTAL_DEGREES
        self.frontal_of_person = [rows[frontal[rows]] for rows in self.of_person]
        known = data.sittings >= 0
        self.of_sitting = {
            sitting: np.flatnonzero(data.sittings == sitting) for sitting in np.unique(data.sittings[known])
        }
        self.side = _sides(yaws, data.pitch_degrees, max(same_yaw_degrees, 1e-3))
        self.of_side = {
            side: np.flatnonzero(self.side == side) for side in np.unique(self.side[np.isfinite(self.side)])
        }

    def pairs(self, step: int) -> Pairs:
        """Draw the pairs of one step."""
        rng = numpy_generator(self.seed, "pairs", step)
        rows = [self._pair(rng) for _ in range(self.batch_size)]
        source, driver, target, paired = (np.array(column) for column in zip(*rows, strict=True))
        same_person = self.people[source] == self.people[target]
        unlabelled = self._unlabelled(rng)
        companions = np.stack([self._companions(row, rng) for row in source])
        return Pairs(source, driver, target, same_person, paired.astype(bool), unlabelled, companions)

    def _companions(self, source: int, rng: np.random.Generator) -> np.ndarray:
        """Draw other pictures of the source's person, again and again where there are too few."""
        if not self.companions:
            return np.empty(0, dtype=int)
        rows = self.of_person[self.people[source]]
        others = rows[rows != source] if len(rows) > 1 else rows
        return rng.choice(others, self.companions, replace=len(others) < self.companions)

    def _unlabelled(self, rng: np.random.Generator) -> np.ndarray:
        """Draw as many pictures of unknown people as the generation path draws faces, if there are any."""
        count = round(self.config.generation * self.batch_size) if self.unlabelled_count else 0
        return rng.integers(max(1, self.unlabelled_count), size=count)

    def _pair(self, rng: np.random.Generator) -> tuple[int, int, int, bool]:
        person = int(rng.integers(len(self.of_person)))
        pool = self.of_person[person]
        if len(self.frontal_of_person[person]) and rng.random() < self.config.frontal_source:
            pool = self.frontal_of_person[person]
        source = int(rng.choice(pool))
        kind = rng.random()
        if kind < self.config.same_picture:
            return source, source, source, bool(self.sittings[source] >= 0)
        target = self._other_view(source, rng)
        if kind < self.config.same_picture + self.config.same_sitting:
            if target is not None:
                return source, self._driver_elsewhere(target, rng), target, True
            target = _other(self.of_person[person], source, rng)
            if target is not None:
                return source, target, target, False
        return self._of_two_people(source, target, rng)

    def _of_two_people(self, source: int, target: int | None, rng: np.random.Generator) -> tuple[int, int, int, bool]:
        """Let another person lend the pose; where that person's side is known, the true view is known too."""
        if target is not None and np.isfinite(self.side[target]):
            same_side = self.of_side[self.side[target]]
            others = same_side[self.people[same_side] != self.people[source]]
            if len(others):
                return source, int(rng.choice(others)), target, True
        other = int(rng.integers(len(self.of_person) - 1))
        driver = int(rng.choice(self.of_person[other + (other >= self.people[source])]))
        return source, driver, driver, False

    def _driver_elsewhere(self, target: int, rng: np.random.Generator) -> int:
        """Return another picture of the target's person from the same side but another sitting; else the target."""
        if rng.random() >= self.config.driver_elsewhere or not np.isfinite(self.side[target]):
            return target
        rows = self.of_person[self.people[target]]
        rows = rows[(self.side[rows] == self.side[target]) & (self.sittings[rows] != self.sittings[target])]
        return int(rng.choice(rows)) if len(rows) else target

    def _other_view(self, source: int, rng: np.random.Generator) -> int | None:
        if self.sittings[source] < 0:
            return None
        return _other(self.of_sitting[self.sittings[source]], source, rng)


def _sides(yaw_degrees: np.ndarray, pitch_degrees: np.ndarray, step_degrees: float) -> np.ndarray:
    """Number the sides from which heads are seen ``(N,)``, NaN where the yaw is unknown.

    A camera high up is another side than the one below it: Multi-PIE's 08_1 and 19_1 share their yaw with two others.
    """
    pitch = np.round(np.nan_to_num(pitch_degrees) / _SAME_PITCH_DEGREES)
    yaw = np.round(np.nan_to_num(yaw_degrees) / step_degrees)
    return np.where(np.isfinite(yaw_degrees), yaw + 1000.0 * pitch, np.nan)


def _other(rows: np.ndarray, source: int, rng: np.random.Generator) -> int | None:
    """Draw one of ``rows`` that is not ``source``; None if there is none."""
    if len(rows) < 2:
        return None
    return int(rng.choice(rows[rows != source]))
