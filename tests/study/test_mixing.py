"""Which ways of mixing are trained, and on whom."""

import pandas as pd
import pytest

from benchmarks.mixing import GRID, chosen_ways
from benchmarks.mixing_people import in_splits
from benchmarks.study.people import split_people
from pifr.data.manifest import make_manifest


def test_a_way_that_can_not_be_trained_is_left_out_or_refused():
    assert list(chosen_ways(None, "views.csv", "twin-64")) == list(GRID)
    assert all(not name.startswith("on the fly") for name in chosen_ways(None, "views.csv", None))
    assert list(chosen_ways(None, None, None)) == ["real alone"]
    assert list(chosen_ways(["disk, share 0.5", "real alone"], "views.csv", None)) == ["real alone", "disk, share 0.5"]
    with pytest.raises(SystemExit, match=r"no such way: disk, share 0\.6; there are: real alone; disk"):
        chosen_ways(["disk, share 0.6"], "views.csv", None)
    with pytest.raises(SystemExit, match=r"'on the fly, share 0\.5' needs --generator"):
        chosen_ways(["on the fly, share 0.5"], "views.csv", None)


def test_splits_share_nobody_and_the_test_is_another_sitting_in_other_lights():
    rows = [
        (f"{name}_{session}_{light}_{yaw}.png", name, float(yaw), session, light)
        for name in "abc" for session in ("01", "02") for light in ("07", "04") for yaw in (0, 60)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["path", "subject", "yaw", "session", "illumination"])
    drawn = {"A": ["a"], "B": ["b"], "C": ["c"]}
    parts = split_people(make_manifest(table, ".", "pool"), drawn, ["07"], ["04"])
    found = in_splits(parts).table.groupby("split")[["subject", "session", "illumination"]].agg(set)
    assert found.loc["val"].tolist() == [{"a"}, {"01"}, {"07"}]
    assert found.loc["train"].tolist() == [{"b"}, {"01"}, {"07"}]
    assert found.loc["test"].tolist() == [{"c"}, {"02"}, {"04"}]
