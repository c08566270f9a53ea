"""Traits of people: drawn from (seed, person) alone, within human bounds, mixed as `anny` mixes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pifr.twin.controls import FACIAL_ACTIONS, shape_controls, target_files
from pifr.twin.person import Build, _macro_weights, draw_build, shape_weights

PEOPLE = st.tuples(st.integers(0, 2**31), st.integers(0, 10**6))


@given(PEOPLE)
@settings(max_examples=60, deadline=None)
def test_builds_are_adults_with_shares_that_sum_to_one(who: tuple[int, int]) -> None:
    build = draw_build(*who)
    assert 18.0 <= build.age_years <= 75.0
    assert sum(build.ancestry) == pytest.approx(1.0)
    assert 0.03 <= build.melanin <= 1.15
    assert build == draw_build(*who)


@given(PEOPLE)
@settings(max_examples=30, deadline=None)
def test_shape_weights_name_baked_targets_and_keep_to_the_limits(who: tuple[int, int]) -> None:
    weights = shape_weights(*who, draw_build(*who))
    assert set(weights) <= set(target_files())
    limits = {}
    for control in shape_controls():
        for target in (control.low_target, control.high_target):
            for side in "lr":
                limits[target.format(side=side)] = control.limit
    assert all(0.0 <= weight <= limits.get(name, 1.0) for name, weight in weights.items())


def test_left_and_right_are_alike_but_not_the_same() -> None:
    values = []
    for person in range(40):
        weights = shape_weights(3, person, draw_build(3, person))
        signed = [weights.get(f"{s}-eye-scale-incr", 0.0) - weights.get(f"{s}-eye-scale-decr", 0.0) for s in "lr"]
        values.append(signed)
    left, right = np.array(values).T
    assert np.corrcoef(left, right)[0, 1] > 0.9
    assert (left != right).mean() > 0.8


def test_people_of_one_world_differ_and_worlds_differ() -> None:
    shapes = {tuple(shape_weights(seed, k, draw_build(seed, k)).values()) for seed in (0, 1) for k in range(50)}
    assert len(shapes) == 100


def test_a_young_average_man_is_the_plain_mix_of_anchors() -> None:
    # Age 25 is the anchor `young`; half of the way from average to most muscle shares the weight in halves.
    weights = _macro_weights(Build("male", 25.0, (0.25, 0.75, 0.0), muscle=0.75, weight=0.5, melanin=0.2))
    used = {name: weight for name, weight in weights.items() if weight > 0}
    assert used == pytest.approx(
        {
            "universal-male-young-averagemuscle-averageweight": 0.5,
            "universal-male-young-maxmuscle-averageweight": 0.5,
            "african-male-young": 0.25,
            "asian-male-young": 0.75,
        }
    )


@pytest.mark.parametrize(("sex", "age", "muscle", "weight"), [("male", 61.0, 0.3, 0.9), ("female", 20.0, 0.8, 0.1)])
def test_anchors_are_mixed_as_anny_mixes_them(sex: str, age: float, muscle: float, weight: float) -> None:
    torch = pytest.importorskip("torch")
    phenotype = pytest.importorskip("anny.models.phenotype")
    labels = ["gender", "age", "muscle", "weight", "african", "asian", "caucasian"]
    # anny counts age from 2/3 (young, 25 years) to 1 (old, 90 years); gender 0 is male.
    old = min(max((age - 25.0) / 65.0, 0.0), 1.0)
    values = [float(sex == "female"), (2.0 + old) / 3.0, muscle, weight, 0.2, 0.3, 0.5]
    variations = [key for group in phenotype.PHENOTYPE_VARIATIONS.values() for key in group]
    ours = _macro_weights(Build(sex, age, (0.2, 0.3, 0.5), muscle, weight, 0.2))
    mask = torch.zeros((len(ours), len(variations)), dtype=torch.float64)
    for row, name in enumerate(ours):
        for part in name.removeprefix("universal-").split("-"):
            mask[row, variations.index(part)] = 1.0
    anchors = phenotype.make_phenotype_anchors(torch.float64)
    theirs = phenotype.phenotype_blendshape_weights(
        torch.tensor([values], dtype=torch.float64), labels, anchors, mask, extrapolate=False
    )
    np.testing.assert_allclose(list(ours.values()), theirs[0].numpy(), atol=1e-9)


def test_controls_that_deform_beyond_the_human_range_are_not_used() -> None:
    assert not [name for name in target_files() if name.startswith("head-trans")]
    assert len(FACIAL_ACTIONS) == 52
    assert all(0.0 < control.spread <= 0.5 and 0.0 < control.limit <= 1.0 for control in shape_controls())
