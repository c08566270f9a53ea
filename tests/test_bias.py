"""Bands of the twin's attributes, and error rates of groups at one threshold, on cases worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.shared_threshold import rates_at_one_threshold
from benchmarks.twin_bands import add_bands
from pifr.core.errors import DataError
from pifr.data.manifest import make_manifest
from pifr.evaluation.scores import ScoreTable


def test_bands_end_where_they_say(tmp_path: Path) -> None:
    table = pd.DataFrame({
        "path": [f"{i}.png" for i in range(4)], "subject": list("abcd"), "sex": ["female", "male", "male", "male"],
        "skin_melanin": [0.199, 0.2, 0.5, 1.15], "age_years": [29.9, 30.0, 49.9, 50.0],
        "glasses": ["none", "round", "none", "oval"], "beard": ["none", "shaved", "stubble", "full"],
    })  # fmt: skip
    banded = add_bands(make_manifest(table, tmp_path, "people")).table
    assert banded["skin"].tolist() == ["light", "medium", "dark", "dark"]
    assert banded["age"].tolist() == ["18 to 29", "30 to 49", "30 to 49", "50 and older"]
    assert banded["wears_glasses"].tolist() == ["no", "yes", "no", "yes"]
    assert banded["facial_hair"].tolist() == ["woman", "man, shaved", "man, stubble or beard", "man, stubble or beard"]
    with pytest.raises(DataError, match="skin_melanin"):
        add_bands(make_manifest(table.drop(columns="skin_melanin"), tmp_path, "people"))


def test_one_threshold_serves_groups_differently() -> None:
    # Four people, a gallery picture (rows 0 to 3) and a probe (4 to 7) each; a and b are of group x, c and d of y.
    pictures = pd.DataFrame(
        {"path": [f"{i}.png" for i in range(8)], "subject": list("abcd") * 2, "group": list("xxyy") * 2}
    )
    probe, reference = (axis.ravel().astype(np.int32) for axis in np.meshgrid(range(4, 8), range(4), indexing="ij"))
    scores = np.full((4, 4), 0.1)
    np.fill_diagonal(scores, [0.9, 0.6, 0.9, 0.4])  # d is not known again
    scores[0, 1], scores[2, 3] = 0.7, 0.5  # a is taken for b; c would be for d, were the threshold lower
    table = ScoreTable(pictures, probe, reference, np.ones(16, bool), {"net": scores.ravel().astype(np.float32)})

    found = rates_at_one_threshold(table, "net", ["group"], fmr=0.1, rounds=50)
    assert found["threshold"] == pytest.approx(0.6)  # one of 12 strangers may pass: the lowest mated score above 0.5
    x, y = found["by_column"]["group"]["x"], found["by_column"]["group"]["y"]
    assert (x["people"], y["people"]) == (2, 2)
    assert (x["fnmr"]["percent"], y["fnmr"]["percent"]) == (0.0, 50.0)
    assert x["fmr"]["percent"] == pytest.approx(100 / 6, abs=1e-3)  # one of two probes x three others
    assert x["fmr_within_group"] == {**x["fmr_within_group"], "percent": 50.0, "comparisons": 2}
    assert y["fmr"]["percent"] == 0.0
    assert x["fmr_within_group"]["interval"] is None  # two people are one pair: nothing can be drawn anew
    low, high = x["fmr"]["interval"]
    assert low == 0.0
    assert high > 30
    with pytest.raises(DataError, match="no column 'grop'"):
        rates_at_one_threshold(table, "net", ["grop"], fmr=0.1, rounds=50)
    with pytest.raises(DataError, match=r"too few impostors: FAR 0\.01 needs at least 100"):
        rates_at_one_threshold(table, "net", ["group"], fmr=0.01, rounds=50)
