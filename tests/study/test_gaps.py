"""The formulas of the study, by hand."""

import math

import numpy as np
import pytest

from benchmarks.study.gaps import (
    WIDE_YAWS,
    Measured,
    change_over_seeds,
    gap_closed,
    gap_over_seeds,
    rate_over_seeds,
)


def measured(rates, rounds=None, people=50):
    """One seed's figure: a rate at each yaw; rounds say the same rate each unless given."""
    rounds = {yaw: np.full(200, rate) for yaw, rate in rates.items()} if rounds is None else rounds
    return Measured(people, rates, rounds)


def flat(rate):
    return measured(dict.fromkeys(WIDE_YAWS, rate))


@pytest.mark.parametrize(
    ("method", "base", "ceiling", "share"),
    [(0.6, 0.4, 0.8, 0.5), (0.3, 0.4, 0.8, -0.25), (0.9, 0.4, 0.8, 1.25), (0.4, 0.4, 0.8, 0.0)],
)
def test_the_share_of_a_gap(method, base, ceiling, share):
    assert gap_closed(method, base, ceiling) == pytest.approx(share)


def test_there_is_no_share_of_no_gap():
    assert math.isnan(gap_closed(0.5, 0.5, 0.5))
    assert math.isnan(gap_closed(0.5, 0.6, 0.5))


def test_the_gap_of_means_is_not_the_mean_of_gaps():
    # Seed 1: gap 0.4, half of it closed. Seed 2: gap 0.1, none of it closed. Together: 0.2 of 0.5.
    found = gap_over_seeds([flat(0.6), flat(0.7)], [flat(0.4), flat(0.7)], [flat(0.8), flat(0.8)], WIDE_YAWS)
    assert found.value == pytest.approx(0.4)
    assert found.per_seed == [pytest.approx(0.5), pytest.approx(0.0)]
    assert found.deviation == pytest.approx(0.5 / math.sqrt(2))
    assert (found.low, found.high) == (pytest.approx(0.4), pytest.approx(0.4))


def test_yaws_count_alike():
    rates = {"45": 0.8, "60": 0.6, "75": 0.4, "90": 0.2}
    assert rate_over_seeds([measured(rates)], WIDE_YAWS).value == pytest.approx(0.5)
    assert math.isnan(rate_over_seeds([measured({"45": 0.5})], WIDE_YAWS).value)


def test_the_interval_is_that_of_the_difference():
    # Both rows rise and fall together with the people drawn: their difference does not vary at all.
    wave = np.linspace(-0.1, 0.1, 201)
    base = measured({"90": 0.5}, {"90": 0.5 + wave})
    better = measured({"90": 0.6}, {"90": 0.6 + wave})
    alone = rate_over_seeds([better], ["90"])
    assert (alone.low, alone.high) == (pytest.approx(0.505), pytest.approx(0.695))
    found = change_over_seeds([better], [base], ["90"])
    assert (found.value, found.low, found.high) == (pytest.approx(0.1), pytest.approx(0.1), pytest.approx(0.1))


def test_a_gap_that_vanishes_in_many_rounds_has_no_interval():
    base, ceiling = measured({"90": 0.5}), measured({"90": 0.52}, {"90": np.tile([0.55, 0.45], 100)})
    found = gap_over_seeds([measured({"90": 0.51})], [base], [ceiling], ["90"])
    assert found.value == pytest.approx(0.5)
    assert math.isnan(found.low)
    assert found.to_dict(100) == {
        "mean": 50.0, "interval": None, "per_seed": [50.0], "deviation_over_seeds": None,
    }  # fmt: skip


def test_a_perfect_rate_has_the_bound_of_its_people():
    found = rate_over_seeds([flat(1.0), flat(1.0)], WIDE_YAWS)
    assert found.high == 1.0
    assert found.low == pytest.approx(0.025 ** (1 / 100))
