"""Person-balanced batches as a function of (seed, step), so that resuming needs nothing but the step number."""

from __future__ import annotations

import numpy as np

from pifr.core.errors import ConfigError
from pifr.core.seeds import numpy_generator


class PersonBatches:
    """Batches of P people x K pictures, with a set share of generated pictures.

    People come from one endless row of shuffled rounds, so everybody is seen equally often; within a batch a
    person's pictures repeat only when there are fewer than asked for. One real picture a person is normal.
    With more people asked for than there are, some come twice in a batch.

    Args:
        labels: ``(N,)`` person number of each picture, 0..C-1, each number used.
        generated: ``(N,)`` bool, true for generated pictures.
        people: P, over all ranks.
        pictures: K.
        generated_share: Wanted share of generated pictures in a batch, 0..1; people who lack one kind get the
            other. None draws from all pictures of a person alike.
        seed: Seed of all draws.
    """

    def __init__(
        self,
        labels: np.ndarray,
        generated: np.ndarray,
        people: int,
        pictures: int,
        generated_share: float | None,
        seed: int,
    ) -> None:
        self.labels = np.asarray(labels, dtype=np.int64)
        self.people, self.pictures, self.generated_share, self.seed = people, pictures, generated_share, seed
        self.person_count = int(self.labels.max()) + 1
        kind = np.asarray(generated, dtype=bool)
        everything = np.arange(len(self.labels))
        self._pools = [_rows_by_person(self.labels, everything[mask], self.person_count) for mask in (~kind, kind)]
        if any(not len(real) and not len(made) for real, made in zip(*self._pools, strict=True)):
            raise ConfigError("every label from 0 to the highest needs a picture")
        self._round: tuple[int, np.ndarray] = (-1, np.empty(0, dtype=np.int64))

    def rows(self, step: int, rank: int = 0, world_size: int = 1) -> np.ndarray:
        """Return the picture rows of one rank's part of a batch: ``(P * K / world_size,)``, K in a row a person.

        The batch over all ranks is the same whatever their number.
        """
        rng = numpy_generator(self.seed, "batch", step)
        people = self._people_of(step)
        wants_generated = self._kinds(rng, people)
        rows = np.empty((self.people, self.pictures), dtype=np.int64)
        for index, person in enumerate(people):
            for kind, pool in enumerate(self._pools):
                slots = wants_generated[index] == kind
                if slots.any():
                    rows[index, slots] = _draw(rng, pool[person], int(slots.sum()))
        return rows[rank::world_size].reshape(-1)

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

    def _kinds(self, rng: np.random.Generator, people: np.ndarray) -> np.ndarray:
        """Return ``(P, K)`` bool: which slots are generated pictures."""
        real = np.array([len(self._pools[0][person]) for person in people])
        made = np.array([len(self._pools[1][person]) for person in people])
        shape = (len(people), self.pictures)
        if self.generated_share is None:
            return rng.random(shape) < (made / (real + made))[:, None]
        wanted = self.generated_share * len(people) * self.pictures
        count = int(wanted) + int(rng.random() < wanted - int(wanted))
        chosen = np.zeros(shape, dtype=bool)
        chosen.reshape(-1)[rng.permutation(chosen.size)[:count]] = True
        return (chosen | (real == 0)[:, None]) & (made > 0)[:, None]


def _rows_by_person(labels: np.ndarray, rows: np.ndarray, person_count: int) -> list[np.ndarray]:
    ordered = rows[np.argsort(labels[rows], kind="stable")]
    ends = np.cumsum(np.bincount(labels[rows], minlength=person_count))
    return np.split(ordered, ends[:-1])


def _draw(rng: np.random.Generator, pool: np.ndarray, count: int) -> np.ndarray:
    """Draw ``count`` rows, each once before any comes twice."""
    draws = [rng.permutation(pool) for _ in range(-(-count // len(pool)))]
    return np.concatenate(draws)[:count]
