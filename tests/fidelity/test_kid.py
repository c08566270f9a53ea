import numpy as np
import pytest

from pifr.core.errors import DataError
from pifr.fidelity.kid import kernel_distance, measure_kid


def distance_by_loop(x, y):
    """Binkowski et al. 2018, equation 4, pair by pair."""

    def kernel(a, b):
        return (sum(a * b) / len(a) + 1) ** 3

    m, n = len(x), len(y)
    first = sum(kernel(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    second = sum(kernel(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return first + second - 2 * sum(kernel(a, b) for a in x for b in y) / (m * n)


def test_distance_equals_the_formula_pair_by_pair():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(5, 3)), random.normal(size=(7, 3)) + 0.5
    assert kernel_distance(x, y) == pytest.approx(distance_by_loop(x, y))
    with pytest.raises(DataError, match="two rows a side, found 1 and 7"):
        kernel_distance(x[:1], y)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_one_distribution_is_near_zero_and_another_is_not():
    random = np.random.default_rng(1)
    x, y = unit(random.normal(size=(200, 16))), unit(random.normal(size=(200, 16)))
    same, other = measure_kid(x, y, people=10), measure_kid(x, unit(y + 1), people=10)
    assert same.interval.low < 0.03
    assert abs(same.value) < 0.03
    assert other.interval.low > 0.3


def test_failures_are_left_out_and_too_few_features_have_no_distance():
    x = unit(np.random.default_rng(2).normal(size=(6, 4)))
    failed = np.vstack([x, np.zeros((90, 4))])
    assert measure_kid(failed, failed, people=3).trials == 3
    assert np.isnan(measure_kid(x[:3], x, people=3).value)
