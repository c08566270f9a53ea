"""The fast bootstrap against re-sampling done row by row, its coverage, and its edges."""

import math
import tracemalloc

import numpy as np
import pytest

from pifr.core.errors import DataError
from pifr.core.seeds import numpy_generator
from pifr.metrics import (
    bootstrap,
    bootstrap_pair_rate,
    bootstrap_rate,
    bootstrap_verification,
    equal_error_rate,
    paired_difference,
    person_weights,
    tar_at_far,
)
from pifr.metrics.bootstrap import percentile_interval


def comparisons(people, seed=0, shift=1.5, pictures=2):
    """Everybody against everybody, several pictures each; returns scores, mated, first, second."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), pictures)
    first, second = (side.ravel() for side in np.meshgrid(person, person, indexing="ij"))
    upper = np.triu(np.ones((len(person), len(person)), bool), 1).ravel()
    first, second = first[upper], second[upper]
    easy = rng.normal(0, 0.7, people)
    scores = rng.normal(0, 1, len(first)) + np.where(first == second, shift + easy[first], 0)
    return scores, first == second, first, second


def repeated_rows(scores, mated, first, second, weights):
    """The definition: write every comparison down as often as its people were drawn."""
    times = np.where(mated, weights[first], weights[first] * weights[second]).astype(int)
    return np.repeat(scores[mated], times[mated]), np.repeat(scores[~mated], times[~mated])


def test_rounds_equal_written_out_resampling():
    table = comparisons(people=7)
    weights = person_weights(7, rounds=25, seed=3)
    found = bootstrap_verification(*table, weights, fars=[0.1])
    for round_, row in enumerate(weights):
        mated, nonmated = repeated_rows(*table, row)
        assert found.eer.rounds[round_] == pytest.approx(equal_error_rate(mated, nonmated), abs=1e-6)
        assert found.tar[0.1].rounds[round_] == pytest.approx(tar_at_far(mated, nonmated, 0.1).tar, abs=1e-6)


def test_many_scores_are_cut_but_hardly_differ():
    table = comparisons(people=60, pictures=4)
    weights = person_weights(60, rounds=10)
    found = bootstrap_verification(*table, weights, fars=[0.01])
    for round_, row in enumerate(weights):
        mated, nonmated = repeated_rows(*table, row)
        assert found.eer.rounds[round_] == pytest.approx(equal_error_rate(mated, nonmated), abs=5e-3)
        assert found.tar[0.01].rounds[round_] == pytest.approx(tar_at_far(mated, nonmated, 0.01).tar, abs=2e-2)


def test_rate_rounds_equal_written_out_resampling():
    hits, person = np.array([1, 0, 1, 1, 0]), np.array([0, 0, 1, 2, 2])
    weights = person_weights(3, rounds=20)
    found = bootstrap_rate(hits, person, weights)
    for round_, row in enumerate(weights):
        assert found.rounds[round_] == pytest.approx(np.repeat(hits, row[person].astype(int)).mean())


def test_the_interval_covers_the_truth_as_often_as_it_says():
    # 40 people, each with an own chance of being found (mean 0.7), 10 trials each. Drawing trials instead of
    # people would cover about 70 %; drawing people must cover about 95 %.
    rng = np.random.default_rng(1)
    person = np.repeat(np.arange(40), 10)
    covered = 0
    for trial in range(300):
        chance = rng.beta(1.4, 0.6, 40)
        hits = rng.random(400) < chance[person]
        found = bootstrap_rate(hits, person, person_weights(40, rounds=300, seed=trial))
        covered += found.low <= 0.7 <= found.high
    assert 0.91 <= covered / 300 <= 0.985


def test_the_eer_interval_covers_the_truth():
    # Truth: normal scores 1.5 apart plus a person effect of 0.7 on the mated side; EER of the mixture by a big sample.
    rng = np.random.default_rng(2)
    truth = equal_error_rate(rng.normal(1.5, np.hypot(1, 0.7), 400_000), rng.normal(0, 1, 400_000))
    covered = 0
    for trial in range(120):
        table = comparisons(people=30, seed=100 + trial, pictures=3)
        found = bootstrap_verification(*table, person_weights(30, rounds=200, seed=trial))
        covered += found.eer.low <= truth <= found.eer.high
    assert covered / 120 >= 0.88


def test_weights_are_seeded_and_draw_as_many_people_as_there_are():
    assert (person_weights(50, 20, seed=1) == person_weights(50, 20, seed=1)).all()
    assert (person_weights(50, 20, seed=1) != person_weights(50, 20, seed=2)).any()
    assert (person_weights(50, 20).sum(axis=1) == 50).all()


@pytest.mark.parametrize(("people", "rounds"), [(1, 3), (7, 25), (300, 1000), (5000, 40)])
def test_drawn_and_multiplied_in_blocks_the_rounds_are_those_of_one_piece(people, rounds, monkeypatch):
    monkeypatch.setattr(bootstrap, "_BLOCK_NUMBERS", 16_384)
    drawn = numpy_generator("bootstrap over people", 3).multinomial(people, np.full(people, 1 / people), size=rounds)
    weights = person_weights(people, rounds, seed=3)
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, drawn.astype(np.float32))
    rng = np.random.default_rng(0)
    person = rng.integers(0, people, 4 * people)
    total = np.bincount(person, minlength=people).astype(float)
    for hits in (rng.random(len(person)) < 0.7, rng.normal(size=len(person))):
        hit = np.bincount(person, weights=hits, minlength=people)
        with np.errstate(invalid="ignore"):
            expected = (drawn.astype(float) @ hit) / (drawn.astype(float) @ total)
        found = bootstrap_rate(hits, person, weights).rounds
        if hits.dtype == bool:
            np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_memory_is_that_of_the_weights_and_little_more():
    people, rounds = 10_000, 400
    tracemalloc.start()
    weights = person_weights(people, rounds, seed=8)
    drawing = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    bootstrap_rate(np.ones(people), np.arange(people), weights)
    multiplying = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert weights.nbytes == 16_000_000
    assert drawing < weights.nbytes + 12_000_000
    assert multiplying < weights.nbytes + 12_000_000


def test_systems_that_are_measured_together_share_their_weights():
    weights = person_weights(40, 30, seed=5)
    assert person_weights(40, 30, seed=5) is weights
    assert person_weights(40, 30, seed=6) is not weights
    with pytest.raises(ValueError, match="read-only"):
        weights[0, 0] = 1


def test_a_perfect_score_is_not_certain():
    # 0.025 ** (1 / 20): the exact binomial bound when 20 people of 20 were found.
    found = bootstrap_rate(np.ones(60), np.repeat(np.arange(20), 3), person_weights(20))
    assert (found.low, found.high) == (pytest.approx(0.8316, abs=1e-4), 1.0)
    none = bootstrap_rate(np.zeros(60), np.repeat(np.arange(20), 3), person_weights(20))
    assert (none.low, none.high) == (0.0, pytest.approx(0.1684, abs=1e-4))
    assert found.percent() == [pytest.approx(83.16, abs=0.01), 100.0]


def test_one_person_has_no_interval():
    found = bootstrap_rate(np.array([1, 0]), np.array([0, 0]), person_weights(1))
    assert math.isnan(found.low)
    assert found.percent() is None


def test_too_few_impostors_have_no_tar_interval():
    found = bootstrap_verification(*comparisons(people=5), person_weights(5, 50), fars=[1e-4])
    assert math.isnan(found.tar[1e-4].low)


def test_rounds_without_a_statistic_are_left_out():
    found = percentile_interval(np.array([0.2, np.nan, 0.4]), 0.3, people=2)
    assert 0.2 <= found.low <= found.high <= 0.4


def test_an_empty_trial_list_is_refused():
    with pytest.raises(DataError, match="at least one trial"):
        bootstrap_rate(np.array([]), np.array([], dtype=int), person_weights(2))


def test_a_pair_weighs_as_both_of_its_people() -> None:
    """Parity with the formula, pair by pair and round by round."""
    random = np.random.default_rng(0)
    first, second = random.integers(0, 6, (2, 200))
    hits = random.random(200) < 0.3
    weights = person_weights(6, rounds=40)
    found = bootstrap_pair_rate(hits, first, second, weights)
    for row, drawn in zip(weights, found.rounds, strict=True):
        of_pair = row[first] * row[second]
        expected = (of_pair * hits).sum() / of_pair.sum() if of_pair.sum() else np.nan
        np.testing.assert_allclose(drawn, expected)
    assert found.people == 6
    with pytest.raises(DataError, match="at least one comparison"):
        bootstrap_pair_rate(hits[:0], first[:0], second[:0], weights)


def test_an_interval_of_pairs_is_wider_than_that_of_one_side() -> None:
    """Where people differ in how often they are taken for others, each side of a pair adds its own chance."""
    random = np.random.default_rng(1)
    first, second = (side.ravel() for side in np.meshgrid(range(60), range(60)))
    first, second = first[first != second], second[first != second]
    easily = random.normal(0, 0.5, 60)
    hits = random.random(len(first)) < 1 / (1 + np.exp(2 - easily[first] - easily[second]))
    weights = person_weights(60)
    both, one = bootstrap_pair_rate(hits, first, second, weights), bootstrap_rate(hits, first, weights)
    assert 1.5 < (both.high - both.low) / (one.high - one.low) < 3


def test_two_people_are_one_pair_and_give_no_interval() -> None:
    scores, mated = np.array([0.9, 0.4, 0.5, 0.8]), np.array([True, False, False, True])
    first, second = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    found = bootstrap_verification(scores, mated, first, second, person_weights(2), fars=(0.5,))
    assert math.isnan(found.eer.low)
    assert math.isnan(found.auc.low)
    assert math.isnan(found.tar[0.5].low)


def test_a_difference_of_what_is_unknown_is_unknown() -> None:
    scores, mated = np.array([0.9, 0.4, 0.5, 0.8]), np.array([True, False, False, True])
    first, second = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    found = [
        bootstrap_verification(each, mated, first, second, person_weights(2), (0.5,)) for each in (scores, -scores)
    ]
    assert math.isnan(paired_difference(found[0].eer, found[1].eer).low)
    assert math.isnan(paired_difference(found[0].auc, found[1].auc).high)


def test_no_rounds_give_no_interval() -> None:
    person, weights = np.arange(3), person_weights(3, rounds=0)
    assert math.isnan(bootstrap_rate(np.ones(3), person, weights).low)
    assert math.isnan(bootstrap_pair_rate(np.ones(3), person, (person + 1) % 3, weights).low)


def test_comparisons_of_many_people_take_no_memory_of_all_their_pairs() -> None:
    person = np.arange(4000)
    weights = person_weights(4000, rounds=10)
    tracemalloc.start()
    bootstrap_pair_rate(person % 2, person, (person + 1) % 4000, weights)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6  # a table of all pairs would take 128 MB
