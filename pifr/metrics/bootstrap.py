"""Intervals from a bootstrap over people: whoever is drawn twice weighs twice, no row is ever re-sampled.

Comparisons share people, so they are not independent; drawing comparisons would make intervals far too narrow.
Here people are drawn with replacement and each round is a vector of weights, one a person (Bolle, Ratha,
Pankanti, "Error analysis of pattern recognition systems: the subsets bootstrap", CVIU 2004). A mated comparison
of person i weighs ``w_i``, a non-mated one of i and j weighs ``w_i * w_j``, an identification trial of i weighs
``w_i`` with the gallery held fixed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pifr.core.errors import DataError
from pifr.core.seeds import numpy_generator

ROUNDS = 1000
LEVEL = 0.95
_CUTS = 320
"""Thresholds at which the rates of a round are known; between them they are read on straight lines."""


@dataclass(frozen=True)
class Interval:
    """A percentile interval.

    Attributes:
        low: Lower end; NaN where there are fewer than two people.
        high: Upper end.
        level: The share of intervals that cover the truth, for example 0.95.
        people: How many people stand behind it.
        rounds: The statistic of every bootstrap round, ``(R,)``; kept for paired differences.
    """

    low: float
    high: float
    level: float
    people: int
    rounds: np.ndarray = field(repr=False, compare=False)

    def percent(self) -> list[float] | None:
        """Return ``[low, high]`` in percent for JSON; None where the interval is unknown."""
        if math.isnan(self.low):
            return None
        return [round(100 * self.low, 4), round(100 * self.high, 4)]


@dataclass(frozen=True)
class VerificationIntervals:
    """Intervals of the one-to-one figures.

    Attributes:
        eer: Of the equal error rate.
        tar: Of the true accept rate at each false accept rate asked for.
    """

    eer: Interval
    tar: dict[float, Interval]


def person_weights(people: int, rounds: int = ROUNDS, seed: int = 0) -> np.ndarray:
    """Draw how often each person appears in each round.

    Args:
        people: Number of people.
        rounds: Number of rounds R.
        seed: Equal seeds give equal weights, so that two systems can be compared pair by pair.

    Returns:
        ``(R, people)`` float32 counts; each row sums to ``people``.

    Example:
        >>> person_weights(4, rounds=3).sum(axis=1).tolist()
        [4.0, 4.0, 4.0]
    """
    generator = numpy_generator("bootstrap over people", seed)
    return generator.multinomial(people, np.full(people, 1 / people), size=rounds).astype(np.float32)


def percentile_interval(rounds: np.ndarray, estimate: float, people: int, level: float = LEVEL) -> Interval:
    """Return the interval between the outer percentiles of the rounds.

    A perfect (or hopeless) score leaves nothing to resample and every round says the same. The interval then
    takes the exact binomial bound with each person as one trial, so 100 % of 20 people is [83 %, 100 %].

    Args:
        rounds: ``(R,)`` the statistic in each round, NaN where a round could not give one.
        estimate: The statistic on the data itself.
        people: Number of people behind it.
        level: Coverage.
    """
    known = rounds[np.isfinite(rounds)]
    if people < 2 or not known.size or math.isnan(estimate):
        return Interval(math.nan, math.nan, level, people, rounds)
    tail = (1 - level) / 2
    low, high = (float(value) for value in np.quantile(known, [tail, 1 - tail]))
    if low == high == estimate and estimate in (0.0, 1.0):
        exact = tail ** (1 / people)
        low, high = (exact, 1.0) if estimate == 1.0 else (0.0, 1 - exact)
    return Interval(low, high, level, people, rounds)


def bootstrap_rate(hits: np.ndarray, person: np.ndarray, weights: np.ndarray, level: float = LEVEL) -> Interval:
    """Return the interval of a mean over trials, such as a rank-1 rate.

    Args:
        hits: ``(N,)`` booleans or numbers, one a trial.
        person: ``(N,)`` index of the person of each trial, a column of ``weights``.
        weights: ``(R, people)`` from :func:`person_weights`.
        level: Coverage.

    Raises:
        DataError: If there is no trial.

    Example:
        >>> found = bootstrap_rate(np.array([1, 1, 0, 1]), np.array([0, 0, 1, 2]), person_weights(3))
        >>> found.low, found.high, found.people
        (0.0, 1.0, 3)
    """
    hits = np.asarray(hits, dtype=float)
    if not hits.size:
        raise DataError("an interval needs at least one trial")
    people = weights.shape[1]
    total = np.bincount(person, minlength=people)
    hit = np.bincount(person, weights=hits, minlength=people)
    with np.errstate(invalid="ignore", divide="ignore"):
        rounds = (weights @ hit) / (weights @ total.astype(float))
    return percentile_interval(rounds, float(hits.mean()), int((total > 0).sum()), level)


def paired_difference(first: Interval, second: Interval) -> Interval:
    """Return the interval of ``second - first`` for two systems measured on the same people.

    Both must come from the same weights: each round then compares the systems on the same drawn people, and what
    makes a person hard for both cancels out.

    Args:
        first: Interval of the one system.
        second: Interval of the other.

    Raises:
        DataError: If the two were not drawn in the same number of rounds.

    Example:
        >>> weights, person = person_weights(3), np.array([0, 1, 2])
        >>> a = bootstrap_rate(np.array([1, 0, 0]), person, weights)
        >>> b = bootstrap_rate(np.array([1, 1, 1]), person, weights)
        >>> paired_difference(a, b).low >= 0
        True
    """
    if first.rounds.shape != second.rounds.shape:
        raise DataError(
            "only systems of one bootstrap can be paired", found=f"{len(first.rounds)} and {len(second.rounds)} rounds"
        )
    gaps = second.rounds - first.rounds
    people = min(first.people, second.people)
    known = gaps[np.isfinite(gaps)]
    if people < 2 or not known.size:
        return Interval(math.nan, math.nan, first.level, people, gaps)
    tail = (1 - first.level) / 2
    low, high = (float(value) for value in np.quantile(known, [tail, 1 - tail]))
    return Interval(low, high, first.level, people, gaps)


def bootstrap_verification(
    scores: np.ndarray,
    mated: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    weights: np.ndarray,
    fars: Sequence[float] = (),
    level: float = LEVEL,
) -> VerificationIntervals:
    """Return intervals of EER and TAR@FAR from comparisons that share people.

    Comparisons are counted once into (pair of people) x (cut between thresholds); a round is then one matrix
    product. Cuts are the exact scores where few comparisons lie (all of them up to 320 distinct scores) and
    ranks in geometric progression elsewhere.

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
    from pifr.metrics.verification import equal_error_rate, tar_at_far

    scores, mated = np.asarray(scores), np.asarray(mated, dtype=bool)
    cuts, exact = _cuts(scores[mated], scores[~mated])
    # Bin b holds cuts[b-1] <= score < cuts[b]: a comparison in a bin above b is accepted at threshold cuts[b].
    bins = np.searchsorted(cuts, scores, side="right")
    below_mated = _weighted_bins(bins[mated], first[mated], None, weights, len(cuts))
    below_nonmated = _weighted_bins(bins[~mated], first[~mated], second[~mated], weights, len(cuts))
    with np.errstate(invalid="ignore", divide="ignore"):
        fnmr = below_mated[:, :-1] / below_mated[:, -1:]
        fmr = 1.0 - below_nonmated[:, :-1] / below_nonmated[:, -1:]
    people = len(np.unique(np.concatenate([first, second])))
    eer = percentile_interval(_crossings(fmr, fnmr), equal_error_rate(scores[mated], scores[~mated]), people, level)
    tar = {}
    for far in fars:
        estimate = tar_at_far(scores[mated], scores[~mated], far).tar
        tar[far] = percentile_interval(_tar_rounds(fmr, fnmr, far, exact), estimate, people, level)
    return VerificationIntervals(eer, tar)


