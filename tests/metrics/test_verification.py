"""One-to-one metrics against hand-made cases, scikit-learn and properties that must always hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score, roc_curve

from pifr.core.errors import DataError
from pifr.metrics import (
    area_under_curve,
    d_prime,
    equal_error_rate,
    error_rates,
    error_rates_at,
    roc_points,
    tar_at_far,
)

# Few distinct values make ties, which is where metrics go wrong.
tied_scores = hnp.arrays(np.float64, st.integers(1, 30), elements=st.integers(-5, 5).map(lambda v: v / 5))


@pytest.fixture(scope="module")
def normal_scores():
    rng = np.random.default_rng(0)
    return rng.normal(2, 1, 400).round(2), rng.normal(0, 1, 3000).round(2)


def sklearn_roc(mated, nonmated):
    truth = np.r_[np.ones(len(mated)), np.zeros(len(nonmated))]
    return roc_curve(truth, np.r_[mated, nonmated], drop_intermediate=False)


def test_rates_equal_scikit_learn(normal_scores):
    rates = error_rates(*normal_scores)
    fpr, tpr, thresholds = sklearn_roc(*normal_scores)
    np.testing.assert_allclose(rates.thresholds[::-1], thresholds)
    np.testing.assert_allclose(rates.fmr[::-1], fpr, atol=1e-12)
    np.testing.assert_allclose(rates.tar[::-1], tpr, atol=1e-12)


def test_eer_equals_the_root_on_scikit_learns_polyline(normal_scores):
    fpr, tpr, _ = sklearn_roc(*normal_scores)
    root = brentq(lambda x: 1 - x - np.interp(x, fpr, tpr), 0, 1)
    assert equal_error_rate(*normal_scores) == pytest.approx(root, abs=1e-9)


@given(tied_scores, tied_scores)
def test_area_equals_scikit_learn(mated, nonmated):
    truth = np.r_[np.ones(len(mated)), np.zeros(len(nonmated))]
    expected = roc_auc_score(truth, np.r_[mated, nonmated])
    assert area_under_curve(mated, nonmated) == pytest.approx(expected)


@given(tied_scores, tied_scores, st.floats(0.01, 1))
def test_tar_is_the_best_over_all_thresholds(mated, nonmated, far):
    found = tar_at_far(mated, nonmated, far)
    if far * len(nonmated) < 1 - 1e-9:
        assert found.too_few
        assert math.isnan(found.tar)
        return
    thresholds = np.r_[mated, nonmated, np.inf]
    allowed = [t for t in thresholds if np.mean(nonmated >= t) <= far + 1e-12]
    assert found.tar == pytest.approx(max(np.mean(mated >= t) for t in allowed))
    assert np.mean(nonmated >= found.threshold) <= far + 1e-12
    assert np.isfinite(found.threshold)
    assert all(np.mean(nonmated >= t) > far for t in thresholds if t < found.threshold)  # none lower is allowed


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_threshold_set_on_good_scores_is_no_stricter_than_asked(dtype):
    """Where all mates score above all impostors, the threshold still lies among the impostors."""
    nonmated = np.linspace(0, 0.5, 1001, dtype=dtype)
    mated = np.linspace(0.8, 0.9, 10, dtype=dtype)
    found = tar_at_far(mated, nonmated, 0.01)
    assert (found.tar, found.threshold) == (1.0, float(nonmated[991]))
    assert np.mean(nonmated >= found.threshold) == pytest.approx(10 / 1001)
    nobody = tar_at_far(mated - 1, nonmated, 0.001)  # one impostor may pass, and does
    assert (nobody.tar, nobody.threshold) == (0.0, 0.5)
    above_all = tar_at_far(mated - 1, np.repeat(nonmated[:100], 2), 0.009)
    assert above_all.tar == 0
    assert nonmated[99] < above_all.threshold < nonmated[99] + 1e-6
    assert not (nonmated[:100] >= above_all.threshold).any()


@given(tied_scores, tied_scores)
def test_order_is_all_that_counts(mated, nonmated):
    assert equal_error_rate(np.exp(mated), np.exp(nonmated)) == pytest.approx(equal_error_rate(mated, nonmated))
    assert area_under_curve(np.exp(mated), np.exp(nonmated)) == pytest.approx(area_under_curve(mated, nonmated))


@given(tied_scores, tied_scores)
def test_swapping_the_sides_mirrors_the_rates(mated, nonmated):
    assert equal_error_rate(-nonmated, -mated) == pytest.approx(equal_error_rate(mated, nonmated), abs=1e-9)


def test_curves_are_monotonic_and_reach_both_ends(normal_scores):
    rates = error_rates(*normal_scores)
    assert (np.diff(rates.fmr) <= 0).all()
    assert (np.diff(rates.fnmr) >= 0).all()
    assert (rates.fmr[0], rates.fnmr[0], rates.fmr[-1], rates.fnmr[-1]) == (1, 0, 0, 1)


def test_a_hand_made_case():
    # Mated .9 .8 .4; impostors .7 .3 .2 .1. At .7 one impostor of four passes and one mate of three is refused,
    # at .8 no impostor passes and one mate is refused: the lines meet between .4 (FMR .25, FNMR 0) and .7.
    mated, nonmated = np.array([0.9, 0.8, 0.4]), np.array([0.7, 0.3, 0.2, 0.1])
    assert equal_error_rate(mated, nonmated) == pytest.approx(0.25)
    assert tar_at_far(mated, nonmated, 0.25).tar == 1.0
    fmr, fnmr = error_rates_at(mated, nonmated, np.array([0.4, 0.7, 0.8]))
    assert fmr.tolist() == [0.25, 0.25, 0.0]
    assert fnmr.tolist() == pytest.approx([0.0, 1 / 3, 1 / 3])
    assert area_under_curve(mated, nonmated) == pytest.approx(11 / 12)


def test_constant_scores_are_a_coin_toss():
    same = np.full(10, 0.5)
    assert equal_error_rate(same, same) == 0.5
    assert area_under_curve(same, same) == 0.5
    assert tar_at_far(same, same, 0.5).tar == 0.0
    assert d_prime(same, same) == 0.0


def test_d_prime_of_two_constants_is_infinite():
    assert d_prime(np.ones(3), np.zeros(3)) == math.inf


def test_too_few_impostors_is_said_in_words():
    found = tar_at_far(np.array([0.9]), np.linspace(0, 0.5, 999), far=1e-3)
    assert found.too_few
    assert str(found) == "too few impostors: FAR 0.001 needs at least 1,000 non-mated comparisons, there are 999"
    assert found.to_dict()["tar_percent"] is None
    assert "too few" in found.to_dict()["note"]


def test_exactly_enough_impostors_gives_a_number():
    found = tar_at_far(np.array([0.9, 0.4]), np.linspace(0, 0.5, 1000), far=1e-3)
    assert found.tar == 0.5
    assert not found.too_few
    assert str(found) == "TAR 50.00 % at FAR 0.001 (1,000 impostor comparisons)"


def test_far_of_one_accepts_everything():
    assert tar_at_far(np.array([0.1]), np.array([0.9]), 1.0).tar == 1.0


def test_a_plot_keeps_the_shape_of_the_curve(normal_scores):
    whole, thin = error_rates(*normal_scores), roc_points(*normal_scores, points=90)
    assert len(thin.thresholds) <= 120 < len(whole.thresholds)
    assert thin.equal_error_rate() == pytest.approx(whole.equal_error_rate(), abs=5e-3)
    assert set(thin.thresholds) <= set(whole.thresholds)


@pytest.mark.parametrize("bad", [np.array([]), np.array([0.1, np.nan]), np.array([np.inf])])
def test_bad_scores_are_refused_by_name(bad):
    good = np.array([0.5])
    with pytest.raises(DataError, match="mated"):
        equal_error_rate(bad, good)
    with pytest.raises(DataError, match="non-mated"):
        tar_at_far(good, bad, 0.1)


@pytest.mark.parametrize("far", [0, -0.1, 1.5])
def test_impossible_far_is_refused(far):
    with pytest.raises(DataError, match="false accept rate"):
        tar_at_far(np.array([1.0]), np.array([0.0]), far)


@pytest.mark.parametrize(("kind", "large"), [(np.float32, 2.0**25), (np.float64, 2.0**54)])
def test_a_threshold_above_large_equal_scores_refuses_them(kind, large):
    """Similarities need not be cosines; one more than such a score is the score itself."""
    mates = np.array([0, large, large, large, large], kind)
    found = tar_at_far(mates, np.full(10, large, kind), 0.1)
    assert found.tar == 0
    assert found.threshold > large
