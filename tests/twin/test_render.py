from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pifr.twin.config import TwinConfig
from pifr.twin.geometry import camera_rotation, direction_to, head_angles
from pifr.twin.plan import Lighting, Sight, Take
from pifr.twin.render import Look, Studio
from pifr.twin.scene import Material, Scene

ROOM = Lighting("00", None)
FRONTAL = Lighting("07", direction_to(0, 8))
FROM_PICTURES_LEFT = Lighting("12", direction_to(75, 5))
CONFIG = TwinConfig(size_px=48)


def sight_at(yaw: float, elevation: float = 0.0, camera: str = "05_1") -> Sight:
    rotation = camera_rotation(yaw, elevation)
    angles = [float(angle) for angle in head_angles(rotation)]
    return Sight(camera, f"{camera}_", rotation, np.zeros(3), 0.25, (1.0, 1.0, 1.0), "wall", (ROOM, FRONTAL), *angles)


def studio(scene: Scene, config: TwinConfig = CONFIG, head: np.ndarray | None = None) -> Studio:
    take = Take("001", 1, 1, 1, "neutral", np.eye(3) if head is None else head, ())
    return Studio(scene, take, config)


def look_at(scene: Scene, yaw: float = 0.0, elevation: float = 0.0) -> Look:
    return studio(scene).look(sight_at(yaw, elevation))


def picture(look: Look, lighting: Lighting) -> np.ndarray:
    ((_, pixels),) = look.pictures([lighting])
    return pixels


def test_the_nose_points_to_the_right_at_positive_yaw(ball_head: Scene) -> None:
    truth = look_at(ball_head, 60).truth()
    skin = np.flatnonzero((truth.mask == 1 + Material.SKIN).any(axis=0))
    hair = np.flatnonzero((truth.mask == 1 + Material.HAIR).any(axis=0))
    assert skin.max() > hair.max()
    assert truth.landmarks_px[2, 0] > truth.landmarks_px[:2, 0].max()


def test_profile_hides_the_far_eye_and_still_says_where_it_is(ball_head: Scene) -> None:
    truth = look_at(ball_head, 90).truth()
    # At yaw +90 the nose points right, so the head's side at the frontal picture's left is near.
    assert truth.visible.tolist() == [True, False, True, True, False]
    assert np.isfinite(truth.landmarks_px).all()
    assert look_at(ball_head, 0).truth().visible.all()


def test_a_landmark_outside_the_picture_is_not_visible(ball_head: Scene) -> None:
    near = studio(ball_head).look(Sight("", "", np.eye(3), np.zeros(3), 0.05, (1, 1, 1), "wall", (ROOM,), 0, 0, 0))
    assert near.truth().visible.tolist() == [False, False, True, False, False]


def test_a_side_flash_lights_the_side_where_it_stands(ball_head: Scene) -> None:
    pixels = picture(look_at(ball_head), FROM_PICTURES_LEFT).astype(float)
    forehead = pixels[14:30, :, 0]
    assert forehead[:, 16:20].mean() > 1.5 * forehead[:, 29:33].mean()


def test_the_nose_throws_a_shadow(make_scene: Callable[..., Scene]) -> None:
    face = ((0.0, 0.0, 0.0), (0.075, 0.110, 0.095), Material.SKIN)
    nose = ((0.0, -0.02, 0.10), (0.012, 0.03, 0.03), Material.SKIN)
    light = Lighting("x", direction_to(60, 0))
    with_nose = picture(look_at(make_scene((face, nose))), light).astype(float)
    without = picture(look_at(make_scene((face,))), light).astype(float)
    # The stand-in's landmarks frame both alike; the light comes from the left, the shadow falls to the right.
    lost = (without - with_nose)[..., 0] / without[..., 0]
    assert lost[24:32, 27:30].max() > 0.3
    assert abs(lost[24:32, 12:18]).max() < 0.1


def test_no_flash_is_darker_and_flashes_add_light(ball_head: Scene) -> None:
    look = look_at(ball_head)
    room, flash = picture(look, ROOM).astype(float), picture(look, FRONTAL).astype(float)
    middle = np.s_[16:32, 18:30]
    assert 20 < room[middle].mean() < flash[middle].mean() < 245


def test_lights_and_cameras_do_not_depend_on_each_other(ball_head: Scene) -> None:
    look = look_at(ball_head)
    _, both = look.pictures([ROOM, FRONTAL])
    assert np.array_equal(both[1], picture(look_at(ball_head), FRONTAL))


def test_depth_normals_and_mask_of_a_ball(make_scene: Callable[..., Scene]) -> None:
    ball = make_scene((((0.0, 0.0, 0.0), (0.08, 0.08, 0.08), Material.SKIN),))
    truth = studio(ball, TwinConfig(size_px=64)).look(sight_at(0)).truth()
    inside = truth.mask > 0
    assert np.array_equal(inside, np.isfinite(truth.depth_m))
    assert set(np.unique(truth.mask)) == {0, 1 + Material.SKIN}
    assert not truth.normals[~inside].any()
    # The camera stands 1.5 m before its target, which lies a little behind the eyes at z = 0.095 m.
    target_z = 0.095 - 0.045
    row, column = np.unravel_index(np.nanargmin(truth.depth_m), truth.depth_m.shape)
    assert truth.depth_m[row, column] == pytest.approx(1.5 + target_z - 0.08, abs=0.001)
    assert truth.normals[row, column] == pytest.approx([0, 0, 1], abs=0.05)
    left, right = np.flatnonzero(inside[row])[[1, -2]]
    assert truth.normals[row, left, 0] < -0.7 < 0.7 < truth.normals[row, right, 0]


def test_the_head_pose_turns_the_person_and_the_angles_say_so(ball_head: Scene) -> None:
    # A head turned by +30 before the frontal camera looks as a straight one does to the camera of yaw +30.
    turned = studio(ball_head, head=camera_rotation(30, 0)).look(sight_at(0)).truth()
    straight = look_at(ball_head, 30).truth()
    assert turned.landmarks_px == pytest.approx(straight.landmarks_px, abs=0.01)


def test_lenses_are_seen_through_and_mirror_the_flash(make_scene: Callable[..., Scene]) -> None:
    face = ((0.0, 0.0, 0.0), (0.075, 0.110, 0.095), Material.SKIN)
    lens = ((0.0, 0.0, 0.1), (0.03, 0.03, 0.02), Material.GLASS)
    look_with, look_without = look_at(make_scene((face, lens))), look_at(make_scene((face,)))
    assert np.array_equal(look_with.truth().mask, look_without.truth().mask)
    bare, worn = picture(look_without, FRONTAL).astype(int), picture(look_with, FRONTAL).astype(int)
    assert (worn - bare).max() > 30  # the mirrored flash
    assert np.median((worn - bare)[20:28, 20:28]) < 0  # a little light swallowed elsewhere


def test_more_samples_change_noise_and_edges_not_the_picture(ball_head: Scene) -> None:
    few = picture(studio(ball_head, TwinConfig(size_px=48, samples_per_side=1)).look(sight_at(0)), ROOM)
    many = picture(studio(ball_head, TwinConfig(size_px=48, samples_per_side=3)).look(sight_at(0)), ROOM)
    assert np.abs(few.astype(int) - many).mean() < 3
