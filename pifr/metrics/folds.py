"""Accuracy over folds, the threshold of each fold set on the others, as in LFW, CFP, CPLFW, CALFW and AgeDB-30.

G. Huang et al., "Labeled Faces in the Wild", technical report 07-49, 2007, view 2: report the mean accuracy of ten
folds and its standard error; each fold is tested at the threshold that is best on the nine others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pifr.core.errors import DataError


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy of each fold.

    Attributes:
        accuracy: ``(F,)`` share of right decisions in each fold.
        thresholds: ``(F,)`` threshold that the other folds chose for it.
    """

    accuracy: np.ndarray
    thresholds: np.ndarray

    @property
    def mean(self) -> float:
        """Mean accuracy of the folds."""
        return float(self.accuracy.mean())

    @property
    def deviation(self) -> float:
        """Standard deviation over the folds, the figure after the plus-minus sign in most papers."""
        return float(self.accuracy.std())

    @property
    def standard_error(self) -> float:
        """LFW's own figure: the sample deviation over the square root of the number of folds."""
        return float(self.accuracy.std(ddof=1) / math.sqrt(len(self.accuracy))) if len(self.accuracy) > 1 else math.nan


def fold_accuracy(scores: np.ndarray, mated: np.ndarray, folds: np.ndarray, legacy_grid: bool = False) -> FoldAccuracy:
    """Return the accuracy of each fold at the threshold that is best on all other folds.

    Args:
        scores: ``(N,)`` similarities; cosines where ``legacy_grid`` is used.
        mated: ``(N,)`` booleans.
        folds: ``(N,)`` number of the fold of each comparison.
        legacy_grid: Choose among squared distances ``2 - 2 cos`` of 0, 0.01 ... 3.99 and accept below them, the
            lowest of equals, as the scripts of FaceNet and InsightFace do; otherwise among exact thresholds.

    Raises:
        DataError: If there are fewer than two folds.

    Example:
        >>> found = fold_accuracy(np.array([0.9, 0.1, 0.8, 0.3]), np.array([1, 0, 1, 0], bool), np.array([0, 0, 1, 1]))
        >>> found.accuracy.tolist(), found.thresholds.round(2).tolist()
        ([1.0, 1.0], [0.55, 0.5])
    """
    scores, mated, folds = np.asarray(scores, dtype=float), np.asarray(mated, dtype=bool), np.asarray(folds)
    names = np.unique(folds)
    if len(names) < 2:
        raise DataError("folds need each other: there must be at least two", found=len(names))
    accuracy, thresholds = [], []
    for name in names:
        here = folds == name
        choose = _best_on_grid if legacy_grid else best_threshold
        threshold = choose(scores[~here], mated[~here])
        # The legacy scripts accept a distance below the threshold, so an equal score is refused there.
        accepted = scores[here] > threshold if legacy_grid else scores[here] >= threshold
        accuracy.append(float(np.mean(accepted == mated[here])))
        thresholds.append(threshold)
    return FoldAccuracy(np.array(accuracy), np.array(thresholds))


def best_threshold(scores: np.ndarray, mated: np.ndarray) -> float:
    """Return a threshold with the most right decisions, half-way between two neighbouring scores.

    Of several equally good ones the lowest is taken. Half-way, since on a score itself the next fold's comparison
    that is lower by a hair would fall on the other side.

    Args:
        scores: ``(N,)``.
        mated: ``(N,)`` booleans.

    Example:
        >>> best_threshold(np.array([0.2, 0.6, 0.9]), np.array([False, True, True]))
        0.4
    """
    scores, mated = np.asarray(scores, dtype=float), np.asarray(mated, dtype=bool)
    if not scores.size:
        raise DataError("a threshold needs at least one comparison")
    order = np.argsort(scores, kind="stable")
    ascending, same = scores[order], mated[order]
    # Cutting before place k accepts all from k on: right are the non-mated below and the mated from k on.
    right = np.concatenate([[0], np.cumsum(~same)]) + np.concatenate([[same.sum()], same.sum() - np.cumsum(same)])
    possible = np.concatenate([[True], ascending[1:] > ascending[:-1], [True]])
    place = int(np.argmax(np.where(possible, right, -1)))
    if place == 0:
        return float(np.nextafter(ascending[0], -np.inf))
    if place == len(ascending):
        return float(np.nextafter(ascending[-1], np.inf))
    return float((ascending[place - 1] + ascending[place]) / 2)


def _best_on_grid(scores: np.ndarray, mated: np.ndarray) -> float:
    """Return the cosine of the legacy grid's best squared distance."""
    distances = 2 - 2 * scores
    grid = np.arange(0, 4, 0.01)
    genuine, impostor = np.sort(distances[mated]), np.sort(distances[~mated])
    right = np.searchsorted(genuine, grid, side="left") + len(impostor) - np.searchsorted(impostor, grid, side="left")
    return float(1 - grid[int(np.argmax(right))] / 2)
