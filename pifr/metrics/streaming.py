"""Error rates of more comparisons than fit in memory: exact in the tail, fine bins elsewhere, fixed size.

Low false match rates are decided by the highest impostor scores alone, so those are kept as they are. Everything
else is counted in bins of one 524,288th of a cosine, finer than any recogniser's noise.
"""

from __future__ import annotations

import math

import numpy as np

from pifr.core.errors import DataError
from pifr.metrics.verification import ErrorRates, TarAtFar

_BINS_PER_UNIT = 1 << 19
_BINS = 2 * _BINS_PER_UNIT + 1
_CHUNK = 1 << 20


class StreamingScores:
    """Takes cosines block by block and gives verification figures; memory does not grow with their number.

    The true accept rate at a false accept rate is exact as long as the false matches allowed are no more than
    ``tail`` and the mated comparisons no more than ``tail``; beyond that, and for the equal error rate, a figure is
    off by at most the comparisons that share one bin with its threshold.

    Args:
        tail: How many of the highest non-mated scores, and of the mated scores, are kept as they are.

    Example:
        >>> scores = StreamingScores()
        >>> scores.add(np.array([0.9, 0.4, 0.1, 0.7]), np.array([True, True, False, False]))
        >>> scores.tar_at_far(0.5).tar, round(scores.equal_error_rate(), 3)
        (1.0, 0.5)
    """

    def __init__(self, tail: int = 1_000_000) -> None:
        self.tail = tail
        self.mated = self.nonmated = 0
        self._mated_bins = np.zeros(_BINS, np.int64)
        self._nonmated_bins = np.zeros(_BINS, np.int64)
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
        if self._every_mated is not None:
            self._every_mated = None if other._every_mated is None else [*self._every_mated, *other._every_mated]
        self._forget_mated_if_many()

    def tar_at_far(self, far: float) -> TarAtFar:
        """Return the true accept rate at a false accept rate; see :func:`pifr.metrics.tar_at_far`."""
        self._require_both()
        if not 0 < far <= 1:
            raise DataError("a false accept rate lies in (0, 1]", found=far)
        if far * self.nonmated < 1 - 1e-9:
            return TarAtFar(far, math.nan, math.nan, self.nonmated)
        allowed = math.floor(far * self.nonmated + 1e-9)
        tail = self._tail()
        if allowed < len(tail):
            refused = float(np.sort(tail)[len(tail) - allowed - 1])
        elif allowed >= self.nonmated:
            return TarAtFar(far, 1.0, -1.0, self.nonmated)
        else:
            # The upper edge of the bin that holds the highest refused score: never more matches than allowed.
            above = np.cumsum(self._nonmated_bins[::-1])[::-1]
            place = int(np.argmax(above <= allowed))
            refused = float(np.nextafter(_edge(place), -np.inf))
        if self._every_mated is not None:
            genuine = np.sort(np.concatenate(self._every_mated))
            accepted = len(genuine) - int(np.searchsorted(genuine, refused, side="right"))
            threshold = float(genuine[-accepted]) if accepted else math.inf
        else:
            place = int(_bin(np.array([refused], np.float32))[0]) + 1
            accepted, threshold = int(self._mated_bins[place:].sum()), _edge(place)
        return TarAtFar(far, accepted / self.mated, threshold, self.nonmated)

    def equal_error_rate(self) -> float:
        """Return the equal error rate, read at the edges of the bins."""
        return self.error_rates().equal_error_rate()

    def error_rates(self) -> ErrorRates:
        """Return FMR and FNMR at the edges of every bin that holds a comparison."""
        self._require_both()
        used = np.flatnonzero((self._mated_bins > 0) | (self._nonmated_bins > 0))
        below_mated = np.concatenate([[0], np.cumsum(self._mated_bins[used])])
        below_nonmated = np.concatenate([[0], np.cumsum(self._nonmated_bins[used])])
        thresholds = np.append((used - _BINS_PER_UNIT) / _BINS_PER_UNIT, np.inf)
        return ErrorRates(
            thresholds, 1 - below_nonmated / self.nonmated, below_mated / self.mated, self.mated, self.nonmated
        )

    def _add_mated(self, scores: np.ndarray) -> None:
        if not scores.size:
            return
        self.mated += len(scores)
        self._mated_bins += np.bincount(_bin(scores), minlength=_BINS)
        if self._every_mated is not None:
            self._every_mated.append(scores.copy())
            self._forget_mated_if_many()

    def _add_nonmated(self, scores: np.ndarray) -> None:
        if not scores.size:
            return
        self.nonmated += len(scores)
        self._nonmated_bins += np.bincount(_bin(scores), minlength=_BINS)
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
            self._floor = float(kept.min())
        self._highest = kept
        return kept

    def _forget_mated_if_many(self) -> None:
        if self._every_mated is not None and self.mated > self.tail:
            self._every_mated = None

    def _require_both(self) -> None:
        if not self.mated or not self.nonmated:
            raise DataError("there is no mated or no non-mated comparison", found=f"{self.mated} and {self.nonmated}")


def _bin(scores: np.ndarray) -> np.ndarray:
    """Return the bin of each score. Scaling by a power of two is exact, so no score falls on the wrong side."""
    scaled = np.floor(scores * np.float32(_BINS_PER_UNIT)).astype(np.int32)
    return np.clip(scaled + _BINS_PER_UNIT, 0, _BINS - 1)


def _edge(place: int) -> float:
    return (place - _BINS_PER_UNIT) / _BINS_PER_UNIT
