"""The spread between groups: by hand, against the score table, and where figures are missing."""

import math

import numpy as np
import pytest

from pifr.data.manifest import make_manifest
from pifr.evaluation import Measure, evaluate
from pifr.evaluation.figures import Figures
from pifr.evaluation.spread import spread
from pifr.metrics import TarAtFar, bootstrap_rate, person_weights

WEIGHTS = person_weights(4, rounds=200)


def figures(group, hits, tar=None, eer=None):
    """Four people, one probe each."""
    interval = bootstrap_rate(np.array(hits), np.arange(4), WEIGHTS)
    rate = float(np.mean(hits))
    impostors = 5 if tar is None else 1000
    return Figures(
        group, 4, 4, 0, {1: rate}, {1: interval}, 4, impostors,
        eer=math.nan if eer is None else eer, eer_interval=None if eer is None else interval,
        tar=[TarAtFar(0.01, math.nan if tar is None else tar, 0.5, impostors)], tar_interval={0.01: interval},
    )  # fmt: skip


def by_figure(found):
    return {each.figure: each for each in found}


def test_best_and_worst_their_difference_and_ratio():
    groups = {
        "young": figures("young", [1, 1, 1, 1], tar=0.9, eer=0.1),
        "old": figures("old", [1, 0, 0, 0], tar=0.6, eer=0.3),
        "other": figures("other", [1, 1, 0, 0], tar=0.8, eer=0.2),
    }
    found = by_figure(spread("age", groups))
    rank = found["rank-1"]
    assert (rank.best_group, rank.worst_group, rank.groups) == ("young", "old", 3)
    assert (rank.difference, rank.ratio) == (0.75, 4.0)
    assert rank.interval.low <= 0.75 <= rank.interval.high
    assert (found["EER"].best_group, found["EER"].worst_group) == ("young", "old")
    assert found["EER"].ratio == pytest.approx(3)
    assert found["TAR@FAR 0.01"].difference == pytest.approx(0.3)
    record = rank.to_dict()
    assert (record["difference_points"], record["ratio"], record["best_percent"]) == (75.0, 4.0, 100.0)
    assert rank.row("s")["worst"] == "old 25.0"


def test_groups_with_too_few_impostors_are_named_not_ranked():
    groups = {"a": figures("a", [1, 1, 1, 0], tar=0.9), "b": figures("b", [1, 0, 0, 0], tar=0.4),
              "c": figures("c", [1, 1, 1, 1])}  # fmt: skip
    found = by_figure(spread("x", groups))
    assert found["TAR@FAR 0.01"].left_out == ("c",)
    assert found["TAR@FAR 0.01"].groups == 2
    assert found["rank-1"].left_out == ()
    assert "EER" not in found
    assert spread("x", {"a": groups["a"]}) == []


def test_nobody_found_in_one_group_has_no_finite_ratio():
    found = by_figure(spread("x", {"a": figures("a", [1, 1, 1, 1]), "b": figures("b", [0, 0, 0, 0])}))
    assert found["rank-1"].ratio == math.inf
    assert found["rank-1"].to_dict()["ratio"] is None
    none = by_figure(spread("x", {"a": figures("a", [0] * 4), "b": figures("b", [0] * 4)}))
    assert math.isnan(none["rank-1"].ratio)


def test_any_column_of_the_manifest_can_be_asked_for(rendered, small):
    number = rendered.table["subject"].astype(int)
    data = make_manifest(rendered.table.assign(age_band=np.where(number <= 4, 20, 60)), rendered.folder, "m.csv")
    result = evaluate(data, [small], measure=Measure(rounds=50), by=["age_band"])
    system = result.systems[0]
    groups = system.by_column["age_band"]
    rank = next(each for each in system.spreads() if each.column == "age_band" and each.figure == "rank-1")
    rates = {name: each.rank[1] for name, each in groups.items()}
    assert rank.difference == pytest.approx(max(rates.values()) - min(rates.values()))
    assert rank.ratio == pytest.approx(max(rates.values()) / min(rates.values()))
    rounds = groups[rank.best_group].rank_interval[1].rounds - groups[rank.worst_group].rank_interval[1].rounds
    np.testing.assert_array_equal(rank.interval.rounds, rounds)
    assert {each["column"] for each in result.to_dict()["systems"][0]["spread_between_groups"]} == {
        "abs_yaw", "age_band"
    }  # fmt: skip
    assert set(result.spread_table()["by"]) == {"age_band"}
