"""Intervals from a bootstrap over people: whoever is drawn twice weighs twice, no row is ever re-sampled.

Comparisons share people, so they are not independent; drawing comparisons would make intervals far too narrow.
Here people are drawn with replacement and each round is a vector of weights, one a person (Bolle, Ratha,
Pankanti, "Error analysis of pattern recognition systems: the subsets bootstrap", CVIU 2004). A mated comparison
of person i weighs ``w_i``, a non-mated one of i and j weighs ``w_i * w_j``, an identification trial of i weighs
``w_i`` with the gallery held fixed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import numpy as np
from scipy.sparse import coo_array

from pifr.core.errors import DataError
from pifr.core.seeds import numpy_generator

ROUNDS = 1000
LEVEL = 0.95
_BLOCK_NUMBERS = 1 << 19
"""Weights that are drawn, or multiplied in double precision, at once: 4 MB."""
_in_use: WeakValueDictionary[tuple[int, int, int], np.ndarray] = WeakValueDictionary()


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
        return self.scaled(100)

    def scaled(self, scale: float, digits: int = 4) -> list[float] | None:
        """Return both ends times ``scale``, rounded, for JSON; None where the interval is unknown."""
        if math.isnan(self.low):
            return None
        return [round(scale * self.low, digits), round(scale * self.high, digits)]

    def text(self, scale: float, digits: int) -> str:
        """Return both ends times ``scale`` to stand behind a value, `` [92.1, 100.0]``; empty where unknown."""
        if math.isnan(self.low):
            return ""
        return f" [{scale * self.low:.{digits}f}, {scale * self.high:.{digits}f}]"


def person_weights(people: int, rounds: int = ROUNDS, seed: int = 0) -> np.ndarray:
    """Draw how often each person appears in each round.

    Args:
        people: Number of people.
        rounds: Number of rounds R.
        seed: Equal seeds give equal weights, so that two systems can be compared pair by pair.

    Returns:
        ``(R, people)`` float32 counts, read-only; each row sums to ``people``. While one is in use, whoever asks for
        the same gets it again: the systems of a benchmark share one.

    Example:
        >>> person_weights(4, rounds=3).sum(axis=1).tolist()
        [4.0, 4.0, 4.0]
    """
    in_use = _in_use.get((people, rounds, seed))
    if in_use is not None:
        return in_use
    generator, chances = numpy_generator("bootstrap over people", seed), np.full(people, 1 / people)
    weights = np.empty((rounds, people), np.float32)
    for block in _blocks(weights):
        # Draws come as int64, twice the size of what is kept. Row after row of one generator, they are the same.
        block[:] = generator.multinomial(people, chances, size=len(block))
    weights.setflags(write=False)
    _in_use[people, rounds, seed] = weights
    return weights


def _blocks(weights: np.ndarray) -> Iterator[np.ndarray]:
    """Yield views of some rounds each, so few that a copy of them in eight bytes a number is small."""
    count = max(1, _BLOCK_NUMBERS // max(weights.shape[1], 1))
    for start in range(0, max(len(weights), 1), count):  # of no rounds one empty block
        yield weights[start : start + count]


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


def pair_interval(rounds: np.ndarray, estimate: float, people: int, level: float = LEVEL) -> Interval:
    """Return :func:`percentile_interval` of a figure of pairs of people; unknown (NaN) for fewer than three.

    Two people are one pair, which is the same in every round that draws both: it would look perfectly known.

    Args:
        rounds: ``(R,)`` the statistic in each round, NaN where a round could not give one.
        estimate: The statistic on the data itself.
        people: Number of people behind it.
        level: Coverage.
    """
    if people < 3:
        return Interval(math.nan, math.nan, level, people, rounds)
    return percentile_interval(rounds, estimate, people, level)


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
    hit, trials = np.bincount(person, weights=hits, minlength=people), total.astype(float)
    # NumPy would copy all weights as float64 for each of the two products.
    sums = [(exact @ hit, exact @ trials) for exact in (block.astype(float) for block in _blocks(weights))]
    with np.errstate(invalid="ignore", divide="ignore"):
        rounds = np.concatenate([found / drawn for found, drawn in sums])
    return percentile_interval(rounds, float(hits.mean()), int((total > 0).sum()), level)


def bootstrap_pair_rate(
    hits: np.ndarray, first: np.ndarray, second: np.ndarray, weights: np.ndarray, level: float = LEVEL
) -> Interval:
    """Return the interval of a mean over comparisons of two people each, such as a false match rate.

    A comparison of persons i and j weighs ``w_i * w_j``: both are drawn. By the weight of one side alone the interval
    would be about half as wide as it ought to be.

    Args:
        hits: ``(N,)`` booleans or numbers, one a comparison.
        first: ``(N,)`` index of the one person, a column of ``weights``.
        second: ``(N,)`` index of the other.
        weights: ``(R, people)`` from :func:`person_weights`.
        level: Coverage.

    Returns:
        The interval; unknown (NaN) for fewer than three people.

    Raises:
        DataError: If there is no comparison.

    Example:
        >>> pairs = np.array([0, 0, 1]), np.array([1, 2, 2])
        >>> found = bootstrap_pair_rate(np.array([1, 0, 0]), *pairs, person_weights(3))
        >>> found.low, found.high, found.people
        (0.0, 1.0, 3)
    """
    hits = np.asarray(hits, dtype=float)
    if not hits.size:
        raise DataError("an interval needs at least one comparison")
    known, numbers = np.unique(np.concatenate([first, second]), return_inverse=True)
    people, (rows, columns) = len(known), numbers.reshape(2, -1)
    # People by people, but only where two were compared: what any pair of two adds to either sum.
    tables = [coo_array((each, (rows, columns)), (people, people)).tocsr() for each in (hits, np.ones_like(hits))]
    sums = [
        [np.einsum("rp,rp->r", block @ table, block) for table in tables]
        for block in (each[:, known].astype(float) for each in _blocks(weights))
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        rounds = np.concatenate([found / drawn for found, drawn in sums])
    return pair_interval(rounds, float(hits.mean()), people, level)


def paired_difference(first: Interval, second: Interval) -> Interval:
    """Return the interval of ``second - first`` for two systems measured on the same people.

    Both must come from the same weights: each round then compares the systems on the same drawn people, and what
    makes a person hard for both cancels out. Where either interval is unknown (NaN), so is that of the difference.

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
    if math.isnan(first.low) or math.isnan(second.low) or not known.size:
        return Interval(math.nan, math.nan, first.level, people, gaps)
    tail = (1 - first.level) / 2
    low, high = (float(value) for value in np.quantile(known, [tail, 1 - tail]))
    return Interval(low, high, first.level, people, gaps)
