"""Cosines of listed pairs: both ways of computing them, two sides, and failures."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pifr.evaluation.scoring import Embedded, score_comparisons


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(30, 12)).astype(np.float32)


def comparisons(first, second, searches=()):
    return SimpleNamespace(
        pictures=pd.DataFrame({"path": [f"{n}.png" for n in range(30)]}), searches=list(searches),
        probe=np.array(first), reference=np.array(second),
    )  # fmt: skip


def cosine(a, b):
    return np.einsum("nd,nd->n", a, b) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("dense", [True, False])
def test_pairs_equal_the_formula_however_they_are_computed(vectors, dense, monkeypatch):
    monkeypatch.setattr("pifr.evaluation.scoring._DOT_ROWS", 7)
    monkeypatch.setattr("pifr.evaluation.scoring._DOT_NUMBERS", 60)
    first, second = np.triu_indices(30, 1) if dense else (np.arange(30), (np.arange(30) * 7 + 3) % 30)
    order = np.random.default_rng(1).permutation(len(first))
    first, second = first[order], second[order]
    side = Embedded(vectors, np.zeros(30, bool))
    found = score_comparisons(comparisons(first, second), side, side)
    np.testing.assert_allclose(found, cosine(vectors[first], vectors[second]), atol=1e-6)
    assert found.dtype == np.float32


def test_each_side_has_its_own_vectors_and_failures(vectors):
    probes = Embedded(vectors, np.arange(30) == 2)
    enrolled = Embedded(-2 * vectors, np.arange(30) == 5)
    search = (np.array([1, 2, 3]), np.array([4, 5]))
    first = np.r_[np.repeat(search[0], 2), [0, 2, 5, 5]]
    second = np.r_[np.tile(search[1], 3), [5, 0, 2, 5]]
    found = score_comparisons(comparisons(first, second, [search]), probes, enrolled, "torch")
    lost = (first == 2) | (second == 5)
    assert np.isnan(found).tolist() == lost.tolist()
    expected = cosine(vectors[first], -vectors[second])
    np.testing.assert_allclose(found[~lost], expected[~lost], atol=1e-6)


def test_wide_vectors_do_not_multiply_the_memory():
    # 40,000 pairs of 20,000 numbers: gathered as rows they would take 3.2 GB a side.
    import tracemalloc

    wide = np.random.default_rng(0).normal(size=(30, 20_000)).astype(np.float32)
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 30, 40_000), rng.integers(0, 30, 40_000)
    side = Embedded(wide, np.zeros(30, bool))
    tracemalloc.start()
    score_comparisons(comparisons(first, second), side, side)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
