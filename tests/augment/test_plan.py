from __future__ import annotations

import numpy as np
import pytest

from pifr.augment import AugmentConfig
from pifr.augment.methods import FlipMethod, IpganMethod, NoMethod
from pifr.augment.plan import plan_views
from pifr.augment.sources import find_candidates
from pifr.core.config import check_config
from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import make_manifest
from pifr.data.spec import InputSpec

SPEC = InputSpec(size_px=64)


@pytest.fixture
def plan(kit):
    def make(data, config, reference=None, method=None):
        method = method or IpganMethod(kit.MarkingRotator())
        return plan_views(data, find_candidates(data, method, config), method, config, reference)

    return make


def test_only_what_is_missing_is_planned(plan, noisy) -> None:
    data = noisy([("a", 0.0), ("a", 60.0), ("b", 0.0)])
    found = plan(data, AugmentConfig(bin_degrees=30)).views
    by_person = found.groupby("subject")["yaw"].apply(sorted).to_dict()
    assert by_person == {"a": [-90, -60, -30, 30, 90], "b": [-90, -60, -30, 30, 60, 90]}
    everything = plan(data, AugmentConfig(bin_degrees=30, count_real=False)).views
    assert (everything.groupby("subject").size() == 7).all()


def test_listed_yaws_are_made_of_each_source_under_names_that_say_so(plan, noisy) -> None:
    data = noisy([("a b", 0.0), ("a b", 10.0), ("a_b", 0.0)])
    views = plan(data, AugmentConfig(yaws_degrees=(-67.5, 30), sources_per_person=2)).views
    assert views["name"].tolist() == [
        "a_b_0/000_000_yaw-067_5", "a_b_0/000_001_yaw+030", "a_b_0/001_002_yaw-067_5", "a_b_0/001_003_yaw+030",
        "a_b_1/002_000_yaw-067_5", "a_b_1/002_001_yaw+030",
    ]  # fmt: skip
    assert views["sources"].tolist() == [(0,), (0,), (1,), (1,), (2,), (2,)]


def test_nobody_gets_the_folder_of_another(plan, noisy) -> None:
    people = ["a b", "a_b", "A_b_1", "a_b_0", "a_b_0_0", "STRASSE", "straße"]
    views = plan(noisy([(who, 0.0) for who in people]), AugmentConfig(yaws_degrees=(30,))).views
    folders = [name.partition("/")[0] for name in views["name"]]
    assert len({name.casefold() for name in folders}) == len(people)  # some disks know no capitals
    assert dict(zip(views["subject"], folders, strict=True))["A_b_1"] == "A_b_1"


def test_one_person_s_views_do_not_depend_on_other_people(plan, noisy) -> None:
    config = AugmentConfig(per_person=40, seed=3)
    both, alone = (plan(noisy(rows), config).views for rows in ([("a", 0.0), ("b", 0.0)], [("b", 0.0)]))
    assert both[both["subject"] == "b"]["yaw"].tolist() == alone["yaw"].tolist()


def test_a_limit_takes_everybody_s_first_view_before_anybody_s_second(plan, noisy) -> None:
    views = plan(noisy([(who, 0.0) for who in "abc"]), AugmentConfig(limit=4)).views
    assert views["subject"].tolist() == ["a", "a", "b", "c"]
    assert views["number"].tolist() == [0, 1, 0, 0]


def test_blocks_hold_whole_people(plan, noisy) -> None:
    found = plan(noisy([(who, 0.0) for who in "abcde"]), AugmentConfig(yaws_degrees=(30, 60, 90), batch_size=4))
    assert found.views.groupby("subject")["block"].first().tolist() == [0, 0, 1, 1, 2]
    assert found.views.groupby("subject")["block"].nunique().eq(1).all()
    assert found.blocks == 3


