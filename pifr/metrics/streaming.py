"""Error rates of more comparisons than fit in memory: exact in the tail, fine bins elsewhere, fixed size.

Low false match rates are decided by the highest impostor scores alone, so those are kept as they are. Everything
else is counted in bins of one 524,288th of a cosine, finer than any recogniser's noise.
"""

from __future__ import annotations

import math

import numpy as np

from pifr.core.errors import DataError
from pifr.metrics.verification import ErrorRates, TarAtFar, area_under_curve, error_rates, lowest_above

BINS_PER_UNIT = 1 << 19
TAIL = 1_000_000
FAILED = -1.0005
"""The score of a comparison in which a picture failed: below every cosine, so no threshold accepts it."""
_CHUNK = 1 << 20


class StreamingScores:
    """Takes cosines block by block and gives verification figures; memory does not grow with their number.

    Every figure is exact as long as neither kind of comparison comes more than ``tail`` times. The true accept rate
    at a false accept rate is exact as long as the false matches allowed are fewer than ``tail`` and the mated
    comparisons no more than ``tail``; beyond that a figure is off by at most the comparisons that share one bin with
    its threshold.

    Args:
        tail: How many of the highest non-mated scores, and of the mated scores, are kept as they are.
        bins_per_unit: Bins a unit of cosine, a power of two.

    Example:
        >>> scores = StreamingScores()
        >>> scores.add(np.array([0.9, 0.4, 0.1, 0.7]), np.array([True, True, False, False]))
        >>> scores.tar_at_far(0.5).tar, round(scores.equal_error_rate(), 3)
        (1.0, 0.5)
    """

    def __init__(self, tail: int = TAIL, bins_per_unit: int = BINS_PER_UNIT) -> None:
        self.tail, self.bins_per_unit = tail, bins_per_unit
        self.mated = self.nonmated = 0
        self._mated_bins = np.zeros(2 * bins_per_unit + 1, np.int64)
        self._nonmated_bins = np.zeros(2 * bins_per_unit + 1, np.int64)
        self._highest = np.zeros(0, np.float32)
        self._waiting: list[np.ndarray] = []
        self._floor = -math.inf
        self._every_mated: list[np.ndarray] | None = []

    def add(self, scores: np.ndarray, mated: np.ndarray) -> None:
        """Take comparisons.

        Args:
            scores: ``(N,)`` cosines; a hair outside [-1, 1] is allowed.
            mated: ``(N,)`` booleans.

        Raises:
            DataError: If a score is not finite or no cosine.
        """
        scores, mated = np.asarray(scores, np.float32).ravel(), np.asarray(mated, bool).ravel()
        for start in range(0, len(scores), _CHUNK):
            block, same = scores[start : start + _CHUNK], mated[start : start + _CHUNK]
            if not (np.abs(block) <= 1.001).all():
                raise DataError(
                    "streaming takes cosines, finite and from -1 to 1", found=f"{block.min()}..{block.max()}"
                )
            self._add_mated(block[same])
            self._add_nonmated(block[~same])

    def merge(self, other: StreamingScores) -> None:
        """Take all that another accumulator has taken, for example that of another process."""
        self.mated += other.mated
        self.nonmated += other.nonmated
        self._mated_bins += other._mated_bins
        self._nonmated_bins += other._nonmated_bins
        self._keep_highest(other._tail())
        # A full tail taken over has forgotten all below its own floor, though nothing is cut off here.
        self._floor = max(self._floor, other._floor)
        if self._every_mated is not None:
            self._every_mated = None if other._every_mated is None else [*self._every_mated, *other._every_mated]
        self._forget_mated_if_many()

    @property
    def exact(self) -> bool:
        """Whether every score is still kept as it is."""
        return self._every_mated is not None and len(self._tail()) == self.nonmated

    def tar_at_far(self, far: float) -> TarAtFar:
        """Return the true accept rate at a false accept rate; see :func:`pifr.metrics.tar_at_far`."""
        self._require_both()
        if not 0 < far <= 1:
            raise DataError("a false accept rate lies in (0, 1]", found=far)
        if far * self.nonmated < 1 - 1e-9:
            return TarAtFar(far, math.nan, math.nan, self.nonmated)
        allowed = math.floor(far * self.nonmated + 1e-9)
        if allowed >= self.nonmated:
            return TarAtFar(far, 1.0, -1.0, self.nonmated)
        refused = float(self.highest_nonmated(np.array([allowed]))[0])
        genuine, tail = self._sorted_mated() if self._every_mated is not None else None, np.sort(self._tail())
        if allowed >= len(tail):
            threshold = math.nextafter(refused, math.inf)  # what was refused is a hair below the edge of a bin
        elif genuine is not None:
            threshold = lowest_above(np.float32(refused), genuine, tail)
        else:
            threshold = float(self._edge(int(self._bin(np.array([refused], np.float32))[0]) + 1))
        accepted = self._share_at_least(threshold, True)
        if not accepted and refused <= self._edge(1):
            threshold = math.inf  # where every picture failed, no score is above the failures' place
        return TarAtFar(far, accepted, threshold, self.nonmated)

    def equal_error_rate(self) -> float:
        """Return the equal error rate, read at the edges of the bins unless every score is kept."""
        return self.error_rates().equal_error_rate()

    def area_under_curve(self) -> float:
        """Return the area under the ROC; comparisons of one bin count as equal unless every score is kept."""
        self._require_both()
        if self.exact:
            return area_under_curve(self._sorted_mated(), self._tail())
        below = np.cumsum(self._nonmated_bins) - self._nonmated_bins
        won = self._mated_bins * (below + self._nonmated_bins / 2)
        return float(won.sum() / self.mated / self.nonmated)

    def error_rates(self) -> ErrorRates:
        """Return FMR and FNMR at every score, or at the edges of every bin that holds one."""
        self._require_both()
        if self.exact:
            return error_rates(self._sorted_mated(), self._tail())
        used = np.flatnonzero((self._mated_bins > 0) | (self._nonmated_bins > 0))
        below_mated = np.concatenate([[0], np.cumsum(self._mated_bins[used])])
        below_nonmated = np.concatenate([[0], np.cumsum(self._nonmated_bins[used])])
        thresholds = np.append((used - self.bins_per_unit) / self.bins_per_unit, np.inf)
        return ErrorRates(
            thresholds, 1 - below_nonmated / self.nonmated, below_mated / self.mated, self.mated, self.nonmated
        )

    def error_rates_at(self, threshold: float) -> tuple[float, float]:
        """Return FMR and FNMR at a threshold; beyond the tail as if it were the lower edge of its bin."""
        self._require_both()
        return self._share_at_least(threshold, False), self.false_nonmatch_rate_at(threshold)

    def false_nonmatch_rate_at(self, threshold: float) -> float:
        """Return the share of mated comparisons below a threshold."""
        return 1 - self._share_at_least(threshold, True)

    def highest_nonmated(self, ranks: np.ndarray) -> np.ndarray:
        """Return non-mated scores by their rank from the highest, from 0, ``(N,)``.

        Beyond the tail it is the upper edge of a bin: never fewer scores above it than there are.
        """
        tail = np.sort(self._tail())[::-1]
        found = np.empty(len(ranks))
        kept = ranks < len(tail)
        found[kept] = tail[ranks[kept]]
        if not kept.all():
            from_the_top = np.cumsum(self._nonmated_bins[::-1])
            place = len(from_the_top) - np.searchsorted(from_the_top, ranks[~kept], side="right")
            found[~kept] = np.nextafter(self._edge(place), -np.inf)
        return found

    def lowest_mated(self, ranks: np.ndarray) -> np.ndarray:
        """Return mated scores by their rank from the lowest, from 0, ``(N,)``; the lower edge of a bin if not kept."""
        if self._every_mated is not None:
            return self._sorted_mated()[ranks].astype(float)
        place = np.searchsorted(np.cumsum(self._mated_bins), ranks, side="right")
        return np.asarray(self._edge(place))

    def histogram(self, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return mated and non-mated counts ``(bins,)`` between equally wide edges ``(bins + 1,)`` for a plot."""
        used = np.flatnonzero((self._mated_bins > 0) | (self._nonmated_bins > 0))
        used = used[used > 0] if len(used) > 1 else used  # failures lie in the lowest bin
        centres = (used + 0.5 - self.bins_per_unit) / self.bins_per_unit
        edges = np.linspace(centres[0], centres[-1] + 1e-9, bins + 1)
        mated, nonmated = (
            np.histogram(centres, edges, weights=side[used])[0] for side in (self._mated_bins, self._nonmated_bins)
        )
        return mated, nonmated, edges

    def state(self) -> dict[str, np.ndarray]:
        """Return all there is as arrays, for a file; :meth:`from_state` reads them."""
        mated, nonmated = np.flatnonzero(self._mated_bins), np.flatnonzero(self._nonmated_bins)
        kept = self._every_mated is not None
        return {
            "sizes": np.array([self.tail, self.bins_per_unit, self.mated, self.nonmated, kept]),
            "mated_bins": mated, "mated_counts": self._mated_bins[mated],
            "nonmated_bins": nonmated, "nonmated_counts": self._nonmated_bins[nonmated],
            "highest": np.sort(self._tail()), "every_mated": self._sorted_mated() if kept else np.zeros(0, np.float32),
        }  # fmt: skip

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray]) -> StreamingScores:
        """Return an accumulator as it was when :meth:`state` was called."""
        tail, bins, mated, nonmated, kept = (int(each) for each in state["sizes"])
        found = cls(tail, bins)
        found.mated, found.nonmated = mated, nonmated
        found._mated_bins[state["mated_bins"]] = state["mated_counts"]
        found._nonmated_bins[state["nonmated_bins"]] = state["nonmated_counts"]
        found._highest = state["highest"]
        found._floor = float(found._highest[0]) if len(found._highest) < nonmated else -math.inf
        found._every_mated = [state["every_mated"]] if kept else None
        return found

    def _add_mated(self, scores: np.ndarray) -> None:
        if not scores.size:
            return
        self.mated += len(scores)
        _count(self._mated_bins, self._bin(scores))
        if self._every_mated is not None:
            self._every_mated.append(scores.copy())
            self._forget_mated_if_many()

    def _add_nonmated(self, scores: np.ndarray) -> None:
        if not scores.size:
            return
        self.nonmated += len(scores)
        _count(self._nonmated_bins, self._bin(scores))
        self._keep_highest(scores[scores > self._floor])

    def _keep_highest(self, scores: np.ndarray) -> None:
        self._waiting.append(scores.copy())
        if sum(map(len, self._waiting)) > self.tail // 2:
            self._highest = self._tail()

    def _tail(self) -> np.ndarray:
        """Return the kept non-mated scores, in no order, and forget the rest."""
        kept = np.concatenate([self._highest, *self._waiting])
        self._waiting = []
        if len(kept) > self.tail:
            kept = np.partition(kept, len(kept) - self.tail)[-self.tail :]
            self._floor = max(self._floor, float(kept.min()))
        self._highest = kept
        return kept

    def _sorted_mated(self) -> np.ndarray:
        assert self._every_mated is not None
        joined = np.sort(np.concatenate([np.zeros(0, np.float32), *self._every_mated]))
        self._every_mated = [joined]
        return joined

    def _share_at_least(self, threshold: float, mated: bool) -> float:
        total = self.mated if mated else self.nonmated
        if mated and self._every_mated is not None:
            return (total - int(np.searchsorted(self._sorted_mated(), threshold, side="left"))) / total
        if not mated:
            tail = self._tail()  # sets the floor
            if len(tail) == total or threshold > self._floor:
                return int((tail >= threshold).sum()) / total
        bins = self._mated_bins if mated else self._nonmated_bins
        # Not clipped above, unlike a score: no bin is beyond the last one's upper edge.
        place = np.floor(np.float32(threshold) * np.float32(self.bins_per_unit)) + self.bins_per_unit
        return int(bins[int(np.clip(place, 0, len(bins))) :].sum()) / total

    def _forget_mated_if_many(self) -> None:
        if self._every_mated is not None and self.mated > self.tail:
            self._every_mated = None

    def _require_both(self) -> None:
        if not self.mated or not self.nonmated:
            raise DataError("there is no mated or no non-mated comparison", found=f"{self.mated} and {self.nonmated}")

    def _bin(self, scores: np.ndarray) -> np.ndarray:
        """Return the bin of each score. Scaling by a power of two is exact, so no score falls on the wrong side."""
        scaled = np.floor(scores * np.float32(self.bins_per_unit)).astype(np.int32)
        return np.clip(scaled + self.bins_per_unit, 0, 2 * self.bins_per_unit)

    def _edge(self, place: np.ndarray | int) -> np.ndarray | float:
        return (place - self.bins_per_unit) / self.bins_per_unit


def _count(bins: np.ndarray, places: np.ndarray) -> None:
    # A handful of scores must not cost a pass over a million bins.
    if len(places) * 8 < len(bins):
        np.add.at(bins, places, 1)
    else:
        bins += np.bincount(places, minlength=len(bins))
