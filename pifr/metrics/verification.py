"""One-to-one comparison: FMR and FNMR on exact thresholds, EER, TAR@FAR, AUC, d-prime.

A threshold is exact when it is one of the scores: no grid decides the answer. The terms are those of
ISO/IEC 19795-1: FMR = share of non-mated comparisons accepted, FNMR = share of mated comparisons refused.
FAR and TAR are the names the field uses for FMR and 1 - FNMR.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pifr.core.errors import DataError


@dataclass(frozen=True)
class ErrorRates:
    """Both error rates at every threshold that changes either.

    Attributes:
        thresholds: ``(T,)`` ascending; a comparison is accepted at or above it. The last one is infinity.
        fmr: ``(T,)`` false match rate, falling from 1 to 0.
        fnmr: ``(T,)`` false non-match rate, rising from 0 to 1.
        mated: Number of mated comparisons.
        nonmated: Number of non-mated comparisons.
    """

    thresholds: np.ndarray
    fmr: np.ndarray
    fnmr: np.ndarray
    mated: int
    nonmated: int

    @property
    def tar(self) -> np.ndarray:
        """True accept rate ``(T,)``: 1 - FNMR."""
        return 1.0 - self.fnmr

    def equal_error_rate(self) -> float:
        """Return where FMR and FNMR meet on the straight lines between neighbouring thresholds."""
        return _crossing(self.fmr, self.fnmr)

    def thin(self, points: int) -> ErrorRates:
        """Keep about ``points`` thresholds for a plot, dense where either rate is small, corners of the curve kept."""
        if len(self.thresholds) <= points:
            return self
        third = max(points // 3, 2)
        count = len(self.thresholds)
        tail = np.geomspace(1, count, third).astype(int) - 1
        low_fnmr = np.searchsorted(self.fnmr, np.geomspace(max(1 / max(self.mated, 1), 1e-9), 1, third))
        keep = np.concatenate([
            np.linspace(0, count - 1, third).astype(int), tail, count - 1 - tail, np.minimum(low_fnmr, count - 1),
        ])  # fmt: skip
        keep = np.unique(keep)
        return ErrorRates(self.thresholds[keep], self.fmr[keep], self.fnmr[keep], self.mated, self.nonmated)


@dataclass(frozen=True)
class TarAtFar:
    """The true accept rate at one false accept rate, and what stands behind it.

    Attributes:
        far: The false accept rate asked for.
        tar: The true accept rate; NaN where the impostors are too few to say.
        threshold: The lowest threshold whose FMR is at most ``far``; NaN where the impostors are too few.
        impostor_comparisons: Number of non-mated comparisons.
    """

    far: float
    tar: float
    threshold: float
    impostor_comparisons: int

    @property
    def too_few(self) -> bool:
        """Whether one false match alone would already be more than ``far`` allows."""
        return _too_few(self.impostor_comparisons, self.far)

    def __str__(self) -> str:
        if self.too_few:
            return (
                f"too few impostors: FAR {self.far:g} needs at least {math.ceil(round(1 / self.far, 6)):,} "
                f"non-mated comparisons, there are {self.impostor_comparisons:,}"
            )
        return f"TAR {100 * self.tar:.2f} % at FAR {self.far:g} ({self.impostor_comparisons:,} impostor comparisons)"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; the unknown is null, and ``note`` says why."""
        return {
            "far": self.far,
            "tar_percent": None if self.too_few else 100 * self.tar,
            "threshold": None if not math.isfinite(self.threshold) else self.threshold,
            "impostor_comparisons": self.impostor_comparisons,
            "note": str(self) if self.too_few else None,
        }


