"""Paired differences: equal systems, better systems, and tables that do not belong together."""

import numpy as np
import pytest

from pifr.core.errors import DataError
from pifr.evaluation import Measure, evaluate
from pifr.evaluation.comparison import compare, side_by_side

QUICK = Measure(rounds=200)


def test_a_system_equals_itself(rendered, small, replace):
    result = evaluate(rendered, [small, replace(lambda v: v, name="same")], measure=QUICK)
    found = compare(*result.systems)
    assert all(each.second == each.first and not each.settled for each in found.differences)
    assert {(e.interval.low, e.interval.high) for e in found.differences} == {(0.0, 0.0)}


def test_a_clear_loss_is_settled_and_narrower_than_unpaired(result):
    found = compare(*result.systems)
    rank_one = next(each for each in found.differences if each.figure == "rank-1" and each.group == "all")
    by_hand = result.system("coarse").overall.rank[1] - result.system("fine").overall.rank[1]
    assert rank_one.second - rank_one.first == pytest.approx(by_hand)
    assert rank_one.interval.low <= by_hand <= rank_one.interval.high
    assert rank_one.settled == (rank_one.interval.high < 0 or rank_one.interval.low > 0)
    assert {each.figure for each in found.differences} >= {"rank-1", "rank-5", "EER", "TAR@FAR 0.1"}
    assert list(found.table().columns) == [
        "|yaw|",
        "figure",
        "fine",
        "coarse",
        "difference",
        "95 % interval",
        "settled",
    ]


def test_rows_in_another_order_are_matched(rendered, small, replace):
    first = evaluate(rendered, [small], measure=QUICK)
    second = evaluate(rendered, [replace(lambda v: v[:, ::2], name="half")], measure=QUICK)
    together = evaluate(rendered, [small, replace(lambda v: v[:, ::2], name="half")], measure=QUICK)
    shuffled = second.scores.select(np.random.default_rng(0).permutation(len(second.scores)))
    second = type(second)(second.protocol, second.systems, shuffled, second.measure)
    a, b = side_by_side(first, second)
    assert a.to_dict()["rank1_percent"] == together.systems[0].to_dict()["rank1_percent"]
    assert b.to_dict()["eer_interval"] == together.systems[1].to_dict()["eer_interval"]


def test_one_name_twice_is_told_apart(rendered, small):
    first, second = (evaluate(rendered, [small], measure=QUICK) for _ in range(2))
    assert [system.name for system in side_by_side(first, second)] == ["small (first)", "small (second)"]


def test_other_people_can_not_be_compared(rendered, small):
    few = rendered.select(rendered.table["subject"] <= "006")
    with pytest.raises(DataError, match="do not hold the same comparisons"):
        side_by_side(evaluate(rendered, [small], measure=QUICK), evaluate(few, [small], measure=QUICK))


def test_what_is_saved_is_what_is_said(result, tmp_path):
    found = compare(*result.systems)
    found.save(tmp_path / "d.json")
    import json

    assert json.loads((tmp_path / "d.json").read_text()) == found.to_dict()
