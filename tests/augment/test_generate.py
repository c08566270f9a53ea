"""Augmentation against a generator whose pictures say what they were made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pifr.augment.generate as module
from pifr.augment import AugmentConfig, augment
from pifr.core.errors import DataError
from pifr.core.interrupt import Interrupted
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.pictures import read_picture
from pifr.data.spec import InputSpec

SIZE = 64


class MarkingRotator:
    """Writes the source's mean brightness into red and the pose into green, so that mix-ups show."""

    name = "marking"
    sha256 = "0" * 64
    spec = InputSpec(size_px=SIZE)

    def __init__(self) -> None:
        self.generated = 0

    def identity_codes(self, pixels: np.ndarray) -> np.ndarray:
        return pixels.reshape(len(pixels), -1).mean(axis=1, keepdims=True)

    def pose_codes(self, pixels: np.ndarray) -> np.ndarray:
        return pixels.reshape(len(pixels), -1).mean(axis=1, keepdims=True)

    def poses_for_yaws(self, yaws: np.ndarray) -> np.ndarray:
        if np.abs(yaws).max() > 90:
            raise DataError("this generator turns faces by -90 to 90 degrees")
        return np.asarray(yaws)[:, None] + 100.0

    def generate(self, identity: np.ndarray, pose: np.ndarray) -> np.ndarray:
        self.generated += len(identity)
        pictures = np.zeros((len(identity), SIZE, SIZE, 3), np.uint8)
        pictures[..., 0] = np.round(identity[:, 0])[:, None, None]
        pictures[..., 1] = np.round(pose[:, 0])[:, None, None]
        return pictures


class MeanColour:
    """An embedder that sees colour alone."""

    name = "mean colour"
    sha256 = "1" * 64
    spec = InputSpec(size_px=SIZE)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return pixels.reshape(len(pixels), -1, 3).mean(axis=1).astype(np.float32)


def test_each_view_shows_its_own_source_in_its_own_pose(rendered: Manifest, tmp_path: Path) -> None:
    result = augment(rendered, MarkingRotator(), tmp_path, AugmentConfig(yaws_degrees=(-60.0, 45.0), batch_size=5))
    assert result.generated == result.accepted == 2 * len(rendered.subjects)
    manifest = read_manifest(tmp_path / "manifest.csv")
    assert set(manifest.table["kind"]) == {"generated"}
    for row, path in zip(manifest.table.itertuples(), manifest.paths, strict=True):
        pixels = read_picture(path)
        assert pixels[0, 0, 0] == round(float(read_picture(Path(row.source_path)).mean()))
        assert pixels[0, 0, 1] == row.yaw + 100
        assert row.generator_sha256 == "0" * 64
        assert row.subject == rendered.table["subject"][rendered.paths.index(Path(row.source_path))]


def test_imitated_views_name_the_picture_they_imitate(rendered: Manifest, tmp_path: Path) -> None:
    config = AugmentConfig(imitate_per_source=3, seed=1)
    manifest = augment(rendered, MarkingRotator(), tmp_path, config, poses=rendered).manifest
    for row, path in zip(manifest.table.itertuples(), manifest.paths, strict=True):
        pose = Path(row.pose_source)
        assert read_picture(path)[0, 0, 1] == round(float(read_picture(pose).mean()))
        assert row.yaw == rendered.yaw_degrees[rendered.paths.index(pose)]


def test_a_second_call_makes_only_what_is_missing(rendered: Manifest, tmp_path: Path) -> None:
    config = AugmentConfig(yaws_degrees=(30.0,))
    first = augment(rendered, MarkingRotator(), tmp_path, config)
    first.manifest.paths[3].unlink()
    again = MarkingRotator()
    assert augment(rendered, again, tmp_path, config).generated == first.generated
    assert again.generated == 1


def test_an_interrupted_run_keeps_whole_pictures_and_goes_on(
    rendered: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    from pifr.core.interrupt import StopRequest

    @contextmanager
    def already_stopped():
        request = StopRequest()
        request.requested = True
        yield request

    config = AugmentConfig(yaws_degrees=(30.0,), batch_size=4)
    with monkeypatch.context() as patch:
        patch.setattr(module, "stop_on_signal", already_stopped)
        with pytest.raises(Interrupted):
            augment(rendered, MarkingRotator(), tmp_path, config)
    assert len(list(tmp_path.rglob("*.png"))) == 4
    assert not (tmp_path / "manifest.csv").exists()
    rest = MarkingRotator()
    result = augment(rendered, rest, tmp_path, config)
    assert rest.generated == len(rendered.subjects) - 4
    assert result.generated == len(rendered.subjects)


def test_the_judge_measures_every_view_and_rejects_below_the_threshold(rendered: Manifest, tmp_path: Path) -> None:
    config = AugmentConfig(yaws_degrees=(-90.0, 90.0), min_identity_cosine=0.8)
    result = augment(rendered, MarkingRotator(), tmp_path, config, judge=MeanColour())
    table = result.manifest.table
    for row, path in zip(table.itertuples(), result.manifest.paths, strict=True):
        a, b = MeanColour()(np.stack([read_picture(path), read_picture(Path(row.source_path))]))
        cosine = float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        assert row.identity_cosine == pytest.approx(cosine, abs=1e-5)
        assert row.accepted == (row.identity_cosine >= 0.8)
    assert 0 < result.accepted < result.generated  # both outcomes occur, or this test shows nothing


def test_a_threshold_without_a_judge_is_refused(rendered: Manifest, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--judge"):
        augment(rendered, MarkingRotator(), tmp_path, AugmentConfig(yaws_degrees=(30.0,), min_identity_cosine=0.5))


def test_another_augmentation_in_the_same_folder_is_refused(rendered: Manifest, tmp_path: Path) -> None:
    augment(rendered, MarkingRotator(), tmp_path, AugmentConfig(yaws_degrees=(30.0,)))
    with pytest.raises(DataError, match="another augmentation"):
        augment(rendered, MarkingRotator(), tmp_path, AugmentConfig(yaws_degrees=(45.0,)))


def test_pictures_of_another_alignment_are_refused_before_writing(rendered: Manifest, tmp_path: Path) -> None:
    rotator = MarkingRotator()
    rotator.spec = InputSpec(size_px=SIZE, template="arcface-112")
    with pytest.raises(DataError, match="arcface-112"):
        augment(rendered, rotator, tmp_path / "out", AugmentConfig(yaws_degrees=(30.0,)))
    assert not (tmp_path / "out").exists()


def test_a_yaw_never_learned_is_refused_before_anything_is_written(rendered: Manifest, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="-90 to 90"):
        augment(rendered, MarkingRotator(), tmp_path / "out", AugmentConfig(yaws_degrees=(30.0, 120.0)))
    assert not (tmp_path / "out").exists()


def test_nobody_frontal_is_one_line(rendered: Manifest, tmp_path: Path) -> None:
    profiles = rendered.select(np.abs(rendered.yaw_degrees) > 80)
    with pytest.raises(DataError, match="raise max_source_yaw_degrees above 30"):
        augment(profiles, MarkingRotator(), tmp_path, AugmentConfig(yaws_degrees=(30.0,)))
