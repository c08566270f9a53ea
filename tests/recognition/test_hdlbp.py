"""The trained baseline: projection against scikit-learn, saving, loading, and mistakes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from pifr.cli.train_baseline import train_baseline
from pifr.core.errors import CheckpointError, ConfigError, DataError
from pifr.core.files import sha256_of_file
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.seen import data_folders
from pifr.recognition import embed_manifest, load_embedder
from pifr.recognition.hdlbp.config import FeatureConfig, ProjectionConfig
from pifr.recognition.hdlbp.training import _sample, learn_projection, train_hdlbp

SMALL = FeatureConfig(sizes_px=(64, 45), cell_px=8, cells=2)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(12), 5)
    return (rng.normal(size=(12, 80))[person] + rng.normal(size=(60, 80))).astype(np.float32), person


@pytest.fixture(scope="module")
def baseline(people: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline trained on eight people; read only."""
    folder = tmp_path_factory.mktemp("baseline") / "hdlbp"
    train_hdlbp(people.of_split("train"), folder, SMALL)
    return folder


def test_projection_is_scikit_learns_pca_then_lda(table):
    features, person = table
    mean, matrix, share = learn_projection(features.copy(), person, ProjectionConfig(pca_dims=20))
    pca = PCA(20, svd_solver="full").fit(features)
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(pca.transform(features), person)
    expected = pca.transform(features) @ lda.scalings_[:, :11]
    found = (features - mean) @ matrix
    assert found.shape == (60, 11)
    assert share == pytest.approx(pca.explained_variance_ratio_.sum(), abs=0.02)
    # A randomised PCA turns its last components a little; the geometry between pictures is what counts.
    assert np.corrcoef((found @ found.T).ravel(), (expected @ expected.T).ravel())[0, 1] > 0.95


def test_without_lda_components_are_whitened(table):
    features, person = table
    mean, matrix, _ = learn_projection(features.copy(), person, ProjectionConfig(pca_dims=10, lda=False))
    found = (features - mean) @ matrix
    np.testing.assert_allclose(np.cov(found.T), np.eye(10), atol=0.02)


def test_lda_tells_people_apart_better_than_raw_features(baseline, people):
    held_out = people.of_split("val")
    frontal = held_out.select(np.abs(held_out.yaw_degrees) <= 30)
    vectors = embed_manifest(load_embedder(f"hdlbp:{baseline}"), frontal).vectors
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    person = frontal.table["subject"].to_numpy()
    same = person[:, None] == person
    other = ~np.eye(len(person), dtype=bool)
    cosines = vectors @ vectors.T
    assert cosines[same & other].mean() > cosines[~same].mean() + 0.1


def test_a_folder_loads_as_it_was_saved(baseline, people):
    embedder = load_embedder(f"hdlbp:{baseline}")
    assert (embedder.name, embedder.spec.size_px, embedder.spec.template) == ("hdlbp:hdlbp", 64, "unaligned")
    assert embedder.sha256 == sha256_of_file(baseline / "weights.safetensors")
    assert embedder.training_people == set(people.of_split("train").subjects)
    assert embedder.training_folders == set(data_folders(people.of_split("train")))
    meta = json.loads((baseline / "meta.json").read_text())
    assert (meta["pictures"], meta["points"]) == (56, "a regular grid of 5 x 5 points")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
    vectors = embedder(pixels)
    assert (vectors.shape, vectors.dtype) == ((40, 7), np.float32)  # eight people span seven directions
    np.testing.assert_allclose(embedder(pixels[33:34])[0], vectors[33], rtol=1e-3, atol=1e-4)
    assert embedder(pixels[:0]).shape == (0, 7)


def test_training_twice_gives_the_same_weights(baseline, people, tmp_path):
    train_hdlbp(people.of_split("train"), tmp_path / "hdlbp", SMALL)
    one, two = (load_embedder(f"hdlbp:{folder}") for folder in (baseline, tmp_path / "hdlbp"))
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.projection, two.projection)


