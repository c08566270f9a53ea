"""Ranks, CMC and open-set rates: tiny cases by hand, and a slow definition written out in loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pifr.core.errors import DataError
from pifr.metrics import (
    NOT_FOUND,
    cumulative_match,
    detection_identification_rate,
    open_set_rates,
    rank_n_rate,
    rank_of_mates,
)


def slow_rank(row, probe, gallery):
    """Sort people by best score, put ties before the mate, and count."""
    best = {person: max(s for s, g in zip(row, gallery, strict=True) if g == person) for person in gallery}
    if probe not in best:
        return NOT_FOUND
    return 1 + sum(person != probe and score >= best[probe] for person, score in best.items())


@given(st.data())
def test_ranks_equal_the_definition(data):
    names = st.sampled_from("abcd")
    gallery = data.draw(st.lists(names, min_size=1, max_size=6))
    probes = data.draw(st.lists(names, min_size=1, max_size=6))
    values = data.draw(
        st.lists(st.integers(0, 3), min_size=len(probes) * len(gallery), max_size=len(probes) * len(gallery))
    )
    scores = np.array(values, dtype=float).reshape(len(probes), len(gallery))
    expected = [slow_rank(row, probe, gallery) for row, probe in zip(scores, probes, strict=True)]
    assert rank_of_mates(scores, np.array(probes), np.array(gallery)).tolist() == expected


def test_ties_count_against_the_system():
    ranks = rank_of_mates(np.zeros((3, 3)), np.array(["a", "b", "c"]), np.array(["a", "b", "c"]))
    assert ranks.tolist() == [3, 3, 3]


def test_a_person_scores_by_their_best_picture():
    scores = np.array([[0.1, 0.9, 0.5]])
    assert rank_of_mates(scores, np.array(["a"]), np.array(["a", "a", "b"])).tolist() == [1]


def test_a_person_not_enrolled_is_never_found():
    ranks = rank_of_mates(np.ones((1, 1)), np.array(["stranger"]), np.array(["a"]))
    assert ranks.tolist() == [NOT_FOUND]
    assert rank_n_rate(ranks, 10**6) == 0.0


def test_cmc_is_rank_n_for_all_n():
    ranks = np.array([1, 1, 2, 4, NOT_FOUND])
    cmc = cumulative_match(ranks, 5)
    assert cmc.tolist() == [rank_n_rate(ranks, n) for n in range(1, 6)]
    assert cmc.tolist() == [0.4, 0.6, 0.6, 0.8, 0.8]


@pytest.mark.parametrize("call", [lambda: rank_n_rate(np.array([])), lambda: cumulative_match(np.array([]), 3)])
def test_no_probe_is_refused(call):
    with pytest.raises(DataError, match="no probe"):
        call()


def test_bad_score_tables_are_refused():
    with pytest.raises(DataError, match="probes, gallery"):
        rank_of_mates(np.zeros((1, 2)), np.array(["a"]), np.array(["a"]))
    with pytest.raises(DataError, match="NaN"):
        rank_of_mates(np.array([[np.nan]]), np.array(["a"]), np.array(["a"]))
    with pytest.raises(DataError, match="gallery is empty"):
        rank_of_mates(np.zeros((1, 0)), np.array(["a"]), np.array([], dtype=str))


def test_open_set_rates_by_hand():
    # Enrolled probes: found at .9, found at .6, and a mate only second best (never found at rank 1).
    mate_scores, ranks = np.array([0.9, 0.6, 0.7]), np.array([1, 1, 2])
    strangers = np.array([0.2, 0.5, 0.65, 0.8])
    fpir, fnir = open_set_rates(mate_scores, ranks, strangers, np.array([0.0, 0.6, 0.85]))
    assert fpir.tolist() == [1.0, 0.5, 0.0]
    assert fnir.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    _, fnir_at_rank_two = open_set_rates(mate_scores, ranks, strangers, np.array([0.0]), rank=2)
    assert fnir_at_rank_two.tolist() == [0.0]


def test_cmc_is_one_minus_fnir_without_threshold():
    ranks = np.array([1, 2, 3, 1])
    for n in (1, 2, 3):
        _, fnir = open_set_rates(np.ones(4), ranks, np.zeros(1), np.array([0.0]), rank=n)
        assert 1 - fnir[0] == rank_n_rate(ranks, n)


def test_dir_says_nothing_where_strangers_are_too_few():
    rates = detection_identification_rate(np.array([0.9, 0.6]), np.array([1, 1]), np.array([0.7, 0.1]), [0.5, 0.1, 1.0])
    assert [each.rate for each in rates[::2]] == [1.0, 1.0]
    assert math.isnan(rates[1].rate)
    assert [each.too_few for each in rates] == [False, True, False]
    assert str(rates[1]) == "too few strangers: FPIR 0.1 needs at least 10 of their searches"
    assert str(rates[0]) == "DIR 100.00 % at FPIR 0.5"


def test_open_set_needs_strangers():
    with pytest.raises(DataError, match="strangers"):
        open_set_rates(np.ones(1), np.ones(1), np.array([]), np.array([0.5]))
