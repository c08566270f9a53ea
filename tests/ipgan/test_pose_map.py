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