def test_untrained_takes_any_alignment(rendered):
    embedder = load_embedder("hdlbp")
    found = embed_manifest(embedder, make_manifest(rendered.table[:3].assign(template="crop:1,2,60"),
                                                   rendered.folder, "m"))  # fmt: skip
    assert found.vectors.shape == (3, 29_500)
    assert (found.vectors >= 0).all()
    assert len(embedder.sha256) == 64


def test_a_template_has_its_own_points_and_digest():
    plain, aligned = load_embedder("hdlbp"), load_embedder("hdlbp:arcface-112")
    assert (aligned.name, aligned.spec.template) == ("hdlbp:arcface-112", "arcface-112")
    assert len(aligned.points) == 15
    assert plain.sha256 != aligned.sha256


def test_a_sample_takes_everybody_first():
    person = np.array([0] * 50 + [1, 1] + [2])
    rows = _sample(person, ProjectionConfig(max_pictures=5))
    assert np.bincount(person[rows]).tolist() == [2, 2, 1]
    assert _sample(person, ProjectionConfig()).tolist() == list(range(53))


def test_what_is_no_baseline_is_refused(baseline, tmp_path):
    with pytest.raises(ConfigError, match=r"hdlbp:nowhere: no such folder; name a folder.*arcface-112"):
        load_embedder("hdlbp:nowhere")
    with pytest.raises(CheckpointError, match="no baseline in this folder"):
        load_embedder(f"hdlbp:{tmp_path}")
    meta, weights = (baseline / "meta.json").read_text(), (baseline / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").write_bytes(weights[:-9])
    (tmp_path / "meta.json").write_text(meta)
    with pytest.raises(CheckpointError, match="damaged weights file"):
        load_embedder(f"hdlbp:{tmp_path}")
    (tmp_path / "weights.safetensors").write_bytes(weights)
    (tmp_path / "meta.json").write_text(meta.replace('"cells": 2', '"cells": 1'))
    with pytest.raises(CheckpointError, match="don't fit the features"):
        load_embedder(f"hdlbp:{tmp_path}")
    (tmp_path / "meta.json").write_text(meta.replace('"hdlbp"', '"recognizer"'))
    with pytest.raises(CheckpointError, match="not a baseline of kind hdlbp, found 'recognizer'"):
        load_embedder(f"hdlbp:{tmp_path}")
    with pytest.raises(DataError, match="takes uint8 pictures of 64 px"):
        load_embedder(f"hdlbp:{baseline}")(np.zeros((1, 32, 32, 3), np.uint8))


def test_too_little_to_learn_from_is_one_line(people, tmp_path):
    one = people.select(people.table["subject"] == people.subjects[0])
    with pytest.raises(DataError, match="at least two people, found 1"):
        train_hdlbp(one, tmp_path / "b")
    frontal = people.select(people.yaw_degrees == 0)
    with pytest.raises(DataError, match="two pictures of somebody"):
        train_hdlbp(frontal, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_the_command(people, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(train_baseline, [str(a) for a in arguments], catch_exceptions=False)

    out = tmp_path / "b"
    found = run("hdlbp", "--data", people.name, "--split", "val", "--out", out, "--pca-dims", 6, "--no-lda")
    assert found.exit_code == 0
    assert "28 pictures of 4 people, 29,500 features" in found.output
    assert f"baseline: hdlbp:{out}" in found.output
    with pytest.raises(DataError, match="won't be replaced"):
        run("hdlbp", "--data", people.name, "--out", tmp_path)


@pytest.mark.parametrize("content", ["{}", '{"kind": "recognizer"}', "no JSON"])
def test_a_folder_of_something_else_is_refused_before_any_work_and_kept(people, tmp_path, content):
    (tmp_path / "meta.json").write_text(content)
    with pytest.raises(DataError, match="this is no baseline and won't be replaced; choose another folder"):
        train_hdlbp(None, tmp_path)
    assert (tmp_path / "meta.json").read_text() == content


def test_a_user_s_files_beside_a_baseline_are_not_replaced(baseline, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(baseline, own)
    (own / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds more than a baseline and won't be replaced, found notes.txt"):
        train_hdlbp(None, own)
    with pytest.raises(DataError, match="holds more than a baseline"):
        load_embedder(f"hdlbp:{baseline}").save(own, {})
    assert (own / "notes.txt").read_text() == "mine"
