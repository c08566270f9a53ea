"""DeLong's test against its definition, written out in pairs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pifr.core.errors import DataError
from pifr.metrics import delong_test


def by_definition(first, second, mated):
    """Equations 2 to 5 of DeLong et al. (1988): structural components and their covariances."""
    components = []
    for scores in (first, second):
        x, y = scores[mated], scores[~mated]
        wins = (x[:, None] > y) + 0.5 * (x[:, None] == y)
        components.append((wins.mean(axis=1), wins.mean(axis=0)))
    areas = [v10.mean() for v10, _ in components]
    covariance = np.zeros((2, 2))
    for side in range(2):
        stacked = np.stack([components[0][side], components[1][side]])
        covariance += np.cov(stacked) / stacked.shape[1]
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return areas, math.sqrt(max(variance, 0))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 10_000), st.booleans())
def test_it_is_the_definition(genuine, impostors, seed, ties):
    rng = np.random.default_rng(seed)
    mated = np.arange(genuine + impostors) < genuine
    scores = rng.normal(mated[None] * 0.8, 1, size=(2, len(mated)))
    scores = np.round(scores) if ties else scores
    areas, error = by_definition(*scores, mated)
    found = delong_test(*scores, mated)
    assert (found.first, found.second) == (pytest.approx(areas[0]), pytest.approx(areas[1]))
    assert found.standard_error == pytest.approx(error, abs=1e-9)
    assert found.first == pytest.approx(roc_auc_score(mated, scores[0]))
    if error > 1e-9:
        assert found.p_value == pytest.approx(math.erfc(abs(areas[1] - areas[0]) / error / math.sqrt(2)))


def test_a_system_does_not_differ_from_itself():
    scores, mated = np.random.default_rng(0).normal(size=50), np.arange(50) < 20
    found = delong_test(scores, scores * 3 + 1, mated)
    assert (found.low, found.high, found.p_value) == (0.0, 0.0, 1.0)
    assert "+0.00 points" in str(found)


def test_p_values_are_uniform_where_nothing_differs():
    rng = np.random.default_rng(1)
    mated = np.arange(200) < 60
    rejected = [delong_test(*rng.normal(mated[None], 1, size=(2, 200)), mated).p_value < 0.1 for _ in range(300)]
    assert 0.05 < np.mean(rejected) < 0.16


def test_too_few_comparisons_are_refused():
    with pytest.raises(DataError, match="two comparisons of each kind, found 1 and 2"):
        delong_test(np.zeros(3), np.zeros(3), np.array([True, False, False]))
    with pytest.raises(DataError, match="the same comparisons, found 3 and 2"):
        delong_test(np.zeros(3), np.zeros(2), np.array([True, False, False]))
