"""Vectors of unit length: parity with scikit-learn, and what can't have one."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import normalize

from pifr.metrics import unit_length


def test_lengths_are_those_of_scikit_learn() -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 7))
    np.testing.assert_allclose(unit_length(vectors), normalize(vectors))
    assert unit_length(vectors.astype(np.float32)).dtype == np.float32


def test_zero_and_the_unknown_stay_what_they_are() -> None:
    vectors = unit_length(np.array([[0.0, 0.0], [np.nan, 1.0], [0.0, -2.0]]))
    np.testing.assert_array_equal(vectors, [[0.0, 0.0], [np.nan, np.nan], [0.0, -1.0]])
    assert unit_length(np.zeros((0, 3))).shape == (0, 3)
