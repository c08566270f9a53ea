"""Results of the London splits from several places as one."""

import copy
import json

import pytest

from benchmarks import london_pool
from benchmarks.study.gaps import Measured
from benchmarks.study.london import Outcome
from benchmarks.study.london_pool import pool
from benchmarks.study.london_settings import LondonSettings, choose_systems
from benchmarks.study.london_steps import EER
from benchmarks.study.london_tables import markdown, summarise
from benchmarks.study.steps import RANK1
from pifr.core.errors import DataError
from pifr.core.files import write_json

KEYS = ("frontal", "own", "true")
RATES = {"frontal": [0.1, 0.2, 0.3, 0.2], "own": [0.4, 0.5, 0.4, 0.6], "true": [0.5, 0.8, 0.7, 0.8]}


def stored(splits, keys=KEYS, **changed):
    """What the study stores of some splits; each has 101 rounds that change nothing."""
    import numpy as np

    def measured(key, split):
        rate = dict.fromkeys(("0", "45", "90"), RATES[key][split])
        return Measured(2, rate, {yaw: np.full(101, value) for yaw, value in rate.items()})

    settings = LondonSettings(splits=splits, parts={"train": 44, "val": 8, "test": 20}, **changed)
    outcome = Outcome(
        people=[], splits=list(splits), tested={split: [f"{split}a", "b"] for split in splits}, seconds=3600.0,
        measured={key: {figure: [measured(key, split) for split in splits] for figure in (RANK1, EER)} for key in keys},
    )  # fmt: skip
    origin = {"created": "now", "command": ["x"], "git_commit": "abc", "machine": {"cpus": 2}}
    return json.loads(json.dumps(summarise(outcome, choose_systems(list(keys)), settings, origin)))


def test_two_files_are_as_one_run_less_its_rounds():
    whole, pooled = stored((0, 1, 2, 3)), pool([("a.json", stored((0, 1))), ("b.json", stored((2, 3)))])
    assert pooled["splits"] == [0, 1, 2, 3]
    assert pooled["hours"] == 2.0
    assert pooled["tested"] == whole["tested"]

    def without_intervals(found):
        if isinstance(found, dict):
            return {key: without_intervals(value) for key, value in found.items() if key != "interval"}
        return found

    assert without_intervals(pooled["rows"]) == without_intervals(whole["rows"])
    gap = pooled["rows"]["own"]["gap_closed_percent"]["45 and 90"]
    # Means: 0.2 frontal, 0.475 own, 0.7 true.
    assert (gap["mean"], gap["interval"]) == (pytest.approx(55.0), None)
    assert gap["corrected_interval"][0] < 55 < gap["corrected_interval"][1]
    assert pooled["pooled_from"]["b.json"]["splits"] == [2, 3]
    assert pooled["pooled_from"]["a.json"]["git_commit"] == "abc"


def test_its_table_shows_braces_and_no_brackets():
    text = markdown(pool([("a.json", stored((0, 1))), ("b.json", stored((2, 3)))]))
    line = next(line for line in text.splitlines() if line.startswith("| + views"))
    assert "| 55.0 ± " in line
    assert "{" in line
    assert "[" not in line
    assert "Brackets" not in text


def test_systems_that_not_all_have_are_left_out():
    pooled = pool([("a.json", stored((0, 1))), ("b.json", stored((2, 3), ("frontal", "true")))])
    assert list(pooled["rows"]) == ["frontal", "true"]
    with pytest.raises(DataError, match="no system was run in all files"):
        pool([("a.json", stored((0,), ("own",))), ("b.json", stored((1,), ("true",)))])


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(DataError, match=r"b\.json: split 1 is in a\.json too"):
        pool([("a.json", stored((0, 1))), ("b.json", stored((1, 2)))])
    with pytest.raises(DataError, match=r"b\.json: .* another recogniser_steps than a\.json, found 7 and 400"):
        pool([("a.json", stored((0,))), ("b.json", stored((1,), recogniser_steps=7))])
    moved = copy.deepcopy(stored((1,)))
    moved["settings"] |= {"london": "elsewhere.csv", "device": "cuda"}
    assert pool([("a.json", stored((0,))), ("b.json", moved)])["splits"] == [0, 1]


def test_other_pictures_are_refused_but_where_they_are_known_to_be_the_same():
    first, second = stored((0, 1)), stored((2, 3))
    first["inputs"], second["inputs"] = {"london": "0a", "twin": "1"}, {"london": "0b"}
    with pytest.raises(DataError, match=r"b\.json: the digest of london is another than in a\.json, found 0b"):
        pool([("a.json", first), ("b.json", second)])
    pooled = pool([("a.json", first), ("b.json", second)], other_digests=True)
    assert pooled["pooled_from"]["b.json"]["inputs"] == {"london": "0b"}
    assert "inputs" not in pooled
    second["inputs"] = {"london": "0a"}
    assert pool([("a.json", first), ("b.json", second)])["splits"] == [0, 1, 2, 3]


def test_files_of_another_kind_are_told_in_one_line():
    pooled = json.loads(json.dumps(pool([("a.json", stored((0, 1)))])))
    for other, found in (({"study": "pose gap"}, "'pose gap'"), ([], "None"), (pooled, "one pooled already")):
        with pytest.raises(DataError, match=rf"b\.json: no result of benchmarks/london_splits\.py, found {found}"):
            pool([("a.json", stored((0, 1))), ("b.json", other)])


def test_a_yaw_without_a_figure_in_some_split_has_none_pooled():
    first = stored((0, 1))
    first["rows"]["own"]["eer_percent_by_abs_yaw"]["90"]["per_seed"][0] = None
    pooled = pool([("a.json", first), ("b.json", stored((2, 3)))])
    by_yaw = pooled["rows"]["own"]["eer_percent_by_abs_yaw"]
    assert by_yaw["90"]["mean"] is None
    assert by_yaw["45"]["mean"] is not None


def test_a_gap_that_is_not_clear_is_no_share(monkeypatch):
    monkeypatch.setitem(RATES, "true", [0.2, 0.1, 0.4, 0.1])
    assert "no clear gap" in markdown(pool([("a.json", stored((0, 1))), ("b.json", stored((2, 3)))]))


def test_the_command(tmp_path, capsys):
    for name, splits in (("a", (0, 1)), ("b", (2, 3))):
        write_json(tmp_path / f"{name}.json", stored(splits))
    files = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    assert london_pool.main([*files, "--out", str(tmp_path / "both.json")]) == 0
    assert "4 random splits of 44 / 8 / 20 people" in capsys.readouterr().out
    assert json.loads((tmp_path / "both.json").read_text())["splits"] == [0, 1, 2, 3]
    assert london_pool.main([files[0], files[0], "--out", str(tmp_path / "no.json")]) == 1
    assert "a.json: split 0 is in " in capsys.readouterr().err
    assert london_pool.main([str(tmp_path / "none.json"), "--out", str(tmp_path / "no.json")]) == 1
    assert not (tmp_path / "no.json").exists()
