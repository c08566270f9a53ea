"""The difference of two areas under the ROC, by DeLong's method."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from pifr.core.errors import DataError


@dataclass(frozen=True)
class DeLong:
    """Two systems on the same comparisons.

    Comparisons count as independent trials here. They are not: they share people. So the interval is narrower than the
    truth, and a paired bootstrap over people stands beside it.

    Attributes:
        first: Area under the ROC of the first system.
        second: Of the second.
        standard_error: Of the difference.
        low: Lower end of the 95 % interval of ``second - first``.
        high: Upper end.
        p_value: Two-sided, of no difference; 1 where the two never differ.
    """

    first: float
    second: float
    standard_error: float
    low: float
    high: float
    p_value: float

    def __str__(self) -> str:
        return (
            f"DeLong test of the AUC: {100 * (self.second - self.first):+.2f} points "
            f"[{100 * self.low:+.2f}, {100 * self.high:+.2f}], p = {self.p_value:.2g}, "
            "as if comparisons shared no people"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values in percent and percent points."""
        return {
            "first_percent": round(100 * self.first, 4), "second_percent": round(100 * self.second, 4),
            "difference_points": round(100 * (self.second - self.first), 4),
            "difference_interval": [round(100 * self.low, 4), round(100 * self.high, 4)],
            "standard_error_points": round(100 * self.standard_error, 6), "p_value": self.p_value,
            "ignores": "that comparisons share people",
        }  # fmt: skip


def delong_test(first: np.ndarray, second: np.ndarray, mated: np.ndarray) -> DeLong:
    """Test whether two systems have one area under the ROC (DeLong, DeLong, Clarke-Pearson, Biometrics 44, 1988).

    Placements come from mid-ranks (Sun and Xu, IEEE Signal Processing Letters 21, 2014), in the time of a sort.

    Args:
        first: ``(C,)`` scores of the first system.
        second: ``(C,)`` scores of the second, of the same comparisons.
        mated: ``(C,)`` bool.

    Raises:
        DataError: If lengths differ, or there are fewer than two comparisons of a kind.

    Example:
        >>> mated = np.array([True, True, True, False, False, False])
        >>> found = delong_test(np.array([3, 2, 1, 2, 1, 0.0]), np.array([5, 4, 3, 2, 1, 0.0]), mated)
        >>> round(found.first, 4), found.second
        (0.7778, 1.0)
    """
    mated = np.asarray(mated, bool)
    if not len(first) == len(second) == len(mated):
        raise DataError("both systems score the same comparisons", found=f"{len(first)} and {len(second)}")
    count = int(mated.sum())
    if count < 2 or len(mated) - count < 2:
        raise DataError("DeLong's test needs two comparisons of each kind", found=f"{count} and {len(mated) - count}")
    sides = [_placements(np.asarray(scores), mated) for scores in (first, second)]
    one, other = (float(of_mated.mean()) for of_mated, _ in sides)
    # The variance of a difference of paired means is that of the differences.
    gaps = [later - before for before, later in zip(*sides, strict=True)]
    error = math.sqrt(sum(float(gap.var(ddof=1)) / len(gap) for gap in gaps))
    difference = other - one
    if error == 0:
        return DeLong(one, other, 0.0, difference, difference, 1.0 if difference == 0 else 0.0)
    normal = NormalDist()
    reach = normal.inv_cdf(0.975) * error
    p_value = math.erfc(abs(difference) / error / math.sqrt(2))
    return DeLong(one, other, error, difference - reach, difference + reach, p_value)


def _placements(scores: np.ndarray, mated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of non-mated scores below each mated one, and of mated above each non-mated; ties half."""
    genuine, impostor = scores[mated], scores[~mated]
    all_ranks = _mid_ranks(np.concatenate([genuine, impostor]))
    of_mated = (all_ranks[: len(genuine)] - _mid_ranks(genuine)) / len(impostor)
    of_nonmated = 1 - (all_ranks[len(genuine) :] - _mid_ranks(impostor)) / len(genuine)
    return of_mated, of_nonmated


def _mid_ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1 ``(N,)``, equal values sharing their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place])
