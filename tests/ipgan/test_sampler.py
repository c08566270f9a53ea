from pathlib import Path

import numpy as np
import pytest

from ipgan.config import PairsConfig
from ipgan.sampler import PairSampler
from ipgan.training_data import TrainingData
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.pixels import PixelStore
from pifr.data.spec import InputSpec


def data_of(people, sittings, yaws, pitches=None):
    import pandas as pd

    table = pd.DataFrame({"path": [f"{i}.png" for i in range(len(people))], "subject": [str(p) for p in people]})
    manifest: Manifest = make_manifest(table, Path("."), "test")
    return TrainingData(
        manifest, PixelStore(np.zeros((len(people), 4, 4, 3), np.uint8), Path("x")), InputSpec(),
        np.array(people), np.array(sittings), np.zeros(len(people), int), np.array(yaws, float),
        np.full(len(people), np.nan) if pitches is None else np.array(pitches, float),
        np.empty((0, 4, 4, 3), np.uint8), "",
    )  # fmt: skip


# Three people; two sittings of three views each.
PEOPLE = np.repeat([0, 1, 2], 6)
SITTINGS = np.repeat(np.arange(6), 3)
YAWS = np.tile([-45.0, 0.0, 45.0], 6)


def pairs_of(data, steps=40, **shares):
    sampler = PairSampler(data, PairsConfig(**shares), batch_size=16, same_yaw_degrees=4, seed=1)
    every = [sampler.pairs(step) for step in range(steps)]
    return {name: np.concatenate([getattr(p, name) for p in every])
            for name in ("source", "driver", "target", "same_person", "paired")}  # fmt: skip


def test_a_step_is_a_function_of_seed_and_step():
    data = data_of(PEOPLE, SITTINGS, YAWS)
    first, second = (PairSampler(data, PairsConfig(), 16, 4, seed=3) for _ in range(2))
    second.pairs(0)  # drawing another step first must not matter
    assert np.array_equal(first.pairs(7).source, second.pairs(7).source)
    assert np.array_equal(first.pairs(7).target, second.pairs(7).target)
    assert not np.array_equal(first.pairs(7).source, first.pairs(8).source)


def test_same_sitting_pairs_share_person_and_sitting_but_not_the_picture():
    drawn = pairs_of(data_of(PEOPLE, SITTINGS, YAWS), same_sitting=1.0, same_picture=0.0)
    assert drawn["paired"].all()
    assert (SITTINGS[drawn["source"]] == SITTINGS[drawn["target"]]).all()
    assert (drawn["source"] != drawn["target"]).all()
    driver, target = drawn["driver"], drawn["target"]
    assert (PEOPLE[driver] == PEOPLE[target]).all()
    assert (YAWS[driver] == YAWS[target]).all()
    elsewhere = SITTINGS[driver] != SITTINGS[target]
    assert ((driver == target) | elsewhere).all()
    assert 0.6 < elsewhere.mean() < 0.8


def test_the_true_view_itself_drives_where_no_other_sitting_shows_that_side():
    alone = data_of(PEOPLE, PEOPLE, np.arange(18) * 10.0)
    drawn = pairs_of(alone, same_sitting=1.0, same_picture=0.0)
    assert (drawn["driver"] == drawn["target"]).all()


def test_same_picture_is_reconstruction():
    drawn = pairs_of(data_of(PEOPLE, SITTINGS, YAWS), same_sitting=0.0, same_picture=1.0)
    assert (drawn["source"] == drawn["driver"]).all()
    assert (drawn["source"] == drawn["target"]).all()
    assert drawn["same_person"].all()


def test_other_people_lend_their_pose_and_the_true_view_is_found():
    drawn = pairs_of(data_of(PEOPLE, SITTINGS, YAWS), same_sitting=0.0, same_picture=0.0)
    assert (PEOPLE[drawn["driver"]] != PEOPLE[drawn["source"]]).all()
    assert (YAWS[drawn["driver"]] == YAWS[drawn["target"]]).all()
    assert (SITTINGS[drawn["target"]] == SITTINGS[drawn["source"]]).all()
    assert drawn["paired"].all()


