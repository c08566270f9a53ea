"""The formulas of the study: rates averaged over yaws and seeds, gaps closed, and their intervals over people.

All rows and seeds were measured on one draw of people round by round, so a gap is computed in every round and its
interval is that of the gap, not of three rates that happen to stand beside each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pifr.metrics.bootstrap import LEVEL, percentile_interval

WIDE_YAWS = ("45", "60", "75", "90")
NEAR_YAWS = ("0", "15")
_MOST_UNDEFINED = 0.05
"""Share of rounds without a gap from which no interval of the gap is given."""


@dataclass(frozen=True)
class Measured:
    """One figure of one row on one seed's people.

    Attributes:
        people: People of the test.
        rate: Absolute yaw -> share.
        rounds: Absolute yaw -> ``(R,)`` the share in each round.
    """

    people: int
    rate: dict[str, float]
    rounds: dict[str, np.ndarray]

    def over(self, yaws: Sequence[str]) -> tuple[float, np.ndarray]:
        """Return the mean over yaws, and in every round ``(R,)``; NaN where a yaw has no figure."""
        if any(yaw not in self.rate for yaw in yaws):
            rounds = len(next(iter(self.rounds.values()), np.zeros(0)))
            return math.nan, np.full(rounds, np.nan)
        return float(np.mean([self.rate[yaw] for yaw in yaws])), np.mean([self.rounds[yaw] for yaw in yaws], axis=0)


@dataclass(frozen=True)
class Statistic:
    """A figure over all seeds.

    Attributes:
        value: On the means over seeds.
        low: Lower end of the 95 % interval over people; NaN where unknown.
        high: Upper end.
        per_seed: The figure of each seed.
    """

    value: float
    low: float
    high: float
    per_seed: list[float]

    @property
    def deviation(self) -> float:
        """Standard deviation over seeds; NaN for one seed."""
        known = [each for each in self.per_seed if not math.isnan(each)]
        return float(np.std(known, ddof=1)) if len(known) > 1 else math.nan

    def to_dict(self, scale: float = 1.0) -> dict[str, Any]:
        """Return JSON-ready values times ``scale``; the unknown is null."""
        return {
            "mean": _number(self.value, scale),
            "interval": None if math.isnan(self.low) else [_number(self.low, scale), _number(self.high, scale)],
            "per_seed": [_number(each, scale) for each in self.per_seed],
            "deviation_over_seeds": _number(self.deviation, scale),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], scale: float = 1.0) -> Statistic:
        """Read what :meth:`to_dict` made with the same ``scale``, as exact as it was rounded."""
        low, high = stored["interval"] or (None, None)
        value, low, high, *per_seed = (
            math.nan if number is None else number / scale
            for number in (stored["mean"], low, high, *stored["per_seed"])
        )
        return cls(value, low, high, per_seed)


def gap_closed(method: float, base: float, ceiling: float) -> float:
    """Return the share of the gap between ``base`` and ``ceiling`` that ``method`` closes; NaN where there is no gap.

    Example:
        >>> gap_closed(0.6, 0.4, 0.8)
        0.5
    """
    gap = ceiling - base
    return (method - base) / gap if gap > 0 else math.nan


def rate_over_seeds(row: Sequence[Measured], yaws: Sequence[str], people: int | None = None) -> Statistic:
    """Return a row's rate, averaged over yaws and seeds.

    Args:
        row: One entry a seed.
        yaws: Absolute yaws.
        people: Different people behind all seeds, where they recur; absent or 0, each seed's are others.
    """
    people = people or sum(each.people for each in row)
    return _statistic([row], yaws, lambda rates: rates[0], people)


def change_over_seeds(method: Sequence[Measured], base: Sequence[Measured], yaws: Sequence[str]) -> Statistic:
    """Return ``method - base``, averaged over yaws and seeds; one entry a seed, in the same order."""
    return _statistic([method, base], yaws, lambda rates: rates[0] - rates[1])


def gap_over_seeds(
    method: Sequence[Measured], base: Sequence[Measured], ceiling: Sequence[Measured], yaws: Sequence[str]
) -> Statistic:
    """Return the share of the gap closed: of rates averaged over yaws and seeds, not an average of shares.

    A share of a small gap is wild; the mean over seeds of such shares would be decided by the seed with the least gap.
    """
    return _statistic([method, base, ceiling], yaws, lambda rates: gap_closed(*rates))


def _statistic(
    rows: Sequence[Sequence[Measured]], yaws: Sequence[str], formula: Callable[[list[float]], float],
    people: int | None = None,
) -> Statistic:  # fmt: skip
    """Apply a formula to rows: on their means, seed by seed, and round by round; ``people`` bound a perfect rate."""
    averaged = [[each.over(yaws) for each in row] for row in rows]
    value = formula([float(np.mean([rate for rate, _ in row])) for row in averaged])
    per_seed = [formula([row[seed][0] for row in averaged]) for seed in range(len(rows[0]))]
    drawn = np.array([np.mean([rounds for _, rounds in row], axis=0) for row in averaged])
    rounds = np.array([formula(list(column)) for column in drawn.T])
    if not len(rounds) or np.isnan(rounds).mean() > _MOST_UNDEFINED or math.isnan(value):
        return Statistic(value, math.nan, math.nan, per_seed)
    if people is not None:
        interval = percentile_interval(rounds, value, people)
        return Statistic(value, interval.low, interval.high, per_seed)
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(rounds, [tail, 1 - tail])
    return Statistic(value, float(low), float(high), per_seed)


def _number(value: float, scale: float) -> float | None:
    return None if math.isnan(value) else round(scale * value, 3)
