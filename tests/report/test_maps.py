"""Maps of embeddings: from scores alone, repeatable, and people together where the scores say so."""

import numpy as np
import pandas as pd

from pifr.evaluation import ScoreTable
from pifr.report import maps


def all_pairs(people=4, pictures=5, noise=0.05, seed=0):
    """Pictures scattered round one direction a person; every two of them compared."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(np.eye(people, 16), pictures, axis=0)
    vectors = centres + rng.normal(0, noise, centres.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = np.triu_indices(len(vectors), 1)
    table = pd.DataFrame({
        "path": [f"{i}.png" for i in range(len(vectors))],
        "subject": np.repeat([f"p{i}" for i in range(people)], pictures),
        "yaw": np.tile(np.linspace(-90, 90, pictures), people),
    })  # fmt: skip
    scores = {"a": (vectors[first] * vectors[second]).sum(axis=1).astype(np.float32)}
    return ScoreTable(table, first.astype(np.int32), second.astype(np.int32), np.zeros(len(first), bool), scores)


def test_nearest_neighbours_on_the_map_are_the_same_person():
    found = maps.embedding_map(all_pairs(), "a")
    distances = np.linalg.norm(found.places[:, None] - found.places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (found.person[distances.argmin(axis=1)] == found.person).all()


def test_a_map_is_repeatable():
    first, second = (maps.embedding_map(all_pairs(), "a") for _ in range(2))
    np.testing.assert_array_equal(first.places, second.places)


def test_pictures_that_failed_are_left_out():
    table = all_pairs()
    table.scores["a"][(table.probe == 3) | (table.reference == 3)] = np.nan
    assert len(maps.embedding_map(table, "a").places) == 4 * 5 - 1


def test_too_few_pictures_have_no_map():
    assert maps.embedding_map(all_pairs(people=2, pictures=5), "a") is None


def test_large_samples_keep_whole_people(monkeypatch):
    monkeypatch.setattr(maps, "_MOST_PICTURES", 17)
    found = maps.embedding_map(all_pairs(), "a")
    assert np.bincount(found.person).tolist() == [5, 5, 5]