def test_a_mirror_reaches_the_opposite_of_real_yaws_alone(plan, noisy) -> None:
    data = noisy([("a", 30.0), ("a", 0.0), ("a", -61.0), ("a", 62.0)])
    found = plan(data, AugmentConfig(bin_degrees=30), method=FlipMethod(SPEC))
    assert found.views[["yaw", "sources"]].to_numpy().tolist() == [[-30.0, (0,)]]
    assert found.unreachable == 2  # both profiles


def test_no_method_plans_nothing(plan, noisy) -> None:
    assert plan(noisy([("a", 0.0)]), AugmentConfig(), method=NoMethod(SPEC)).views.empty


def test_pose_pictures_are_taken_from_the_bins_that_are_missing_without_repeats(plan, noisy, kit) -> None:
    poses = kit.people([(f"{i}.png", "z", yaw) for i, yaw in enumerate([0, 0, 30, 30, 60, 60])])
    config = AugmentConfig(target="imitate", per_person=6, bin_degrees=30)
    views = plan(noisy([("a", 0.0), ("a", 1.0)]), config, poses).views
    assert sorted(views["pose_row"]) == [2, 3, 4, 5]
    assert (views["yaw"] == poses.yaw_degrees[views["pose_row"].to_numpy(int)]).all()


def test_pose_pictures_of_unknown_yaw_are_drawn_blindly(plan, noisy, kit) -> None:
    poses = kit.people([(f"{i}.png", "z", np.nan) for i in range(9)])
    views = plan(noisy([("a", 0.0)]), AugmentConfig(target="imitate", per_person=4), poses).views
    assert views["pose_row"].nunique() == 4
    assert views["yaw"].isna().all()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (AugmentConfig(target="imitate"), "needs a manifest; name one with --target imitate:MANIFEST"),
        (AugmentConfig(yaws_degrees=(30, 120)), "-90 to 90"),
    ],
)
def test_what_can_t_be_planned_is_one_line(plan, noisy, config, message) -> None:
    with pytest.raises(DataError, match=message):
        plan(noisy([("a", 0.0)]), config)


@pytest.mark.parametrize(
    ("values", "clause"),
    [
        ({"target": "yaws"}, "contradict"),
        ({"target": "uniform", "yaws_degrees": [30]}, "contradict"),
        ({"yaws_degrees": [30, 30.0]}, "names a view twice"),
        ({"yaws_degree": [30]}, "did you mean 'yaws_degrees'"),
    ],
)
def test_a_config_that_contradicts_itself_is_one_line(values: dict[str, object], clause: str) -> None:
    with pytest.raises(ConfigError, match=clause):
        check_config(AugmentConfig, values, "test")


def test_a_picture_from_above_stands_for_no_level_view(plan, noisy) -> None:
    """A generator asked for degrees makes views at the height of the head: that one is lacking still."""
    data = noisy([("a", 0.0), ("a", 60.0), ("a", 52.4)])
    data = make_manifest(data.table.assign(camera=["05_1", "20_0", "19_1"]), data.folder, data.name)
    views = plan(data, AugmentConfig()).views
    assert {0.0, 45.0, 60.0} & set(views["yaw"]) == {45.0}
    like = plan(noisy([("b", 0.0)]), AugmentConfig(target="like", per_person=2), data).views
    assert like["yaw"].tolist() == [60.0]
    mirrored = plan(data, AugmentConfig(), method=FlipMethod(SPEC)).views
    assert mirrored["yaw"].tolist() == [-60.0]


def test_pictures_from_above_are_imitated_and_stand_for_themselves(plan, noisy) -> None:
    """A pose picture shows its pitch as well, so there the view from above is one of those asked for."""
    data = noisy([("a", 0.0), ("a", 52.4)])
    data = make_manifest(data.table.assign(camera=["05_1", "19_1"]), data.folder, data.name)
    imitate = AugmentConfig(target="imitate", per_person=2)
    assert plan(data, imitate, data).views.empty
    assert plan(noisy([("b", 0.0)]), imitate, data).views["yaw"].tolist() == [52.4]
