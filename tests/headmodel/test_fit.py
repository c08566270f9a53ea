"""Fitting five landmarks: known heads before known cameras are found again."""

from __future__ import annotations

import numpy as np
import pytest

from pifr.headmodel import HeadModelRotator
from pifr.headmodel.fit import rotations
from pifr.twin.geometry import FIELD_M, head_rotation

SIZE = 64


def test_rotations_are_those_of_the_twin() -> None:
    angles = np.array([[20.0, 10.0, 5.0], [-70.0, -15.0, 3.0]])
    expected = [head_rotation(*row) for row in angles]
    np.testing.assert_allclose(rotations(*np.radians(angles).T), expected, atol=1e-12)


@pytest.mark.parametrize("yaw", [-80.0, -45.0, 0.0, 12.0, 60.0, 90.0])
def test_the_pose_of_the_mean_head_is_found(painter, rotator: HeadModelRotator, yaw: float) -> None:
    portrait = painter(None, yaw, 3.0, -4.0)
    fit = rotator.fit(portrait.landmarks[None])
    found = [fit.yaw_degrees[0], fit.pitch_degrees[0], fit.roll_degrees[0]]
    # At a profile the eyes lie one behind the other: pitch and roll change places more easily.
    np.testing.assert_allclose(found, [yaw, 3.0, -4.0], atol=1.5)
    assert fit.error_px[0] < 0.2
    assert fit.scale_px_per_m[0] == pytest.approx(SIZE / FIELD_M, rel=0.02)


def test_poses_of_other_heads_are_found_within_a_few_degrees(painter, rotator: HeadModelRotator) -> None:
    yaws = np.array([-50.0, -20.0, 0.0, 25.0, 40.0, 0.0, 10.0, -10.0])
    landmarks = [painter(seed, yaw).landmarks for seed, yaw in enumerate(yaws)]
    error = rotator.fit(np.array(landmarks)).yaw_degrees - yaws
    assert np.abs(error).mean() < 2.5
    assert np.abs(error).max() < 6.0


def test_free_framing_finds_scale_and_place(painter) -> None:
    portrait = painter(None, 20.0)
    free = HeadModelRotator(200, None).fit(portrait.landmarks[None] * 2.0 + [30.0, 10.0])
    assert free.yaw_degrees[0] == pytest.approx(20.0, abs=1.0)
    assert free.scale_px_per_m[0] == pytest.approx(2 * SIZE / FIELD_M, rel=0.02)
    middle = (SIZE - 1) / 2
    np.testing.assert_allclose(free.centre_px[0], [middle * 2 + 30, middle * 2 + 10], atol=1.5)


def test_a_mirrored_face_has_the_negative_yaw(painter, rotator: HeadModelRotator) -> None:
    landmarks = painter(3, 33.0).landmarks
    mirrored = (np.array([SIZE - 1, 0]) + landmarks * [-1, 1])[[1, 0, 2, 4, 3]]
    fit = rotator.fit(np.stack([landmarks, mirrored]))
    assert fit.yaw_degrees[0] == pytest.approx(-fit.yaw_degrees[1], abs=1e-3)
    assert fit.roll_degrees[0] == pytest.approx(-fit.roll_degrees[1], abs=1e-3)
    assert fit.pitch_degrees[0] == pytest.approx(fit.pitch_degrees[1], abs=1e-3)


def test_a_fit_does_not_depend_on_its_batch(painter, rotator: HeadModelRotator) -> None:
    landmarks = np.stack([painter(seed, 10.0 * seed).landmarks for seed in range(3)])
    together, alone = rotator.fit(landmarks), rotator.fit(landmarks[1:2])
    assert together.yaw_degrees[1] == alone.yaw_degrees[0]
    np.testing.assert_array_equal(together.coefficients[1], alone.coefficients[0])


def test_the_prior_holds_the_shape_of_impossible_faces(rotator: HeadModelRotator) -> None:
    landmarks = np.array([[[2.0, 20], [60, 22], [31, 25], [10, 60], [50, 62]]])
    fit = rotator.fit(landmarks)
    assert np.abs(fit.coefficients).max() <= 3.0
    assert fit.error_px[0] > 1.0
