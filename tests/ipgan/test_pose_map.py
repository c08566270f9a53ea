import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipgan.pose_map import PoseMap
from pifr.core.errors import DataError


def test_averages_over_people_and_interpolates():
    codes = np.array([[0.0, 0.0], [2.0, 0.0], [3.0, 4.0]])
    pose_map = PoseMap.learn(codes, np.array([0.0, 0.0, 30.0]))
    assert pose_map is not None
    # At 0: the mean of the first two. At 15: halfway to the third.
    assert pose_map.codes_for([0, 15, 30]).tolist() == [[1, 0], [2, 2], [3, 4]]


def test_unknown_yaws_are_left_out():
    pose_map = PoseMap.learn(np.array([[1.0], [9.0], [2.0]]), np.array([-10.0, np.nan, 10.0]))
    assert pose_map is not None
    assert pose_map.codes_for([0]).tolist() == [[1.5]]


@pytest.mark.parametrize("yaws", [[np.nan, np.nan], [5.0, 5.0]])
def test_nothing_to_learn_from_fewer_than_two_yaws(yaws):
    assert PoseMap.learn(np.zeros((2, 1)), np.array(yaws)) is None


@pytest.mark.parametrize("yaw", [-91, 46, np.nan])
def test_a_request_outside_the_range_names_it(yaw):
    pose_map = PoseMap.learn(np.zeros((2, 1)), np.array([-90.0, 45.0]))
    assert pose_map is not None
    with pytest.raises(DataError, match="-90 to 45 degrees"):
        pose_map.codes_for([0, yaw])


@given(st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=6))
def test_survives_json_bit_by_bit(values):
    codes = np.array(values, np.float32)[:, None]
    pose_map = PoseMap.learn(codes, np.arange(len(values)) * 10.0)
    assert pose_map is not None
    again = PoseMap.from_dict(json.loads(json.dumps(pose_map.to_dict())))
    assert np.array_equal(again.codes, pose_map.codes)
    assert np.array_equal(again.yaws_degrees, pose_map.yaws_degrees)


def test_a_code_tells_its_yaw():
    pose_map = PoseMap.learn(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]), np.array([-30.0, 0.0, 60.0]))
    assert pose_map is not None
    # On the line, beside it, at a knot, and beyond either end.
    codes = np.array([[0.5, 0.0], [1.5, 0.5], [1.0, 0.0], [-4.0, 0.0], [1.0, 9.0]])
    np.testing.assert_allclose(pose_map.yaws_for(codes), [-15.0, 15.0, 0.0, -30.0, 60.0])
    assert pose_map.yaws_for(np.zeros((0, 2))).shape == (0,)


@given(st.lists(st.floats(-60, 60), min_size=1, max_size=5), st.integers(0, 5))
def test_yaws_come_back_from_their_codes(yaws, seed):
    pose_map = PoseMap.learn(np.random.default_rng(seed).normal(size=(5, 8)), np.array([-60.0, -30.0, 0.0, 30.0, 60.0]))
    assert pose_map is not None
    np.testing.assert_allclose(pose_map.yaws_for(pose_map.codes_for(yaws)), yaws, atol=1e-3)


RNG = np.random.default_rng(0)
AXIS_YAW, AXIS_PITCH = np.array([0.02, 0.0, 0.01]), np.array([0.0, 0.03, -0.01])


def seen_from_two_heights(yaws):
    """Level pictures everywhere, and some from above around -50 degrees, whose codes are a plane over the angles."""
    above = np.full(30, -50.0) + RNG.normal(size=30)
    yaws = np.concatenate([yaws, above])
    pitches = np.concatenate([RNG.normal(size=len(yaws) - 30), -28 + RNG.normal(size=30)])
    return np.outer(yaws, AXIS_YAW) + np.outer(pitches, AXIS_PITCH), yaws, pitches


def test_a_view_from_above_does_not_bend_the_level_codes():
    codes, yaws, pitches = seen_from_two_heights(np.repeat(np.arange(-90, 91, 15.0), 20))
    level = PoseMap.learn(codes, yaws, pitches)
    mixed = PoseMap.learn(codes, yaws)
    assert level is not None
    assert mixed is not None
    assert np.allclose(level.codes_for([-50, 0, 40]), np.outer([-50, 0, 40], AXIS_YAW), atol=1e-6)
    assert np.abs(mixed.codes_for([-50]) - level.codes_for([-50])).max() > 0.2


