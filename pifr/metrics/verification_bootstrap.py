"""Intervals of EER, AUC and TAR@FAR over people, from comparisons that may come block by block.

Comparisons are counted into (pair of people) x (cut between thresholds), and a round is one matrix product; see
:mod:`pifr.metrics.bootstrap` for the weights. The counts of blocks add up, so memory holds one block, not all pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pifr.metrics.bootstrap import LEVEL, Interval, pair_interval
from pifr.metrics.streaming import StreamingScores
from pifr.metrics.verification import area_under_curve, equal_error_rate, tar_at_far

_CUTS = 320
"""Thresholds at which the rates of a round are known; between them they are read on straight lines."""


@dataclass(frozen=True)
class VerificationIntervals:
    """Intervals of the one-to-one figures.

    Attributes:
        eer: Of the equal error rate.
        auc: Of the area under the ROC.
        tar: Of the true accept rate at each false accept rate asked for.
    """

    eer: Interval
    auc: Interval
    tar: dict[float, Interval]


def bootstrap_verification(
    scores: np.ndarray,
    mated: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    weights: np.ndarray,
    fars: Sequence[float] = (),
    level: float = LEVEL,
) -> VerificationIntervals:
    """Return intervals of EER, AUC and TAR@FAR from comparisons that share people.

    Args:
        scores: ``(N,)`` similarities.
        mated: ``(N,)`` booleans.
        first: ``(N,)`` index of the one person, a column of ``weights``.
        second: ``(N,)`` index of the other; equal to ``first`` where mated.
        weights: ``(R, people)`` from :func:`person_weights`.
        fars: False accept rates at which the true accept rate is wanted.
        level: Coverage.

    Returns:
        The intervals; NaN for a false accept rate that the impostors are too few for.

    Raises:
        DataError: If there are no mated or no non-mated comparisons.
    """
    scores, mated = np.asarray(scores), np.asarray(mated, dtype=bool)
    genuine, impostor = scores[mated], scores[~mated]
    counts = VerificationBootstrap(*_cuts(genuine, impostor), weights)
    counts.add(scores, mated, first, second)
    return counts.intervals(
        equal_error_rate(genuine, impostor), area_under_curve(genuine, impostor),
        {far: tar_at_far(genuine, impostor, far).tar for far in fars}, level,
    )  # fmt: skip


class VerificationBootstrap:
    """Counts comparisons between fixed cuts, in every round's weights.

    Cuts are the exact scores where few comparisons lie (all of them up to 320 distinct scores) and ranks in geometric
    progression elsewhere. Blocks that hold a person's comparisons together are fastest.

    Args:
        cuts: ``(C,)`` ascending thresholds, from accepting all to infinity.
        exact: Whether these are all thresholds there are.
        weights: ``(R, people)`` from :func:`person_weights`.
    """

    def __init__(self, cuts: np.ndarray, exact: bool, weights: np.ndarray) -> None:
        self.cuts, self.exact, self.weights = cuts, exact, weights
        self._mated = np.zeros((len(weights), len(cuts)))
        self._nonmated = np.zeros((len(weights), len(cuts)))
        self._seen = np.zeros(weights.shape[1], bool)

    @classmethod
    def for_scores(cls, scores: StreamingScores, weights: np.ndarray) -> VerificationBootstrap:
        """Choose cuts from all scores, taken in a first pass; where every one is kept they are those of a table."""
        return cls(*_streamed_cuts(scores), weights)

    def add(self, scores: np.ndarray, mated: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
        """Count comparisons; arguments as of :func:`bootstrap_verification`."""
        # Bin b holds cuts[b-1] <= score < cuts[b]: a comparison in a bin above b is accepted at threshold cuts[b].
        bins = np.searchsorted(self.cuts, scores, side="right")
        bins = np.maximum(bins, 1)  # the lowest cut may be the edge of a bin, a hair above its scores
        self._seen[first] = self._seen[second] = True
        self._add_mated(bins[mated], first[mated])
        self._add_nonmated(bins[~mated], first[~mated], second[~mated])

    def intervals(self, eer: float, auc: float, tar: dict[float, float], level: float = LEVEL) -> VerificationIntervals:
        """Return the intervals around the figures found on the data itself."""
        below_mated, below_nonmated = (_below(each) for each in (self._mated, self._nonmated))
        with np.errstate(invalid="ignore", divide="ignore"):
            fnmr = below_mated[:, :-1] / below_mated[:, -1:]
            fmr = 1.0 - below_nonmated[:, :-1] / below_nonmated[:, -1:]
        people = int(self._seen.sum())
        rounds = {far: _tar_rounds(fmr, fnmr, far, self.exact) for far in tar}
        return VerificationIntervals(
            pair_interval(_crossings(fmr, fnmr), eer, people, level),
            pair_interval(_areas(fmr, fnmr), auc, people, level),
            {far: pair_interval(rounds[far], tar[far], people, level) for far in tar},
        )

    def _add_mated(self, bins: np.ndarray, person: np.ndarray) -> None:
        if not len(bins):
            return
        people, row = np.unique(person, return_inverse=True)
        cuts = len(self.cuts)
        counts = np.bincount(row * cuts + (bins - 1), minlength=len(people) * cuts)
        self._mated += self.weights[:, people] @ counts.reshape(len(people), cuts).astype(np.float32)

    def _add_nonmated(self, bins: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
        if not len(bins):
            return
        cuts = len(self.cuts)
        order = np.argsort(first, kind="stable")
        people, starts = np.unique(first[order], return_index=True)
        for person, rows in zip(people, np.split(order, starts[1:]), strict=True):
            others, column = np.unique(second[rows], return_inverse=True)
            counts = np.bincount(column * cuts + (bins[rows] - 1), minlength=len(others) * cuts)
            there = np.flatnonzero(self.weights[:, person])
            share = self.weights[there][:, others] @ counts.reshape(len(others), cuts).astype(np.float32)
            self._nonmated[there] += self.weights[there, person, None] * share


def _cuts(mated: np.ndarray, nonmated: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return ascending thresholds ``(C,)`` from accepting all to nothing, and whether they are all there are."""
    distinct = np.unique(np.concatenate([mated, nonmated]))
    if len(distinct) <= _CUTS:
        return np.append(distinct, np.inf), True
    highest_impostors, lowest_mates = np.sort(nonmated)[::-1], np.sort(mated)
    return _joined(
        distinct[:1], highest_impostors[_geometric_ranks(len(nonmated))], lowest_mates[_geometric_ranks(len(mated))]
    ), False  # fmt: skip


