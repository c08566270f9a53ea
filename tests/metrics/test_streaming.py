"""Streaming figures equal the exact ones on the same comparisons."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pifr.core.errors import DataError
from pifr.metrics import equal_error_rate, tar_at_far
from pifr.metrics.streaming import FAILED, StreamingScores


@pytest.fixture(scope="module")
def comparisons():
    rng = np.random.default_rng(0)
    mated = rng.random(60_000) < 0.1
    scores = np.clip(rng.normal(np.where(mated, 0.55, 0.05), 0.15), -1, 1).astype(np.float32)
    return scores, mated


def stream(scores, mated, block, tail=1_000_000):
    found = StreamingScores(tail)
    for start in range(0, len(scores), block):
        found.add(scores[start : start + block], mated[start : start + block])
    return found


@pytest.mark.parametrize("block", [997, 60_000])
@pytest.mark.parametrize("far", [1e-1, 1e-2, 1e-3, 1e-4])
def test_the_tail_is_exact(comparisons, block, far):
    scores, mated = comparisons
    exact = tar_at_far(scores[mated], scores[~mated], far)
    found = stream(scores, mated, block, tail=7_000).tar_at_far(far)
    assert (found.tar, found.threshold) == (exact.tar, pytest.approx(exact.threshold))
    assert found.impostor_comparisons == exact.impostor_comparisons


@pytest.mark.parametrize("far", [0.5, 0.2, 1e-2])
def test_beyond_the_tail_bins_are_fine_enough(comparisons, far):
    scores, mated = comparisons
    exact = tar_at_far(scores[mated], scores[~mated], far).tar
    found = stream(scores, mated, 5000, tail=100).tar_at_far(far)
    assert found.tar == pytest.approx(exact, abs=5e-4)
    assert (scores[mated] >= found.threshold).mean() == found.tar


@pytest.mark.parametrize("far", [0.5, 0.2, 1e-2])
@pytest.mark.parametrize("mates", [6000, 40])
def test_beyond_the_tail_a_threshold_is_as_strict_as_asked(comparisons, far, mates):
    """Of few mates all are kept, and the lowest score above the bin would be one of theirs, or the tail's own floor."""
    scores, mated = comparisons
    first = np.cumsum(mated) <= mates
    scores, mated = scores[first | ~mated], mated[first | ~mated]
    found = stream(scores, mated, 5000, tail=100).tar_at_far(far)
    assert (scores[~mated] >= found.threshold).mean() == pytest.approx(far, abs=5e-4)
    assert (scores[mated] >= found.threshold).mean() == found.tar


def test_a_mate_on_the_edge_of_a_bin_counts_at_the_threshold_as_well():
    edge, rest = np.float32(0.5), np.full(40, 0.5 - 2.0**-21, np.float32)
    found = StreamingScores(tail=2)
    found.add(np.concatenate([[0.9, 0.8, edge, 0.1], rest]), np.arange(44) // 2 == 1)
    at = found.tar_at_far(0.1)
    assert (at.tar, at.threshold) == (0.5, 0.5)
    assert 1 - found.false_nonmatch_rate_at(at.threshold) == at.tar


def test_where_all_pictures_failed_no_threshold_accepts_them():
    for tail in (100, 2):
        found = StreamingScores(tail)
        found.add(np.full(40, FAILED, np.float32), np.arange(40) < 5)
        at = found.tar_at_far(0.25)
        assert (at.tar, at.threshold) == (0.0, math.inf)


def test_the_equal_error_rate_agrees(comparisons):
    scores, mated = comparisons
    exact = equal_error_rate(scores[mated], scores[~mated])
    assert stream(scores, mated, 5000, tail=100).equal_error_rate() == pytest.approx(exact, abs=1e-4)


def test_two_halves_merged_are_the_whole(comparisons):
    scores, mated = comparisons
    left, right = stream(scores[:20_000], mated[:20_000], 999, 500), stream(scores[20_000:], mated[20_000:], 999, 500)
    left.merge(right)
    whole = stream(scores, mated, 999, 500)
    for far in (0.3, 1e-3):
        assert left.tar_at_far(far) == whole.tar_at_far(far)
    assert left.equal_error_rate() == whole.equal_error_rate()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-8, 8), st.booleans()), min_size=2, max_size=40), st.sampled_from([0.1, 0.25, 1.0])
)
def test_ties_are_treated_alike(rows, far):
    scores = np.array([value / 8 for value, _ in rows], np.float32)
    mated = np.array([same for _, same in rows])
    if mated.all() or not mated.any():
        return
    exact, found = tar_at_far(scores[mated], scores[~mated], far), stream(scores, mated, 3).tar_at_far(far)
    assert (found.too_few and exact.too_few) or found.tar == exact.tar
    assert stream(scores, mated, 3).equal_error_rate() == pytest.approx(
        equal_error_rate(scores[mated], scores[~mated]), abs=1e-9
    )


def test_memory_does_not_grow():
    found = StreamingScores(tail=1000)
    rng = np.random.default_rng(0)
    for _ in range(20):
        found.add(rng.uniform(-1, 1, 5000), rng.random(5000) < 0.5)
    assert len(found._tail()) == 1000
    assert found._every_mated is None
    assert found.mated + found.nonmated == 100_000


def test_what_is_no_cosine_is_refused():
    found = StreamingScores()
    for bad in (np.nan, np.inf, 7.0):
        with pytest.raises(DataError, match="cosines"):
            found.add(np.array([bad]), np.array([True]))
    with pytest.raises(DataError, match="no mated or no non-mated"):
        found.equal_error_rate()
    found.add(np.array([0.1, 0.2]), np.array([True, False]))
    assert math.isnan(found.tar_at_far(0.001).tar)
    with pytest.raises(DataError, match="false accept rate"):
        found.tar_at_far(0)


@pytest.mark.parametrize("count", [10, 14, 15, 20, 100])
@pytest.mark.parametrize("step", [1, 3, 5, 10, 100])
def test_rates_below_a_full_tail_are_not_the_tails(count, step):
    rng = np.random.default_rng(count)
    scores, mated = rng.uniform(-1, 1, count).astype(np.float32), np.zeros(count, bool)
    live = stream(np.append(scores, 0.5), np.append(mated, True), step, tail=10)
    union = StreamingScores(10)
    union.merge(live)
    several = StreamingScores(10)
    for part in (stream(scores[:7], mated[:7], step, 10), stream(scores[7:], mated[7:], step, 10), union):
        several.merge(part)
    for threshold in (-0.99, -0.5, 0.0, *scores[:3]):
        true = float((scores >= threshold).mean())
        for found in (live, StreamingScores.from_state(live.state()), union, StreamingScores.from_state(union.state()),
                      several):  # fmt: skip
            assert found.error_rates_at(threshold)[0] == pytest.approx(true, abs=0 if found.exact else 2e-5)


def test_nothing_lies_above_the_last_bin():
    """Copies of one picture under two names score 1: a threshold above them accepts nobody, mates kept or counted."""
    for tail in (1000, 10):
        found = StreamingScores(tail)
        found.add(np.ones(200, np.float32), np.arange(200) < 100)
        at = found.tar_at_far(0.5)
        assert at.tar == 0
        assert at.threshold > 1
        assert found.error_rates_at(at.threshold) == (0, 1)
        assert found.error_rates_at(math.inf) == (0, 1)