def test_without_yaw_the_other_person_is_the_target_and_no_pair():
    drawn = pairs_of(data_of(PEOPLE, SITTINGS, np.full(18, np.nan)), same_sitting=0.0, same_picture=0.0)
    assert (drawn["driver"] == drawn["target"]).all()
    assert not drawn["same_person"].any()
    assert not drawn["paired"].any()


def test_without_sittings_one_person_still_pairs_for_reconstruction():
    drawn = pairs_of(data_of(PEOPLE, np.full(18, -1), YAWS), same_sitting=1.0, same_picture=0.0)
    assert drawn["same_person"].all()
    assert not drawn["paired"].any()


def test_people_are_drawn_equally_often_whatever_their_pictures():
    people = np.array([0] * 50 + [1] * 2)
    drawn = pairs_of(data_of(people, np.arange(52), np.full(52, np.nan)), steps=100)
    share = (people[drawn["source"]] == 1).mean()
    assert share == pytest.approx(0.5, abs=0.05)


def test_frontal_sources_are_preferred_as_asked():
    drawn = pairs_of(data_of(PEOPLE, SITTINGS, YAWS), frontal_source=1.0)
    assert (YAWS[drawn["source"]] == 0).all()


def test_a_person_with_one_picture_is_never_paired_with_itself_as_another_view():
    data = data_of([0, 1, 1], [0, 1, 1], [0.0, 0.0, 45.0])
    drawn = pairs_of(data, same_sitting=1.0, same_picture=0.0)
    alone = drawn["source"] == 0
    assert alone.any()
    assert (drawn["driver"][alone] != 0).all()


def test_parts_cover_a_batch_without_overlap():
    data = data_of(PEOPLE, SITTINGS, YAWS)
    pairs = PairSampler(data, PairsConfig(), 16, 4, seed=0).pairs(0)
    parts = [pairs.part(first, 4) for first in range(4)]
    assert sorted(np.concatenate([part.source for part in parts])) == sorted(pairs.source)
    assert [len(part) for part in parts] == [4] * 4


def test_a_camera_high_up_is_another_side_than_the_one_below_it():
    yaws = np.tile([-45.0, -45.0, 0.0], 6)
    pitches = np.tile([0.0, -28.0, 0.0], 6)
    pairs = pairs_of(data_of(PEOPLE, SITTINGS, yaws, pitches), same_sitting=0, same_picture=0)
    paired = pairs["paired"]
    assert paired.any()
    assert np.array_equal(pitches[pairs["driver"][paired]], pitches[pairs["target"][paired]])


def test_companions_are_other_pictures_of_the_sources_person_and_change_no_other_draw():
    data = data_of([*PEOPLE, 3, 4, 4], [*SITTINGS, 6, 7, 7], [*YAWS, 0.0, 0.0, 45.0])
    sampler = PairSampler(data, PairsConfig(), batch_size=64, same_yaw_degrees=4, seed=1, companions=3)
    drawn = sampler.pairs(0)
    assert drawn.companions.shape == (64, 3)
    assert (data.people[drawn.companions] == data.people[drawn.source][:, None]).all()
    many, alone, two = (np.isin(data.people[drawn.source], people) for people in ([0, 1, 2], [3], [4]))
    assert alone.any()
    assert two.any()
    assert (drawn.companions[~alone] != drawn.source[~alone][:, None]).all()
    assert (drawn.companions[alone] == drawn.source[alone][:, None]).all()  # there is no other
    assert all(len(set(row)) == 3 for row in drawn.companions[many])
    assert all(len(set(row)) == 1 for row in drawn.companions[two])  # the one other, again and again
    plain = PairSampler(data, PairsConfig(), batch_size=64, same_yaw_degrees=4, seed=1).pairs(0)
    assert plain.companions.shape == (64, 0)
    assert np.array_equal(plain.source, drawn.source)
    assert np.array_equal(plain.target, drawn.target)
    assert drawn.part(1, 4).companions.shape == (16, 3)
