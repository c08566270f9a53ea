from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pifr.augment.config import AugmentConfig
from pifr.augment.plan import choose_sources, plan_views
from pifr.core.config import check_config
from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import Manifest, make_manifest


def people(rows: list[tuple[str, str, float]], **columns: list[str]) -> Manifest:
    table = pd.DataFrame(rows, columns=["path", "subject", "yaw"]).assign(**columns)
    return make_manifest(table, Path("pictures"), "people.csv")


def test_the_most_frontal_picture_of_each_person_is_the_source() -> None:
    data = people([("a1.png", "a", 45.0), ("a2.png", "a", -10.0), ("a3.png", "a", 0.0), ("b1.png", "b", 15.0)])
    rows, missing = choose_sources(data, AugmentConfig(yaws_degrees=(30.0,)))
    assert rows.tolist() == [2, 3]
    assert missing == []


def test_people_with_only_profiles_are_listed_not_turned() -> None:
    data = people([("a.png", "a", 0.0), ("b.png", "b", 90.0)])
    rows, missing = choose_sources(data, AugmentConfig(yaws_degrees=(30.0,), max_source_yaw_degrees=30.0))
    assert rows.tolist() == [0]
    assert missing == ["b"]


def test_an_unknown_yaw_counts_as_frontal() -> None:
    rows, _ = choose_sources(people([("a.png", "a", np.nan)]), AugmentConfig(yaws_degrees=(30.0,)))
    assert rows.tolist() == [0]


def test_generated_pictures_are_never_sources() -> None:
    data = people([("a1.png", "a", 0.0), ("a2.png", "a", 5.0)], kind=["generated", "real"])
    rows, _ = choose_sources(data, AugmentConfig(yaws_degrees=(30.0,)))
    assert rows.tolist() == [1]


def test_every_source_is_turned_to_every_yaw_under_names_that_say_so() -> None:
    data = people([("p/a1.png", "a", 0.0), ("p/b1.png", "b", 0.0)])
    plan = plan_views(data, np.array([0, 1]), AugmentConfig(yaws_degrees=(-60.0, 30.0)), None)
    assert plan["path"].tolist() == [
        "pictures/a/a1_yaw-060.0.png",
        "pictures/a/a1_yaw+030.0.png",
        "pictures/b/b1_yaw-060.0.png",
        "pictures/b/b1_yaw+030.0.png",
    ]


def test_two_sources_of_one_person_with_the_same_stem_do_not_overwrite_each_other() -> None:
    data = people([("s1/x.png", "a", 0.0), ("s2/x.png", "a", 0.0)])
    plan = plan_views(data, np.array([0, 1]), AugmentConfig(yaws_degrees=(30.0,), sources_per_person=2), None)
    assert plan["path"].is_unique


def test_pose_pictures_are_drawn_without_repeats_and_do_not_depend_on_other_people() -> None:
    poses = people([(f"{i}.png", "z", float(i)) for i in range(10)])
    config = AugmentConfig(imitate_per_source=4, seed=3)
    both = plan_views(people([("a.png", "a", 0.0), ("b.png", "b", 0.0)]), np.array([0, 1]), config, poses)
    alone = plan_views(people([("b.png", "b", 0.0)]), np.array([0]), config, poses)
    drawn = both[both["source_row"] == 1]["pose_row"].tolist()
    assert len(set(drawn)) == 4
    assert alone["pose_row"].tolist() == drawn


def test_too_few_pose_pictures_is_said() -> None:
    poses = people([("p.png", "z", 0.0)])
    with pytest.raises(DataError, match="found 1 pictures"):
        plan_views(people([("a.png", "a", 0.0)]), np.array([0]), AugmentConfig(imitate_per_source=2), poses)


@pytest.mark.parametrize(
    ("values", "clause"),
    [
        ({}, "name either"),
        ({"yaws_degrees": [30], "imitate_per_source": 2}, "name either"),
        ({"yaws_degrees": [30, 30.0]}, "names a view twice"),
        ({"yaws_degree": [30]}, "did you mean 'yaws_degrees'"),
    ],
)
def test_a_config_that_contradicts_itself_is_one_line(values: dict[str, object], clause: str) -> None:
    with pytest.raises(ConfigError, match=clause):
        check_config(AugmentConfig, values, "test")
