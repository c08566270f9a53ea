"""Fold accuracy against the rule written out in loops, and against the legacy scripts' arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pifr.core.errors import DataError
from pifr.metrics.folds import best_threshold, fold_accuracy


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(0)
    mated = np.tile([True, False], 300)
    scores = np.clip(rng.normal(np.where(mated, 0.5, 0.1), 0.2), -1, 1)
    return scores, mated, np.repeat(np.arange(10), 60)


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=20))
def test_no_threshold_is_better(rows):
    scores, mated = np.array([r[0] for r in rows]) / 7, np.array([r[1] for r in rows])
    chosen = np.mean((scores >= best_threshold(scores, mated)) == mated)
    for threshold in [*scores, scores.max() + 1]:
        assert chosen >= np.mean((scores >= threshold) == mated)


def test_each_fold_is_tested_at_the_others_threshold(pairs):
    scores, mated, folds = pairs
    found = fold_accuracy(*pairs)
    for fold in range(10):
        rest = folds != fold
        candidates = np.sort(scores[rest])
        best = max(np.mean((scores[rest] >= t) == mated[rest]) for t in candidates)
        threshold = found.thresholds[fold]
        assert np.mean((scores[rest] >= threshold) == mated[rest]) == pytest.approx(best)
        assert found.accuracy[fold] == np.mean((scores[~rest] >= threshold) == mated[~rest])
    assert found.mean == pytest.approx(found.accuracy.mean())
    assert found.standard_error == pytest.approx(found.accuracy.std(ddof=1) / np.sqrt(10))


def test_the_legacy_grid_equals_the_legacy_arithmetic(pairs):
    scores, mated, folds = pairs
    distances, grid = 2 - 2 * scores, np.arange(0, 4, 0.01)
    expected = []
    for fold in range(10):
        train = folds != fold
        accuracies = [np.mean((distances[train] < t) == mated[train]) for t in grid]
        t = grid[np.argmax(accuracies)]
        expected.append(np.mean((distances[~train] < t) == mated[~train]))
    np.testing.assert_allclose(fold_accuracy(*pairs, legacy_grid=True).accuracy, expected)


def test_all_of_one_kind_is_accepted_or_refused_whole():
    assert best_threshold(np.array([0.3, 0.5]), np.array([True, True])) < 0.3
    assert best_threshold(np.array([0.3, 0.5]), np.array([False, False])) > 0.5


def test_one_fold_is_refused():
    with pytest.raises(DataError, match="at least two, found 1"):
        fold_accuracy(np.ones(3), np.ones(3, bool), np.zeros(3))
    with pytest.raises(DataError, match="at least one comparison"):
        best_threshold(np.array([]), np.array([], bool))