def _streamed_cuts(scores: StreamingScores) -> tuple[np.ndarray, bool]:
    if scores.exact:
        mated = scores.lowest_mated(np.arange(scores.mated)).astype(np.float32)
        return _cuts(mated, scores.highest_nonmated(np.arange(scores.nonmated)).astype(np.float32))
    lowest = scores.error_rates().thresholds[:1]
    highest_impostors = scores.highest_nonmated(_geometric_ranks(scores.nonmated))
    return _joined(lowest, highest_impostors, scores.lowest_mated(_geometric_ranks(scores.mated))), False


def _joined(lowest: np.ndarray, highest_impostors: np.ndarray, lowest_mates: np.ndarray) -> np.ndarray:
    return np.append(np.unique(np.concatenate([lowest, highest_impostors, lowest_mates])), np.inf)


def _geometric_ranks(count: int) -> np.ndarray:
    return np.unique(np.geomspace(1, count, min(_CUTS // 2, count)).astype(int) - 1)


def _below(histogram: np.ndarray) -> np.ndarray:
    """Return ``(R, cuts + 1)``: per round the weight below each cut, and in the last column all of it."""
    return np.concatenate([np.zeros((len(histogram), 1)), np.cumsum(histogram, axis=1)], axis=1)


def _areas(fmr: np.ndarray, fnmr: np.ndarray) -> np.ndarray:
    """Return per round ``(R,)`` the area under the polyline of TAR over FMR ``(R, C)``."""
    tar = 1.0 - fnmr
    return np.asarray(((fmr[:, :-1] - fmr[:, 1:]) * (tar[:, :-1] + tar[:, 1:]) / 2).sum(axis=1))


def _crossings(fmr: np.ndarray, fnmr: np.ndarray) -> np.ndarray:
    """Return per round ``(R,)`` where the polylines FMR and FNMR ``(R, C)`` meet; NaN where a round has neither."""
    gap = fnmr - fmr
    after = np.argmax(gap >= 0, axis=1)
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(gap))
    step = gap[rows, after] - gap[rows, before]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(after > 0, -gap[rows, before] / step, 0.0)
    rates = fmr[rows, before] + share * (fmr[rows, after] - fmr[rows, before])
    return np.where(np.isnan(gap).any(axis=1), np.nan, rates)


def _tar_rounds(fmr: np.ndarray, fnmr: np.ndarray, far: float, exact: bool) -> np.ndarray:
    """Return per round ``(R,)`` the TAR at the lowest threshold whose FMR is at most ``far``; NaN for an empty round.

    Where the cuts are not all thresholds, the rates are read on the straight line to the cut before.
    """
    rows = np.arange(len(fmr))
    first = np.argmax(fmr <= far + 1e-12, axis=1)
    refused = fnmr[rows, first]
    if not exact:
        before = np.maximum(first - 1, 0)
        step = fmr[rows, before] - fmr[rows, first]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(step > 0, (far - fmr[rows, first]) / step, 0.0)
        refused = refused + share * (fnmr[rows, before] - refused)
    return np.where(np.isnan(fmr).any(axis=1) | np.isnan(fnmr).any(axis=1), np.nan, 1.0 - refused)