def test_pitch_moves_codes_along_the_fitted_slope_at_every_yaw():
    codes, yaws, pitches = seen_from_two_heights(np.repeat(np.arange(-90, 91, 15.0), 20))
    pose_map = PoseMap.learn(codes, yaws, pitches)
    assert pose_map is not None
    moved = pose_map.codes_for([-60, 0, 60], [-20, -20, 0])
    assert np.allclose(moved, np.outer([-60, 0, 60], AXIS_YAW) + np.outer([-20, -20, 0], AXIS_PITCH), atol=1e-6)


def test_a_pitch_outside_the_range_or_never_learned_is_refused():
    codes, yaws, pitches = seen_from_two_heights(np.repeat(np.arange(-90, 91, 15.0), 20))
    pose_map, level = PoseMap.learn(codes, yaws, pitches), PoseMap.learn(codes, yaws)
    assert pose_map is not None
    assert level is not None
    with pytest.raises(DataError, match="up and down by"):
        pose_map.codes_for([0], 40)
    with pytest.raises(DataError, match="up and down by 0 to 0 degrees"):
        level.codes_for([0], 10)


def test_pitch_survives_json_and_maps_of_old_have_none():
    codes, yaws, pitches = seen_from_two_heights(np.repeat(np.arange(-90, 91, 15.0), 20))
    pose_map = PoseMap.learn(codes, yaws, pitches)
    assert pose_map is not None
    assert pose_map.pitch_slopes is not None
    again = PoseMap.from_dict(json.loads(json.dumps(pose_map.to_dict())))
    assert np.array_equal(again.pitch_slopes, pose_map.pitch_slopes)
    assert again.pitch_range_degrees == pose_map.pitch_range_degrees
    old = PoseMap.from_dict({"yaws_degrees": [0.0, 1.0], "codes": [[0.0], [1.0]]})
    assert old.pitch_slopes is None


@pytest.mark.parametrize("seen", [0.0, 15.0])
def test_a_pitch_known_of_some_leaves_the_other_yaws_where_they_are(seen):
    yaws = np.repeat(np.arange(-90, 91, 15.0), 20)
    pitches = np.where(np.abs(yaws) <= seen, 2.0, np.nan)
    codes = np.outer(yaws, AXIS_YAW)
    pose_map = PoseMap.learn(codes, yaws, pitches)
    assert pose_map is not None
    assert pose_map.range_degrees == (-90, 90)
    assert pose_map.pitch_slopes is None  # one pitch says nothing of how codes depend on it
    assert np.allclose(pose_map.codes_for([-90, 0, 90]), np.outer([-90, 0, 90], AXIS_YAW), atol=1e-6)


def test_where_no_slope_is_learned_no_picture_is_left_out():
    yaws = np.repeat(np.arange(-60, 61, 15.0), 20)
    codes = np.outer(yaws, AXIS_YAW) + np.random.default_rng(1).normal(size=(len(yaws), 3))
    pitches = np.full(len(yaws), np.nan)
    pitches[::20] = 1.0  # of one picture a yaw the pitch is known
    some, none = PoseMap.learn(codes, yaws, pitches), PoseMap.learn(codes, yaws)
    assert some is not None
    assert none is not None
    assert np.array_equal(some.codes, none.codes)
    assert np.array_equal(some.yaws_degrees, none.yaws_degrees)
    assert some.pitch_slopes is None


def test_yaws_of_unknown_pitch_are_learned_at_the_usual_one_and_change_nothing_of_the_others():
    codes, yaws, pitches = seen_from_two_heights(np.repeat(np.arange(-90, 91, 15.0), 20))
    beyond = np.abs(yaws) > 70
    alone = PoseMap.learn(codes[~beyond], yaws[~beyond], pitches[~beyond])
    mixed = PoseMap.learn(codes, yaws, np.where(beyond, np.nan, pitches))
    assert alone is not None
    assert mixed is not None
    assert mixed.range_degrees == (-90, 90)
    assert mixed.pitch_range_degrees == alone.pitch_range_degrees
    there = np.isin(mixed.yaws_degrees, alone.yaws_degrees)
    assert there.sum() == len(alone.yaws_degrees)
    assert np.array_equal(mixed.codes[there], alone.codes)
    assert np.array_equal(mixed.pitch_slopes[there], alone.pitch_slopes)
    usual = [codes[np.isclose(yaws, yaw)].mean(axis=0) for yaw in (-90, -75, 75, 90)]
    assert np.allclose(mixed.codes[~there], usual, atol=1e-6)
