"""Every shared figure against another library, or against the standard's own words in loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import det_curve, top_k_accuracy_score

from pifr.metrics import (
    area_under_curve,
    bootstrap_rate,
    bootstrap_verification,
    cumulative_match,
    d_prime,
    detection_identification_rate,
    error_rates,
    error_rates_at,
    open_set_rates,
    paired_difference,
    person_weights,
    rank_of_mates,
)

levels = st.lists(st.integers(-4, 4), min_size=1, max_size=12).map(lambda v: np.array(v) / 4)


@given(levels, levels)
def test_det_points_equal_scikit_learn(mated, nonmated):
    truth = np.r_[np.ones(len(mated)), np.zeros(len(nonmated))]
    fmr, fnmr, thresholds = det_curve(truth, np.r_[mated, nonmated])
    ours = error_rates_at(mated, nonmated, thresholds)
    np.testing.assert_allclose(ours[0], fmr, atol=1e-12)
    np.testing.assert_allclose(ours[1], fnmr, atol=1e-12)


@given(levels, levels)
def test_area_is_the_mann_whitney_statistic(mated, nonmated):
    statistic = stats.mannwhitneyu(mated, nonmated).statistic
    assert area_under_curve(mated, nonmated) == pytest.approx(statistic / len(mated) / len(nonmated))


@given(levels, levels)
def test_rates_are_the_standards_words(mated, nonmated):
    rates = error_rates(mated, nonmated)
    for threshold, fmr, fnmr in zip(rates.thresholds, rates.fmr, rates.fnmr, strict=True):
        assert fmr == pytest.approx(sum(score >= threshold for score in nonmated) / len(nonmated))
        assert fnmr == pytest.approx(sum(score < threshold for score in mated) / len(mated))


def test_d_prime_is_daugmans():
    rng = np.random.default_rng(0)
    mated, nonmated = rng.normal(2, 0.5, 300), rng.normal(0, 1.5, 700)
    by_hand = abs(np.mean(mated) - np.mean(nonmated)) / math.sqrt((np.std(mated) ** 2 + np.std(nonmated) ** 2) / 2)
    assert d_prime(mated, nonmated) == pytest.approx(by_hand)
    # Two normals of one width: the AUC is Phi(d' / sqrt 2).
    a, b = rng.normal(1.3, 1, 200_000), rng.normal(0, 1, 200_000)
    assert area_under_curve(a, b) == pytest.approx(stats.norm.cdf(d_prime(a, b) / math.sqrt(2)), abs=2e-3)


def test_cmc_is_scikit_learns_top_k_accuracy():
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(60, 8))
    people = np.arange(8)
    probes = rng.integers(0, 8, 60)
    cmc = cumulative_match(rank_of_mates(scores, probes, people), 7)
    expected = [top_k_accuracy_score(probes, scores, k=k, labels=people) for k in range(1, 8)]
    np.testing.assert_allclose(cmc, expected)


@settings(max_examples=60)
@given(levels, st.data())
def test_open_set_rates_are_counts(mate_scores, data):
    ranks = np.array(data.draw(st.lists(st.integers(1, 3), min_size=len(mate_scores), max_size=len(mate_scores))))
    strangers = data.draw(levels)
    thresholds = np.array([-2.0, *np.arange(-4, 5) / 4, 2.0])
    for rank in (1, 2):
        fpir, fnir = open_set_rates(mate_scores, ranks, strangers, thresholds, rank)
        for row, threshold in enumerate(thresholds):
            answered = sum(score >= threshold for score in strangers)
            found = sum(s >= threshold and r <= rank for s, r in zip(mate_scores, ranks, strict=True))
            assert fpir[row] == pytest.approx(answered / len(strangers))
            assert fnir[row] == pytest.approx(1 - found / len(mate_scores))


@settings(max_examples=60)
@given(levels, levels, st.sampled_from([0.05, 0.2, 0.5, 1.0]))
def test_dir_at_far_is_the_best_threshold_that_is_allowed(mate_scores, strangers, fpir):
    ranks = np.ones(len(mate_scores), int)
    found = detection_identification_rate(mate_scores, ranks, strangers, [fpir])[0]
    if fpir * len(strangers) < 1 - 1e-9:
        assert found.too_few
        return
    allowed = [t for t in (*mate_scores, *strangers, np.inf) if np.mean(strangers >= t) <= fpir + 1e-12]
    assert found.rate == pytest.approx(max(np.mean(mate_scores >= t) for t in allowed))


def test_paired_intervals_of_a_difference_cover_it():
    # Two systems on 40 people: shared difficulty, true difference 0.1. The paired interval must cover 0.1 about 95
    # times in 100 and be narrower than what two separate intervals would give.
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(40), 8)
    covered = narrower = 0
    for trial in range(200):
        chance = rng.beta(2, 2, 40) * 0.8
        draws = rng.random(320)
        weights = person_weights(40, rounds=200, seed=trial)
        a = bootstrap_rate(draws < chance[person], person, weights)
        b = bootstrap_rate(draws < chance[person] + 0.1, person, weights)
        gap = paired_difference(a, b)
        covered += gap.low <= 0.1 <= gap.high
        narrower += gap.high - gap.low < (b.high - a.low) - (b.low - a.high)
    assert 0.9 <= covered / 200 <= 0.99
    assert narrower == 200


def test_the_tar_interval_covers_the_truth():
    # Mated scores N(2 + person, 1), impostors N(0, 1): at FMR 1 % the true threshold is the 99th percentile.
    rng = np.random.default_rng(3)
    person_effect, covered = 0.5, 0
    threshold = stats.norm.ppf(0.99)
    truth = stats.norm.sf(threshold, 2, math.hypot(1, person_effect))
    people, pictures = 30, 3
    who = np.repeat(np.arange(people), pictures)
    first, second = (side[np.triu_indices(len(who), 1)] for side in np.meshgrid(who, who, indexing="ij"))
    mated = first == second
    for trial in range(120):
        effect = rng.normal(0, person_effect, people)
        scores = rng.normal(0, 1, len(first)) + np.where(mated, 2 + effect[first], 0)
        found = bootstrap_verification(scores, mated, first, second, person_weights(people, 200, trial), fars=[0.01])
        interval = found.tar[0.01]
        covered += interval.low <= truth <= interval.high
    assert covered / 120 >= 0.88