def _cuts(mated: np.ndarray, nonmated: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return ascending thresholds ``(C,)`` from accepting all to nothing, and whether they are all there are."""
    distinct = np.unique(np.concatenate([mated, nonmated]))
    exact = len(distinct) <= _CUTS
    if not exact:
        highest_impostors = np.sort(nonmated)[::-1]
        lowest_mates = np.sort(mated)
        distinct = np.unique(np.concatenate([
            distinct[:1],
            highest_impostors[_geometric_ranks(len(nonmated), _CUTS // 2)],
            lowest_mates[_geometric_ranks(len(mated), _CUTS // 2)],
        ]))  # fmt: skip
    return np.append(distinct, np.inf), exact


def _geometric_ranks(count: int, points: int) -> np.ndarray:
    return np.unique(np.geomspace(1, count, min(points, count)).astype(int) - 1)


def _weighted_bins(
    bins: np.ndarray, first: np.ndarray, second: np.ndarray | None, weights: np.ndarray, cuts: int
) -> np.ndarray:
    """Return ``(R, cuts + 1)``: per round the weight below each cut, and in the last column all of it.

    Args:
        bins: ``(N,)`` from ``searchsorted(cuts, score, "right")``: 1 .. cuts.
        first: ``(N,)`` person.
        second: ``(N,)`` other person, None for mated comparisons.
        weights: ``(R, people)``.
        cuts: Number of cuts.
    """
    people = weights.shape[1]
    histogram = np.zeros((len(weights), cuts), dtype=np.float64)
    if second is None:
        counts = np.bincount(first * cuts + (bins - 1), minlength=people * cuts)
        histogram += weights @ counts.reshape(people, cuts).astype(np.float32)
    else:
        order = np.argsort(first, kind="stable")
        bounds = np.searchsorted(first[order], np.arange(people + 1))
        for person in np.flatnonzero(np.diff(bounds)):
            rows = order[bounds[person] : bounds[person + 1]]
            others, column = np.unique(second[rows], return_inverse=True)
            counts = np.bincount(column * cuts + (bins[rows] - 1), minlength=len(others) * cuts)
            there = np.flatnonzero(weights[:, person])
            share = weights[there][:, others] @ counts.reshape(len(others), cuts).astype(np.float32)
            histogram[there] += weights[there, person, None] * share
    below = np.zeros((len(weights), cuts + 1))
    np.cumsum(histogram, axis=1, out=below[:, 1:])
    return below


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
