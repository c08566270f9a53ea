"""Batches: balance, mixing, and being a function of (seed, step) alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pifr.core.errors import ConfigError
from pifr.recognition.sampling import PersonBatches


def sampler(real: list[int], made: list[int], people: int = 4, pictures: int = 2, share: float | None = 0.5,
            seed: int = 0) -> PersonBatches:  # fmt: skip
    """Person k has ``real[k]`` real pictures and ``made[k]`` generated ones."""
    labels = np.concatenate([np.repeat(np.arange(len(real)), real), np.repeat(np.arange(len(made)), made)])
    generated = np.arange(len(labels)) >= sum(real)
    return PersonBatches(labels, generated, people, pictures, share, seed)


@given(
    counts=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5)), min_size=2, max_size=9),
    people=st.integers(2, 12), pictures=st.integers(1, 5), step=st.integers(0, 50),
    share=st.one_of(st.none(), st.floats(0, 1)),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_batch_holds_k_pictures_of_each_of_its_people(
    counts: list[tuple[int, int]], people: int, pictures: int, step: int, share: float | None
) -> None:
    batches = sampler([c[0] for c in counts], [c[1] for c in counts], people, pictures, share)
    rows = batches.rows(step)
    labels = batches.labels[rows].reshape(people, pictures)
    assert (labels == labels[:, :1]).all()
    if people <= len(counts):  # nobody comes three times where all fit
        assert np.bincount(labels[:, 0]).max() <= 2


def test_everybody_is_seen_equally_often() -> None:
    batches = sampler([1, 9, 3, 1, 2, 5], [0] * 6, people=4)
    seen = np.concatenate([batches.labels[batches.rows(step)] for step in range(3)])  # 3 x 4 = two rounds of 6
    assert np.bincount(seen).tolist() == [4] * 6  # 2 rounds x 2 pictures


def test_pictures_repeat_only_when_there_are_too_few() -> None:
    batches = sampler([3, 1], [0, 0], people=2, pictures=3)
    rows = batches.rows(0).reshape(2, 3)
    many = rows[batches.labels[rows[:, 0]] == 0][0]
    few = rows[batches.labels[rows[:, 0]] == 1][0]
    assert len(set(many)) == 3
    assert len(set(few)) == 1


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.25, 4), (0.5, 8), (1.0, 16)])
def test_the_share_of_generated_pictures_is_exact_where_all_have_both(share: float, expected: int) -> None:
    batches = sampler([2] * 8, [3] * 8, people=8, pictures=2, share=share)
    for step in range(5):
        assert int((batches.rows(step) >= 16).sum()) == expected  # rows 16.. are the generated ones


def test_a_broken_share_is_met_on_average() -> None:
    batches = sampler([2] * 4, [3] * 4, people=4, pictures=1, share=0.3)  # 1.2 pictures a batch
    counts = [int((batches.rows(step) >= 8).sum()) for step in range(400)]
    assert set(counts) == {1, 2}
    assert np.mean(counts) == pytest.approx(1.2, abs=0.08)


def test_people_who_lack_a_kind_get_the_other() -> None:
    batches = sampler([2, 0, 2], [0, 3, 0], people=3, pictures=2, share=0.5)
    for step in range(10):
        rows = batches.rows(step)
        assert ((rows >= 4) == (batches.labels[rows] == 1)).all()


def test_no_share_draws_from_all_pictures_alike() -> None:
    batches = sampler([1] * 4, [3] * 4, people=4, pictures=1, share=None)
    made = np.mean([(batches.rows(step) >= 4).mean() for step in range(500)])
    assert made == pytest.approx(0.75, abs=0.04)


def test_batches_depend_on_seed_and_step_only() -> None:
    first, second = sampler([3] * 7, [2] * 7), sampler([3] * 7, [2] * 7)
    later = first.rows(30)
    for step in range(29):
        second.rows(step)  # what was asked before changes nothing
    assert np.array_equal(second.rows(30), later)
    assert not np.array_equal(later, first.rows(31))
    assert not np.array_equal(later, sampler([3] * 7, [2] * 7, seed=1).rows(30))


def test_a_person_without_pictures_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs a picture"):
        PersonBatches(np.array([0, 2]), np.zeros(2, bool), 2, 1, None, 0)


def test_a_limit_leaves_out_generated_pictures_turned_farther() -> None:
    # Person 0: real 0, made 1, 2, 3; person 1: real 4, made 5; person 2: made 6, 7 alone.
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    generated = np.array([0, 1, 1, 1, 0, 1, 1, 1], dtype=bool)
    yaws = np.array([80.0, 60.0, -10.0, 30.0, 80.0, -75.0, 90.0, -60.0])
    batches = PersonBatches(labels, generated, 3, 4, 0.5, 0, yaws)
    seen = {limit: set(np.concatenate([batches.rows(step, largest_generated_yaw_degrees=limit)
                                       for step in range(30)]).tolist()) for limit in (15.0, 60.0, np.inf)}  # fmt: skip
    assert seen[15.0] == {0, 2, 4, 7}  # one stays of person 2, who has no real picture
    assert seen[60.0] == {0, 1, 2, 3, 4, 7}
    assert seen[np.inf] == set(range(8))
