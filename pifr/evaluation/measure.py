"""How figures are computed: rounds of the bootstrap and whom they draw from, false accept rates, ranks, yaw groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pifr.core.errors import DataError
from pifr.metrics import person_weights

FARS = (1e-1, 1e-2, 1e-3, 1e-4)
RANKS = (1, 5)


@dataclass(frozen=True)
class Measure:
    """How figures are computed.

    Attributes:
        rounds: Bootstrap rounds.
        seed: Of the bootstrap; equal seeds make systems comparable round by round.
        fars: False accept rates.
        ranks: Ranks N.
        bin_degrees: Width of a yaw group; a probe belongs to the nearest multiple.
        drawn_from: Everybody whom a bootstrap round draws from, sorted; those tested where empty. Tests that share
            some of their people, each with the same names here, can be averaged round by round.
    """

    rounds: int = 1000
    seed: int = 0
    fars: tuple[float, ...] = FARS
    ranks: tuple[int, ...] = RANKS
    bin_degrees: float = 15.0
    drawn_from: tuple[str, ...] = ()

    def columns(self, people: Sequence[str]) -> np.ndarray | None:
        """Return where those tested stand among all that a round draws from ``(people,)``; None where they are all.

        Raises:
            DataError: If one of them does not stand there.
        """
        if not self.drawn_from:
            return None
        column = {name: number for number, name in enumerate(self.drawn_from)}
        unknown = [name for name in people if name not in column]
        if unknown:
            raise DataError("somebody is tested whom no bootstrap round draws", where="drawn_from", found=unknown[0])
        return np.array([column[name] for name in people])

    def weights(self, people: int, columns: np.ndarray | None = None) -> np.ndarray:
        """Return how often each person tested is drawn in each round ``(rounds, people)``.

        Args:
            people: Number of people tested.
            columns: From :meth:`columns`.
        """
        if columns is None:
            return person_weights(people, self.rounds, self.seed)
        return np.asarray(person_weights(len(self.drawn_from), self.rounds, self.seed)[:, columns])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; :meth:`from_dict` reads them."""
        found = {**asdict(self), "fars": list(self.fars), "ranks": list(self.ranks)}
        everybody = list(found.pop("drawn_from"))
        return {**found, "drawn_from": everybody} if everybody else found

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Measure:
        """Return what :meth:`to_dict` wrote; keys it lacks keep their defaults."""
        known: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return cls(**known)
