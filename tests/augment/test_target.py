from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pifr.augment import AugmentConfig
from pifr.augment.target import Target, _rounded, make_target, yaws_in_bin
from pifr.core.errors import DataError

REACH = (-90.0, 90.0)


def test_uniform_is_one_a_bin_and_counts_what_is_there() -> None:
    target = make_target(AugmentConfig(), REACH, None)
    assert target.centres_degrees.tolist() == list(range(-90, 91, 15))
    missing = target.missing(np.array([0.0, 3.0, 44.0, np.nan, 170.0]))
    assert dict(zip(target.centres_degrees, missing, strict=True)) == {
        float(yaw): 0 if yaw in (0, 45) else 1 for yaw in range(-90, 91, 15)
    }


def test_a_budget_below_the_number_of_bins_is_spread_over_the_yaws() -> None:
    target = make_target(AugmentConfig(per_person=5), REACH, None)
    assert target.centres_degrees[target.counts > 0].tolist() == [-75, -45, 0, 45, 75]


def test_like_takes_the_shares_of_the_other_manifest(kit) -> None:
    other = kit.people([(f"{i}.png", "z", yaw) for i, yaw in enumerate([0, 0, 0, 30, 170])])
    target = make_target(AugmentConfig(target="like", per_person=8), REACH, other)
    assert {yaw: n for yaw, n in zip(target.centres_degrees, target.counts, strict=True) if n} == {0.0: 6, 30.0: 2}


def test_a_manifest_without_yaws_is_no_target(kit) -> None:
    other = kit.people([("a.png", "z", np.nan)])
    with pytest.raises(DataError, match="pifr data pose"):
        make_target(AugmentConfig(target="like"), REACH, other)


def test_bins_outside_the_reach_are_left_out() -> None:
    assert make_target(AugmentConfig(bin_degrees=30), (-40.0, 65.0), None).centres_degrees.tolist() == [-30, 0, 30, 60]


def test_listed_yaws_are_asked_once_a_source() -> None:
    target = make_target(AugmentConfig(yaws_degrees=(30, -60), sources_per_person=2), REACH, None)
    assert target.centres_degrees.tolist() == [-60, 30]
    assert target.missing(np.array([-58.0, 10.0])).tolist() == [1, 2]


def test_a_bin_gives_its_centre_first_and_then_yaws_within_it_and_within_reach() -> None:
    target = Target(np.array([90.0]), np.array([3]), 15.0)
    yaws = yaws_in_bin(target, 0, 50, np.random.default_rng(0), (-90.0, 91.0))
    assert yaws[0] == 90.0
    assert min(yaws) >= 82.5
    assert max(yaws) <= 91.0
    assert len(set(yaws)) > 20


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=30), st.integers(1, 200))
def test_rounding_keeps_the_sum_and_every_count_within_one(weights: list[float], total: int) -> None:
    wanted = np.array(weights) / sum(weights) * total
    counts = _rounded(wanted)
    assert counts.sum() == total
    assert (np.abs(counts - wanted) <= 1 + 1e-6).all()