def error_rates(mated: np.ndarray, nonmated: np.ndarray) -> ErrorRates:
    """Return FMR and FNMR at every exact threshold.

    Args:
        mated: Scores ``(M,)`` of one person with themselves.
        nonmated: Scores ``(K,)`` of two people.

    Raises:
        DataError: If either is empty or holds a non-finite score.

    Example:
        >>> rates = error_rates(np.array([0.6, 0.9]), np.array([0.1, 0.7]))
        >>> rates.thresholds.tolist()
        [0.1, 0.6, 0.7, 0.9, inf]
        >>> rates.fmr.tolist(), rates.fnmr.tolist()
        ([1.0, 0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5, 1.0])
    """
    mated, nonmated = _sorted(mated, "mated"), _sorted(nonmated, "non-mated")
    thresholds = np.append(np.unique(np.concatenate([mated, nonmated])), np.inf)
    fmr, fnmr = error_rates_at(mated, nonmated, thresholds, presorted=True)
    return ErrorRates(thresholds, fmr, fnmr, len(mated), len(nonmated))


def error_rates_at(
    mated: np.ndarray, nonmated: np.ndarray, thresholds: np.ndarray | float, presorted: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return FMR and FNMR at given thresholds, for example those fixed on a development set.

    Args:
        mated: Scores ``(M,)``.
        nonmated: Scores ``(K,)``.
        thresholds: ``(T,)`` or one number.
        presorted: Both score arrays ascend already.

    Returns:
        FMR and FNMR in the shape of ``thresholds``.

    Example:
        >>> fmr, fnmr = error_rates_at(np.array([0.6, 0.9]), np.array([0.1, 0.7]), 0.65)
        >>> float(fmr), float(fnmr)
        (0.5, 0.5)
    """
    if not presorted:
        mated, nonmated = _sorted(mated, "mated"), _sorted(nonmated, "non-mated")
    fmr = (len(nonmated) - np.searchsorted(nonmated, thresholds, side="left")) / len(nonmated)
    fnmr = np.searchsorted(mated, thresholds, side="left") / len(mated)
    return fmr, fnmr


def roc_points(mated: np.ndarray, nonmated: np.ndarray, points: int = 600) -> ErrorRates:
    """Return the ROC (``fmr`` against ``tar``) thinned to about ``points`` thresholds, enough for any plot."""
    return error_rates(mated, nonmated).thin(points)


def equal_error_rate(mated: np.ndarray, nonmated: np.ndarray) -> float:
    """Return the equal error rate, a share in [0, 1].

    FMR and FNMR are joined by straight lines between neighbouring exact thresholds, the same polyline as
    ``sklearn.metrics.roc_curve(drop_intermediate=False)``; the rate is where it meets FMR = FNMR.

    Args:
        mated: Scores ``(M,)``.
        nonmated: Scores ``(K,)``.

    Raises:
        DataError: If either is empty or holds a non-finite score.

    Example:
        >>> equal_error_rate(np.array([0.8, 0.9]), np.array([0.1, 0.2]))
        0.0
        >>> equal_error_rate(np.array([0.5]), np.array([0.5]))
        0.5
    """
    return error_rates(mated, nonmated).equal_error_rate()


def tar_at_far(mated: np.ndarray, nonmated: np.ndarray, far: float) -> TarAtFar:
    """Return the true accept rate at the lowest exact threshold whose false accept rate is at most ``far``.

    Args:
        mated: Scores ``(M,)``.
        nonmated: Scores ``(K,)``.
        far: Allowed share of accepted impostors, in (0, 1].

    Returns:
        The rate with the number of impostor comparisons behind it; where ``1 / far`` exceeds that number the
        rate is NaN and the result says "too few impostors" in words.

    Raises:
        DataError: If ``far`` is out of range, or a score array is empty or holds a non-finite score.

    Example:
        >>> found = tar_at_far(np.array([0.3, 0.8, 0.9]), np.array([0.1, 0.2, 0.5, 0.85]), far=0.25)
        >>> found.tar, found.threshold  # one of four impostors may pass
        (0.6666666666666666, 0.8)
        >>> print(tar_at_far(np.array([0.9]), np.array([0.1, 0.2]), far=0.001))
        too few impostors: FAR 0.001 needs at least 1,000 non-mated comparisons, there are 2
    """
    if not 0 < far <= 1:
        raise DataError("a false accept rate lies in (0, 1]", found=far)
    mated, nonmated = _sorted(mated, "mated"), _sorted(nonmated, "non-mated")
    if _too_few(len(nonmated), far):
        return TarAtFar(far, math.nan, math.nan, len(nonmated))
    # A hair is added since far * K may fall below a whole number by rounding alone.
    allowed = math.floor(far * len(nonmated) + 1e-9)
    if allowed >= len(nonmated):
        threshold = float(min(mated[0], nonmated[0]))
    else:
        threshold = lowest_above(nonmated[len(nonmated) - allowed - 1], mated, nonmated)
    tar = (len(mated) - np.searchsorted(mated, threshold, side="left")) / len(mated)
    return TarAtFar(far, float(tar), threshold, len(nonmated))


def lowest_above(refused: np.floating[Any], *scores: np.ndarray) -> float:
    """Return the lowest score above ``refused`` in any of some sorted arrays; a hair above it where there is none."""
    above = [side[place] for side in scores if (place := np.searchsorted(side, refused, side="right")) < len(side)]
    # The hair is one of the scores' own precision: in a finer one it would vanish when it is compared with them.
    return float(min(above)) if above else float(np.nextafter(refused, np.inf))


def area_under_curve(mated: np.ndarray, nonmated: np.ndarray) -> float:
    """Return the area under the ROC: the chance that a mated score beats a non-mated one, ties counting half.

    Args:
        mated: Scores ``(M,)``.
        nonmated: Scores ``(K,)``.

    Example:
        >>> area_under_curve(np.array([0.5, 0.9]), np.array([0.1, 0.5]))
        0.875
    """
    mated, nonmated = _sorted(mated, "mated"), _sorted(nonmated, "non-mated")
    below = np.searchsorted(nonmated, mated, side="left").astype(float)
    below_or_equal = np.searchsorted(nonmated, mated, side="right")
    return float((below + below_or_equal).sum() / 2 / len(mated) / len(nonmated))


def d_prime(mated: np.ndarray, nonmated: np.ndarray) -> float:
    """Return the distance of the two score means in units of their pooled standard deviation.

    ``(mean_m - mean_n) / sqrt((var_m + var_n) / 2)`` (Daugman, "The importance of being random", 2003, eq. 1);
    infinite where both sides are constant and differ, 0 where they are equal.

    Args:
        mated: Scores ``(M,)``.
        nonmated: Scores ``(K,)``.

    Example:
        >>> d_prime(np.array([1.0, 3.0]), np.array([-1.0, 1.0]))
        2.0
    """
    mated, nonmated = _sorted(mated, "mated"), _sorted(nonmated, "non-mated")
    gap = float(mated.mean(dtype=float) - nonmated.mean(dtype=float))
    spread = math.sqrt((mated.var(dtype=float) + nonmated.var(dtype=float)) / 2)
    if spread == 0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return gap / spread


def _crossing(fmr: np.ndarray, fnmr: np.ndarray) -> float:
    gap = fnmr - fmr
    # The gap starts at -1, where everything is accepted, and ends at +1, where nothing is.
    after = int(np.argmax(gap >= 0))
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(fmr[after - 1] + share * (fmr[after] - fmr[after - 1]))


def _too_few(comparisons: int, far: float) -> bool:
    return far * comparisons < 1 - 1e-9


def _sorted(scores: np.ndarray, kind: str) -> np.ndarray:
    ordered = np.sort(np.asarray(scores).ravel())
    if not ordered.size:
        raise DataError(
            f"there is no {kind} comparison", cure="the protocol needs two people, and two pictures of one of them"
        )
    # NaN sorts last and infinities to the ends, so the ends tell.
    if not (np.isfinite(ordered[0]) and np.isfinite(ordered[-1])):
        raise DataError(f"{kind} scores must be finite", found="NaN or infinity", cure="check the embeddings")
    return ordered
