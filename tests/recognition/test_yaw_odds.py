"""From which yaws views are drawn: accepted bins alone, as often as their odds say, within the limit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pifr.recognition.sections import OnTheFlyConfig
from pifr.recognition.yaw_odds import YawOdds, bin_odds

EDGES = np.array([-60.0, -30.0, 0.0, 30.0, 60.0])


@given(
    odds=st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=4, max_size=4).filter(any), min_size=1,
                  max_size=4),
    limit=st.floats(1, 100), seed=st.integers(0, 9),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_only_accepted_bins_within_the_limit_are_drawn(odds: list[list[float]], limit: float, seed: int) -> None:
    table = YawOdds(EDGES, np.array(odds))
    sources = np.repeat(np.arange(len(odds)), 50)
    yaws = table.draw(sources, np.random.default_rng(seed), limit)
    bins = np.clip(np.digitize(yaws, EDGES) - 1, 0, 3)
    assert (table.odds[sources, bins] > 0).all()
    nearest = np.abs(EDGES[[1, 2, 2, 3]])  # the mildest yaw of each bin
    for source, row in enumerate(odds):
        mine = np.abs(yaws[sources == source])
        mild = nearest[np.array(row) > 0] < limit
        if mild.any():
            assert mine.max() <= limit
        else:  # nothing so mild was accepted: the bin nearest to the front
            assert mine.min() >= nearest[np.array(row) > 0].min()


def test_bins_are_drawn_as_often_as_their_odds_say() -> None:
    table = YawOdds(EDGES, np.array([[1.0, 0.0, 2.0, 1.0]]))
    yaws = table.draw(np.zeros(20_000, int), np.random.default_rng(0))
    shares = np.histogram(yaws, EDGES)[0] / len(yaws)
    np.testing.assert_allclose(shares, [0.25, 0.0, 0.5, 0.25], atol=0.02)
    # A limit of 15 degrees leaves half of the third bin alone.
    limited = table.draw(np.zeros(1000, int), np.random.default_rng(0), 15.0)
    assert limited.min() >= 0
    assert limited.max() <= 15


def test_the_normal_distribution_in_bins() -> None:
    config = OnTheFlyConfig(generator="x", yaws="normal", std_degrees=30, largest_yaw_degrees=60)
    # Between -60 and 60, two standard deviations: 0.1359, 0.3413, 0.3413, 0.1359 of 0.9545.
    np.testing.assert_allclose(bin_odds(EDGES, config), np.array([0.1359, 0.3413, 0.3413, 0.1359]) / 0.9545, atol=1e-4)
