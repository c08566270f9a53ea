from __future__ import annotations

import numpy as np

from pifr.twin.background import backdrop, backdrop_light
from pifr.twin.geometry import direction_to
from pifr.twin.plan import Lighting


def test_a_name_is_a_background() -> None:
    wall = backdrop(0, "05_1 1", 64)
    assert wall.shape == (64, 64, 3)
    assert (wall > 0).all()
    assert (wall < 1).all()
    assert not np.array_equal(wall, backdrop(0, "05_1 2", 64))
    assert not np.array_equal(wall, backdrop(1, "05_1 1", 64))


def test_size_changes_the_grid_not_the_wall() -> None:
    small, large = backdrop(0, "24_0 1", 32), backdrop(0, "24_0 1", 64)
    assert np.abs(large.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3)) - small).max() < 0.02


def test_free_backgrounds_are_more_varied_than_the_rooms() -> None:
    room = np.array([backdrop(0, f"05_1 {k}", 32).mean() for k in range(30)])
    free = np.array([backdrop(0, f"free {k} 0", 32).mean() for k in range(30)])
    assert free.std() > 3 * room.std()


def test_flashes_behind_the_camera_light_the_wall_most() -> None:
    back = direction_to(0, 0)
    lights = [Lighting("", None), Lighting("", direction_to(90, 0)), Lighting("", direction_to(0, 5))]
    levels = [float(backdrop_light(light, back).mean()) for light in lights]
    assert levels == sorted(levels)
    assert levels[0] < levels[1] < levels[2]
