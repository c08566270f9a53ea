from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pifr.twin.geometry import DISTANCE_M, FIELD_M, View, camera_rotation, direction_to, head_angles, head_rotation

angle = st.floats(-80, 80)


@given(st.floats(-179, 179), angle, angle)
def test_angles_are_the_inverse_of_the_rotation(yaw: float, pitch: float, roll: float) -> None:
    assert head_angles(head_rotation(yaw, pitch, roll)) == pytest.approx((yaw, pitch, roll), abs=1e-6)


@given(angle, angle, angle)
def test_rotations_keep_lengths_and_handedness(yaw: float, elevation: float, roll: float) -> None:
    for rotation in (head_rotation(yaw, elevation, roll), camera_rotation(yaw, elevation, roll)):
        assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
        assert np.linalg.det(rotation) == pytest.approx(1)


@pytest.mark.parametrize("yaw", [-90, -45, 0, 15, 60, 90])
def test_a_camera_sees_a_head_that_looks_straight_ahead_at_its_own_yaw(yaw: float) -> None:
    assert head_angles(camera_rotation(yaw, 0)) == pytest.approx((yaw, 0, 0), abs=1e-9)


def test_positive_yaw_is_a_nose_to_the_pictures_right() -> None:
    view = View(camera_rotation(45, 0), np.zeros(3), 64)
    ear_axis, nose = view.project(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.1]]))
    assert nose[0] > ear_axis[0]
    # That camera stands at the frontal picture's left.
    assert direction_to(45, 0)[0] < 0


def test_a_camera_above_sees_the_nose_point_down() -> None:
    _, pitch, _ = head_angles(camera_rotation(0, 40))
    assert pitch == pytest.approx(-40)


def test_positive_pitch_is_up_and_positive_roll_anticlockwise() -> None:
    view = View(np.eye(3), np.zeros(3), 100)
    nose = view.project(head_rotation(0, 20, 0)[:, 2][None] * 0.1)[0]
    assert nose[1] < 49.5
    crown = view.project(head_rotation(0, 0, 20)[:, 1][None] * 0.1)[0]
    assert crown[0] < 49.5


def test_projection_by_hand() -> None:
    view = View(np.eye(3), np.array([0.0, 0.0, 0.1]), 100)
    half = FIELD_M / 2
    # The target is the middle of the picture, that is the corner between four pixels; the field ends at its edges.
    points = np.array([[0, 0, 0.1], [half, 0, 0.1], [0, half, 0.1], [half / 2, 0, 0.1 - DISTANCE_M]])
    assert view.project(points) == pytest.approx(np.array([[49.5, 49.5], [99.5, 49.5], [49.5, -0.5], [62, 49.5]]))


@given(angle, st.floats(-40, 40))
def test_rays_go_through_what_they_project_to(yaw: float, elevation: float) -> None:
    view = View(camera_rotation(yaw, elevation), np.array([0.01, -0.02, 0.03]), 8)
    rays = view.ray_directions(2)
    assert rays.shape == (16 * 16, 3)
    assert np.linalg.norm(rays, axis=1) == pytest.approx(np.ones(256), abs=1e-6)
    pixels = view.project(view.position_m + rays.astype(float) * 1.3).reshape(16, 16, 2)
    # Two samples a pixel: a quarter of a pixel before and behind its middle.
    assert pixels[0, 0] == pytest.approx([-0.25, -0.25], abs=1e-3)
    assert pixels[3, 6] == pytest.approx([2.75, 1.25], abs=1e-3)
