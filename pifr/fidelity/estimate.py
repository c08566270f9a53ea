"""A figure with its interval over people, and the same figure by angle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pifr.evaluation.figures import nearest_multiples, yaw_groups
from pifr.metrics import Interval, bootstrap_rate
from pifr.metrics.bootstrap import LEVEL, percentile_interval

BIN_DEGREES = 15.0


@dataclass(frozen=True)
class Estimate:
    """A mean.

    Attributes:
        value: The mean.
        interval: Over people.
        trials: How many values stand behind it.
        chance: What guessing would give, where that means something.
    """

    value: float
    interval: Interval
    trials: int
    chance: float | None = None

    def to_dict(self, scale: float = 1.0) -> dict[str, Any]:
        """Return JSON-ready values, multiplied by ``scale``; an unknown interval is null."""
        found = {
            "value": round(scale * self.value, 5) if math.isfinite(self.value) else None,
            "interval": self.interval.scaled(scale, 5), "trials": self.trials, "people": self.interval.people,
        }  # fmt: skip
        return found if self.chance is None else {**found, "chance": round(scale * self.chance, 5)}

    def text(self, scale: float = 1.0, digits: int = 1) -> str:
        """Return ``97.5 [92.1, 100.0]``, the interval only where it is known."""
        found = f"{scale * self.value:.{digits}f}{self.interval.text(scale, digits)}"
        return found if self.chance is None else f"{found}, chance {scale * self.chance:.{digits}f}"


def nominal_yaws(yaws_degrees: np.ndarray) -> np.ndarray:
    """Return the nearest multiples of 15 degrees ``(N,)``; half-way angles go away from zero on both sides.

    Example:
        >>> nominal_yaws(np.array([-58.4, 7.5, -7.5, 7.4])).tolist()
        [-60.0, 15.0, -15.0, 0.0]
    """
    return nearest_multiples(yaws_degrees, BIN_DEGREES)


def unknown(trials: int = 0, people: int = 0, chance: float | None = None) -> Estimate:
    """Return an estimate of which nothing is known."""
    return Estimate(math.nan, Interval(math.nan, math.nan, LEVEL, people, np.empty(0)), trials, chance)


def estimate(values: np.ndarray, person: np.ndarray, weights: np.ndarray, chance: float | None = None) -> Estimate:
    """Average values.

    Args:
        values: ``(N,)``; NaN is left out.
        person: ``(N,)`` columns of ``weights``.
        weights: ``(R, people)`` of the bootstrap.
        chance: What guessing would give.

    Returns:
        Mean and interval; both NaN where no value is known.
    """
    known = np.isfinite(values)
    if not known.any():
        return unknown(chance=chance)
    interval = bootstrap_rate(values[known], person[known], weights)
    return Estimate(float(values[known].mean()), interval, int(known.sum()), chance)


def by_yaw(
    values: np.ndarray, yaws_degrees: np.ndarray, person: np.ndarray, weights: np.ndarray, signed: bool = False
) -> dict[str, Estimate]:
    """Average values ``(N,)`` by the nearest multiple of 15 degrees of |yaw|, or of yaw; ``all`` comes last."""
    groups = yaw_groups(yaws_degrees, BIN_DEGREES, signed)
    found = {name: estimate(values[rows], person[rows], weights) for name, rows in groups.items()}
    return {**found, "all": estimate(values, person, weights)}


def share_of(first: Estimate, second: Estimate) -> Estimate:
    """Return ``first / second`` for two rates of the same people under the same weights."""
    if not second.value or math.isnan(second.value) or math.isnan(first.value):
        return unknown(first.trials)
    with np.errstate(invalid="ignore", divide="ignore"):
        rounds = first.interval.rounds / second.interval.rounds
    value = first.value / second.value
    # A constant ratio of 1 is not a perfect rate: the exact binomial bound of a rate says nothing of it.
    known = rounds[np.isfinite(rounds)]
    if known.size and np.ptp(known) == 0:
        return Estimate(value, Interval(math.nan, math.nan, LEVEL, first.interval.people, rounds), first.trials)
    return Estimate(value, percentile_interval(rounds, value, first.interval.people), first.trials)
