"""Person-balanced batches as a function of (seed, step), so that resuming needs nothing but the step number."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from pifr.core.errors import ConfigError
from pifr.core.seeds import numpy_generator

Pools = tuple[Mapping[int, np.ndarray], Mapping[int, np.ndarray]]
"""Rows of each person's real pictures and of the generated ones."""


class PersonBatches:
    """Batches of P people x K pictures, with a set share of generated pictures.

    People come from one endless row of shuffled rounds, so everybody is seen equally often; within a batch a
    person's pictures repeat only when there are fewer than asked for. One real picture a person is normal.
    With more people asked for than there are, some come twice in a batch.

    Args:
        labels: ``(N,)`` person number of each picture, 0..C-1, each number used.
        generated: ``(N,)`` bool, true for generated pictures.
        people: P.
        pictures: K.
        generated_share: Wanted share of generated pictures in a batch, 0..1; people who lack one kind get the
            other. None draws from all pictures of a person alike.
        seed: Seed of all draws.
        yaw_degrees: ``(N,)`` yaw of each picture, NaN where unknown; needed where :meth:`rows` is given a limit.
    """

    def __init__(
        self,
        labels: np.ndarray,
        generated: np.ndarray,
        people: int,
        pictures: int,
        generated_share: float | None,
        seed: int,
        yaw_degrees: np.ndarray | None = None,
    ) -> None:
        self.labels = np.asarray(labels, dtype=np.int64)
        self.people, self.pictures, self.generated_share, self.seed = people, pictures, generated_share, seed
        self.person_count = int(self.labels.max()) + 1
        kind = np.asarray(generated, dtype=bool)
        # From the front outwards, so that a limit on the turn is a cut; an unknown yaw counts as frontal.
        turn = np.zeros(len(self.labels)) if yaw_degrees is None else np.nan_to_num(np.abs(yaw_degrees), nan=0.0)
        outwards = np.argsort(turn, kind="stable")
        self._pools: Pools = (
            _rows_by_person(self.labels, outwards[~kind[outwards]], self.person_count),
            _rows_by_person(self.labels, outwards[kind[outwards]], self.person_count),
        )
        if any(not len(pool) and not len(self._pools[1][person]) for person, pool in self._pools[0].items()):
            raise ConfigError("every label from 0 to the highest needs a picture")
        self._turns = {person: turn[pool] for person, pool in self._pools[1].items()}
        self._round: tuple[int, np.ndarray] = (-1, np.empty(0, dtype=np.int64))

    def rows(self, step: int, largest_generated_yaw_degrees: float = math.inf) -> np.ndarray:
        """Return the picture rows of a batch: ``(P * K,)``, K in a row a person.

        Args:
            step: Number of the batch.
            largest_generated_yaw_degrees: Generated pictures turned farther are left out.
        """
        rng = numpy_generator(self.seed, "batch", step)
        people = self._people_of(step)
        pools = (self._pools[0], self._turned_at_most(largest_generated_yaw_degrees, people))
        wants_generated = self._kinds(rng, people, pools)
        rows = np.empty((self.people, self.pictures), dtype=np.int64)
        for index, person in enumerate(people):
            for kind, pool in enumerate(pools):
                slots = wants_generated[index] == kind
                if slots.any():
                    rows[index, slots] = _draw(rng, pool[person], int(slots.sum()))
        return rows.reshape(-1)

    def _turned_at_most(self, limit_degrees: float, people: np.ndarray) -> Mapping[int, np.ndarray]:
        """Return people's generated pictures within the limit; one stays where there is nothing else of a person."""
        pools = {}
        for person in people:
            count = int(np.searchsorted(self._turns[person], limit_degrees, side="right"))
            least = 0 if len(self._pools[0][person]) else 1
            pools[int(person)] = self._pools[1][person][: max(count, least)]
        return pools

    def _people_of(self, step: int) -> np.ndarray:
        positions = np.arange(step * self.people, (step + 1) * self.people)
        rounds, places = positions // self.person_count, positions % self.person_count
        people = np.empty(self.people, dtype=np.int64)
        for number in np.unique(rounds):
            people[rounds == number] = self._order(int(number))[places[rounds == number]]
        return people

    def _order(self, number: int) -> np.ndarray:
        """Return the order of all people in one round; the last one is kept, since many steps share it."""
        if self._round[0] != number:
            rng = numpy_generator(self.seed, "round", number)
            self._round = (number, rng.permutation(self.person_count))
        return self._round[1]

    def _kinds(self, rng: np.random.Generator, people: np.ndarray, pools: Pools) -> np.ndarray:
        """Return ``(P, K)`` bool: which slots are generated pictures."""
        real, made = (np.array([len(pool[person]) for person in people]) for pool in pools)
        shape = (len(people), self.pictures)
        if self.generated_share is None:
            return rng.random(shape) < (made / (real + made))[:, None]
        wanted = self.generated_share * len(people) * self.pictures
        count = int(wanted) + int(rng.random() < wanted - int(wanted))
        chosen = np.zeros(shape, dtype=bool)
        chosen.reshape(-1)[rng.permutation(chosen.size)[:count]] = True
        return (chosen | (real == 0)[:, None]) & (made > 0)[:, None]


def _rows_by_person(labels: np.ndarray, rows: np.ndarray, person_count: int) -> dict[int, np.ndarray]:
    ordered = rows[np.argsort(labels[rows], kind="stable")]
    ends = np.cumsum(np.bincount(labels[rows], minlength=person_count))
    return dict(enumerate(np.split(ordered, ends[:-1])))


def _draw(rng: np.random.Generator, pool: np.ndarray, count: int) -> np.ndarray:
    """Draw ``count`` rows, each once before any comes twice."""
    draws = [rng.permutation(pool) for _ in range(-(-count // len(pool)))]
    return np.concatenate(draws)[:count]
