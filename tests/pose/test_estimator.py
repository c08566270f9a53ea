from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pifr.core.errors import CheckpointError, DataError
from pifr.data.manifest import Manifest
from pifr.data.pictures import resize_picture
from pifr.data.pixels import open_pixels
from pifr.pose import PoseEstimator, estimate_pose
from pifr.pose.estimator import SHIPPED
from pifr.twin import TwinConfig, render_twin

CAMERAS = ("24_0", "08_0", "14_0", "05_1", "05_0", "19_0", "11_0")


@pytest.fixture(scope="module")
def people_of_the_room(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Two people before seven cameras; the shipped estimator has seen nobody of the room."""
    config = TwinConfig(people=2, sessions=(1,), recordings=(1,), cameras=CAMERAS, lights=("07",), size_px=64)
    return render_twin(config, tmp_path_factory.mktemp("room"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for path in (SHIPPED, SHIPPED.with_suffix(".safetensors")):
        shutil.copy(path, tmp_path)
    return tmp_path / SHIPPED.name


def test_poses_are_estimated_where_pixels_have_no_room(
    people_of_the_room: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = estimate_pose(people_of_the_room, device="cpu")
    monkeypatch.setenv("PIFR_CACHE", str(tmp_path))
    monkeypatch.setattr("pifr.data.pixels._has_room", lambda folder, shape: False)
    decoded = estimate_pose(people_of_the_room, device="cpu")
    assert np.array_equal(decoded.yaw_degrees, kept.yaw_degrees)


def test_yaw_and_pitch_of_rendered_people(people_of_the_room: Manifest) -> None:
    found = estimate_pose(people_of_the_room, device="cpu")
    errors = np.abs(found.yaw_degrees - people_of_the_room.yaw_degrees)
    assert errors.mean() < 5
    assert errors.max() < 15
    assert np.abs(found.pitch_degrees - people_of_the_room.table["pitch"]).mean() < 8
    assert (found.yaw_spread_degrees >= 0).all()
    assert len(found) == 14


def test_a_mirrored_picture_has_the_negative_yaw(people_of_the_room: Manifest) -> None:
    pixels = open_pixels(people_of_the_room, 64).images
    seen, mirrored = estimate_pose(pixels, device="cpu"), estimate_pose(pixels[:, :, ::-1].copy(), device="cpu")
    np.testing.assert_allclose(mirrored.yaw_degrees, -seen.yaw_degrees, atol=0.01)
    np.testing.assert_allclose(mirrored.pitch_degrees, seen.pitch_degrees, atol=0.01)
    np.testing.assert_allclose(mirrored.yaw_spread_degrees, seen.yaw_spread_degrees, atol=0.05)


def test_other_sizes_are_resized(people_of_the_room: Manifest) -> None:
    pixels = open_pixels(people_of_the_room, 64)[[0, 3]]
    larger = np.stack([resize_picture(one, 128) for one in pixels])
    difference = estimate_pose(larger, device="cpu").yaw_degrees - estimate_pose(pixels, device="cpu").yaw_degrees
    assert np.abs(difference).max() < 3


def test_noise_is_less_sure_than_a_face(people_of_the_room: Manifest) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (14, 64, 64, 3)).astype(np.uint8)
    faces = estimate_pose(people_of_the_room, device="cpu")
    assert np.median(estimate_pose(noise, device="cpu").yaw_spread_degrees) > 2 * np.median(faces.yaw_spread_degrees)


def test_no_pictures_give_no_poses() -> None:
    assert len(estimate_pose(np.zeros((0, 64, 64, 3), np.uint8), device="cpu")) == 0


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((2, 64, 32, 3), np.uint8), np.zeros((64, 64, 3), np.uint8), np.zeros((2, 64, 64, 3), np.float32)],
)
def test_other_arrays_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"uint8 pictures \(N, S, S, 3\)"):
        estimate_pose(pixels, device="cpu")


def test_shipped_weights_are_small_and_described() -> None:
    assert SHIPPED.with_suffix(".safetensors").stat().st_size < 5e6
    about = json.loads(SHIPPED.read_text())
    assert about["unseen_people"]["framings"]["face"]["yaw"]["mae_degrees"] <= 3


def test_damaged_weights_are_noticed(copied: Path) -> None:
    assert PoseEstimator.load(copied, "cpu").sha256 == json.loads(copied.read_text())["sha256"]
    weights = copied.with_suffix(".safetensors")
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(CheckpointError, match="not the ones expected"):
        PoseEstimator.load(copied, "cpu")
    weights.unlink()
    with pytest.raises(CheckpointError, match="weights file not found"):
        PoseEstimator.load(copied, "cpu")


def test_weights_of_another_shape_are_refused(copied: Path) -> None:
    about = json.loads(copied.read_text())
    about["network"]["channels"] = [8, 16]
    copied.write_text(json.dumps(about))
    with pytest.raises(CheckpointError, match="don't fit"):
        PoseEstimator.load(copied, "cpu")


@pytest.mark.parametrize("text", ["{}", "[1]", "no json", '{"kind": "recognizer", "sha256": "", "network": {}}'])
def test_other_descriptions_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pose.json"
    path.write_text(text)
    with pytest.raises(CheckpointError):
        PoseEstimator.load(path, "cpu")
    with pytest.raises(CheckpointError, match="file not found"):
        PoseEstimator.load(tmp_path / "missing.json", "cpu")
