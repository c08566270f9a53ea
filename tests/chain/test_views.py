"""The grid of views: whom it shows, and what it shows where nobody looks at the camera."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pifr.chain.views import draw_views
from pifr.data.manifest import Manifest
from pifr.data.pictures import read_picture


class Still:
    """A generator that gives back what it is given, and notes it."""

    spec = SimpleNamespace(size_px=64)

    def rotate(self, pixels: np.ndarray, yaws: np.ndarray) -> np.ndarray:
        self.given = pixels
        return np.repeat(pixels[:, None], len(yaws), axis=1)


@pytest.fixture
def config() -> SimpleNamespace:
    return SimpleNamespace(augment=SimpleNamespace(yaws_degrees=[-60.0, 60.0]), max_frontal_yaw_degrees=10.0)


def test_people_without_a_frontal_picture_are_left_out(rendered: Manifest, tmp_path: Path, config) -> None:
    turned_away = (rendered.table["subject"] == "001") & (rendered.table["yaw"] == 0)
    people = rendered.select(rendered.table["subject"].isin(["001", "002", "003"]) & ~turned_away)
    rotator = Still()
    grid = read_picture(draw_views(people, rotator, tmp_path / "views.png", config))
    assert len(rotator.given) == 2
    assert grid.shape[1] == 3 * 64


def test_where_nobody_is_frontal_the_most_frontal_pictures_are_turned(
    rendered: Manifest, tmp_path: Path, config, capsys
) -> None:
    people = rendered.select(np.abs(rendered.yaw_degrees) > 20)
    rotator = Still()
    draw_views(people, rotator, tmp_path / "views.png", config)
    first = (people.table["subject"] == "001") & (np.abs(people.yaw_degrees) == 30)
    expected = people.select(first).paths[0]
    np.testing.assert_array_equal(rotator.given[0], read_picture(expected))
    assert "no picture within 10 degrees of frontal" in capsys.readouterr().err
