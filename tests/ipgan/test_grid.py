import numpy as np
import pandas as pd
import pytest

from ipgan import Rotator
from ipgan.grid import draw_grid, drawable, plan_grid, sample_grid
from pifr.core.errors import DataError
from pifr.data.manifest import make_manifest, read_manifest
from pifr.data.pictures import read_picture

SITTING = ("session", "expression")


def test_most_frontal_picture_stands_left_and_true_views_underneath(rendered):
    plan = plan_grid(rendered, 32, SITTING, people=3)
    assert plan.yaws_degrees.tolist() == [-90, -60, -30, 0, 30, 60, 90]
    assert plan.sources.shape == (3, 32, 32, 3)
    assert plan.true_views.shape == (3, 7, 32, 32, 3)
    # Yaw 0 is the source itself.
    assert np.array_equal(plan.true_views[:, 3], plan.sources)


def test_many_yaws_are_thinned_with_both_ends(rendered):
    assert plan_grid(rendered, 32, SITTING, people=1, columns=3).yaws_degrees.tolist() == [-90, 0, 90]


def test_a_view_that_is_not_there_is_white(rendered):
    plan = plan_grid(rendered, 32, SITTING, people=1, yaws_degrees=np.array([0.0, 20.0]))
    assert (plan.true_views[0, 1] == 255).all()
    assert (plan.true_views[0, 0] != 255).any()


def test_grid_has_a_row_of_made_and_a_row_of_true_views(rendered, trained, tmp_path):
    rotator = Rotator.load(trained.run.path, "cpu")
    plan = plan_grid(rendered, 32, SITTING, people=2)
    pixels = read_picture(draw_grid(rotator, plan, tmp_path / "grid.png"))
    side = 32 + 4
    assert pixels.shape == (4 * side + 4, 8 * side + 4, 3)
    assert np.array_equal(pixels[4:36, 4:36], plan.sources[0])
    assert np.array_equal(pixels[4:36, 4 + side : 36 + side], rotator.rotate(plan.sources[:1], [-90])[0, 0])
    assert np.array_equal(pixels[4 + side : 36 + side, 4 + side : 36 + side], plan.true_views[0, 0])


def test_without_yaws_pictures_are_imitated_and_shown_on_top(people, trained, tmp_path):
    manifest = read_manifest(people)
    table = pd.DataFrame({"path": [str(path) for path in manifest.paths], "subject": manifest.table["subject"]})
    plan = plan_grid(make_manifest(table, ".", "plain"), 32, SITTING, people=2, columns=3)
    assert len(plan.yaws_degrees) == 0
    pixels = read_picture(draw_grid(Rotator.load(trained.run.path, "cpu"), plan, tmp_path / "grid.png"))
    assert pixels.shape == (3 * 36 + 4, 4 * 36 + 4, 3)
    assert np.array_equal(pixels[4:36, 40:72], plan.poses[0])


def test_columns_outside_the_generators_range_are_dropped(rendered, trained):
    rotator = Rotator.load(trained.run.path, "cpu")
    plan = plan_grid(rendered, 32, SITTING, people=1, yaws_degrees=np.array([-120.0, 0.0, 120.0]))
    assert drawable(plan, rotator.pose_map.range_degrees, "x", "y").yaws_degrees.tolist() == [0.0]


def test_the_ending_is_checked_before_anything_is_loaded(tmp_path):
    with pytest.raises(DataError, match=r"grid: a picture is written as \.png, \.jpg or \.jpeg"):
        sample_grid("no such model", tmp_path / "none.csv", tmp_path / "grid")
