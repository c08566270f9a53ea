"""Exact search: both engines against a matrix product, and the vectors no search may see."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pifr.core.errors import DataError, DependencyError
from pifr.evaluation import build_index, engines
from pifr.evaluation.retrieval import ExactSearch, unit_vectors

ENGINES = ["faiss", "torch"]
_EMPTY = engines._empty


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 16)).astype(np.float32), rng.normal(size=(40, 16)).astype(np.float32)


def brute(gallery, probes):
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (gallery.astype(float), probes.astype(float))]
    return unit[1] @ unit[0].T


@pytest.mark.parametrize("engine", ENGINES)
def test_both_engines_equal_the_matrix_product(vectors, engine, monkeypatch):
    # Small blocks, so that merging the best of several gallery blocks is exercised.
    monkeypatch.setattr("pifr.evaluation.retrieval._GALLERY_BLOCK", 64)
    monkeypatch.setattr("pifr.evaluation.retrieval._BLOCK", 16)
    gallery, probes = vectors
    scores, rows = ExactSearch(gallery, engine=engine).search(probes, 10)
    expected = brute(gallery, probes)
    np.testing.assert_array_equal(rows, np.argsort(-expected, axis=1)[:, :10])
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1)[:, :10], atol=1e-6)
    np.testing.assert_allclose(ExactSearch(gallery, engine=engine).scores(probes), expected, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_asking_for_more_than_there_is_gives_all(vectors, engine):
    scores, rows = ExactSearch(vectors[0][:3], engine=engine).search(vectors[1], 99)
    assert scores.shape == rows.shape == (40, 3)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 8), st.floats(0.1, 100))
def test_length_of_a_vector_never_counts(gallery, probes, width, scale):
    rng = np.random.default_rng(gallery * 100 + probes)
    g, p = rng.normal(size=(gallery, width)), rng.normal(size=(probes, width))
    plain = ExactSearch(g, engine="torch").scores(p)
    np.testing.assert_allclose(plain, ExactSearch(g * scale, engine="torch").scores(p / scale), atol=1e-5)
    assert (np.abs(plain) <= 1 + 1e-5).all()


@pytest.mark.parametrize(("bad", "why"), [(np.nan, "is not finite"), (np.inf, "is not finite"), (0.0, "is zero")])
def test_vectors_without_direction_are_named(vectors, bad, why):
    gallery = vectors[0][:3].copy()
    gallery[1:] = bad
    with pytest.raises(DataError, match=rf"two\.png and 1 more: the enrolled embedding {why}"):
        ExactSearch(gallery, names=["one.png", "two.png", "three.png"])
    with pytest.raises(DataError, match=f"row 1 and 1 more: the probe embedding {why}"):
        ExactSearch(vectors[0], engine="torch").search(gallery, 1)


def test_wrong_width_and_empty_gallery_are_refused(vectors):
    with pytest.raises(DataError, match="different widths: 16 are enrolled, found 8"):
        ExactSearch(vectors[0]).search(vectors[1][:, :8], 1)
    with pytest.raises(DataError, match="gallery is empty"):
        ExactSearch(np.zeros((0, 4)))
    with pytest.raises(DataError, match="table"):
        unit_vectors(np.ones(3))


def test_a_flat_gallery_is_built_in_one_place(vectors, monkeypatch):
    built = []
    monkeypatch.setattr("pifr.evaluation.engines._empty", lambda *args: built.append(args) or _EMPTY(*args))
    gallery, probes = vectors
    exact = ExactSearch(gallery, engine="faiss").search(probes, 3)
    index = build_index(gallery, [str(row) for row in range(len(gallery))], engine="faiss").search(probes, 3)
    assert len(built) == 2
    for one, other in zip(exact, index, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_faiss_torch_takes_over(vectors, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert ExactSearch(vectors[0]).engine == "torch"
    with pytest.raises(DependencyError, match="faiss-cpu"):
        ExactSearch(vectors[0], engine="faiss")
