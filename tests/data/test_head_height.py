from __future__ import annotations

import numpy as np
import pandas as pd

from pifr.data.head_height import cameras_above, seen_from_above, yaw_at_head_height
from pifr.data.manifest import make_manifest


def test_cameras_above_have_no_yaw_to_group_by() -> None:
    table = pd.DataFrame({"path": list("abcd"), "subject": "x", "yaw": [-52.4, 52.6, 45.0, np.nan]})
    table["camera"] = ["08_1", "19_1", "19_0", "08_1"]
    data = make_manifest(table, ".", "room")
    assert cameras_above() == ["08_1", "19_1"]
    assert seen_from_above(data).tolist() == [True, True, False, False]  # the last has no yaw to lose
    np.testing.assert_array_equal(yaw_at_head_height(data), [np.nan, np.nan, 45, np.nan])
    np.testing.assert_array_equal(data.yaw_degrees, [-52.4, 52.6, 45, np.nan])


def test_without_cameras_or_yaws_nothing_is_lost() -> None:
    table = pd.DataFrame({"path": list("ab"), "subject": "x", "yaw": [-52.4, 52.6]})
    assert yaw_at_head_height(make_manifest(table, ".", "a")).tolist() == [-52.4, 52.6]
    bare = make_manifest(table[["path", "subject"]].assign(camera="08_1"), ".", "b")
    assert np.isnan(yaw_at_head_height(bare)).all()
    assert not seen_from_above(bare).any()


def test_cameras_are_known_by_the_spelling_of_multi_pies_file_names_too() -> None:
    table = pd.DataFrame({"path": list("abcd"), "subject": "x", "yaw": [-52.4, 52.6, 45.0, 0.0]})
    table["camera"] = ["081", "191", "190", None]
    assert seen_from_above(make_manifest(table, ".", "room")).tolist() == [True, True, False, False]
    # A set that numbers its cameras has others, too, and no camera of Multi-PIE's.
    table["camera"] = ["081", "191", "190", "201"]
    assert not seen_from_above(make_manifest(table, ".", "dome")).any()
    table["camera"] = ["08_1", "19_1", "19_0", "201"]
    assert seen_from_above(make_manifest(table, ".", "both")).tolist() == [True, True, False, False]
