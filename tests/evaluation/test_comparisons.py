"""What is compared, as benchmarks group it."""

import numpy as np
import pandas as pd

from pifr.data.manifest import make_manifest
from pifr.evaluation import load_protocol
from pifr.evaluation.comparisons import Comparisons

SEEN = {"05_1": 1.0, "08_0": -46.0, "08_1": -52.5, "19_1": 53.0, "20_0": 59.0}


def room(camera="camera"):
    """An index of two people by five cameras, two of which hang above."""
    rows = [(f"{who}_{name}.png", who, name, yaw) for who in "ab" for name, yaw in SEEN.items()]
    return make_manifest(pd.DataFrame(rows, columns=["path", "subject", camera, "yaw"]), ".", "room")


def test_cameras_above_are_of_no_yaw_group_whatever_the_manifest_says():
    data = room()
    found = Comparisons(load_protocol("posegrid", data), ())
    yaws = dict(zip(data.table["camera"], found.pictures["yaw"], strict=True))
    assert {camera for camera, yaw in yaws.items() if np.isnan(yaw)} == {"08_1", "19_1"}
    assert (yaws["08_0"], yaws["20_0"]) == (-46.0, 59.0)
    assert set(data.table["camera"].iloc[found.sample]) == set(SEEN) - {"08_1", "19_1"}
    assert found.notes == ["4 pictures are by cameras that hang above (08_1, 19_1): of no yaw group, as in Multi-PIE"]
    assert not data.table["yaw"].isna().any()


def test_without_cameras_every_yaw_counts():
    found = Comparisons(load_protocol("posegrid", room(camera="lens")), ())
    assert not found.pictures["yaw"].isna().any()
    assert found.notes == []
