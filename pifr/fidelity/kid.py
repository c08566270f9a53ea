"""Kernel distance of two sets of features: whether generated views as a whole look like true ones."""

from __future__ import annotations

import numpy as np

from pifr.core.errors import DataError
from pifr.core.seeds import numpy_generator
from pifr.fidelity.estimate import Estimate, unknown
from pifr.metrics import Interval
from pifr.metrics.bootstrap import LEVEL

SUBSETS = 100
SUBSET_SIZE = 1000


def kernel_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the unbiased squared maximum mean discrepancy under ``(x . y / D + 1) ** 3``.

    Binkowski, Sutherland, Arbel, Gretton, "Demystifying MMD GANs", ICLR 2018, section 4 and equation 4; 0 in the mean
    for two draws of one distribution, so it may be negative.

    Args:
        first: ``(M, D)`` features, two rows or more.
        second: ``(N, D)`` likewise.

    Raises:
        DataError: If a side has fewer than two rows.
    """
    count, other = len(first), len(second)
    if min(count, other) < 2:
        raise DataError("a kernel distance needs two rows a side", found=f"{count} and {other}")
    within = _kernel(first, first), _kernel(second, second)
    means = [(k.sum() - np.trace(k)) / (n * (n - 1)) for k, n in zip(within, (count, other), strict=True)]
    return float(means[0] + means[1] - 2 * _kernel(first, second).mean())


def measure_kid(generated: np.ndarray, true: np.ndarray, people: int, seed: int = 0) -> Estimate:
    """Average the kernel distance over random subsets.

    Args:
        generated: ``(V, D)`` unit vectors of a judge; zero rows are failures and left out.
        true: ``(V, D)`` likewise.
        people: How many people they show, for the record.
        seed: Of the draw of subsets.

    Returns:
        The mean over subsets; its interval holds 95 % of the *subsets*, unlike other intervals, which are over
        people. Features are scaled by the root of D, so that the kernel is ``(cosine + 1) ** 3`` for any judge. NaN
        where a side has fewer than four features.
    """
    sides = [side[side.any(axis=1)] * np.sqrt(side.shape[1]) for side in (generated, true)]
    size = min(SUBSET_SIZE, min(len(side) for side in sides) // 2)
    if size < 2:
        return unknown(people=people)
    generator = numpy_generator("subsets of the kernel distance", seed)
    rounds = np.array([
        kernel_distance(*(side[generator.choice(len(side), size, replace=False)] for side in sides))
        for _ in range(SUBSETS)
    ])  # fmt: skip
    low, high = np.quantile(rounds, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(rounds.mean()), Interval(float(low), float(high), LEVEL, people, rounds), size)


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** 3
