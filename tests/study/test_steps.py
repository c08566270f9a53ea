"""The steps of the study that the toolkit does not do by itself."""

import pytest

from benchmarks.study import steps


class Stored:
    """A generator of which only the range is asked."""

    def __init__(self, reach):
        self.pose_map = None if reach is None else self
        self.range_degrees = reach


def test_yaws_end_where_the_generator_ends():
    wanted = (-90.0, -75.0, 0.0, 75.0, 90.0)
    assert steps.reachable_yaws(wanted, (-91.3, 88.6)) == [-90.0, -75.0, 0.0, 75.0, 88.6]
    assert steps.reachable_yaws(wanted, (-60.0, 60.0)) == [-60.0, 0.0, 60.0]
    assert steps.reachable_yaws(wanted, None) == list(wanted)


@pytest.mark.parametrize(
    ("reach", "asked"), [((-91.3, 88.6), {"largest_yaw_degrees": 88.6}), ((-95.0, 93.0), {}), (None, {})]
)
def test_views_on_the_fly_turn_no_farther_than_learned(monkeypatch, tmp_path, reach, asked):
    monkeypatch.setattr("ipgan.stored.read_stored", lambda path: Stored(reach))
    assert steps._largest_turn(tmp_path) == asked


def test_a_given_generator_is_known_by_its_weights():
    assert len(steps.digest_of_generator("twin-64")) == 64
