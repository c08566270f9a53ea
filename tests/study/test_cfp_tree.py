"""A tree in CFP's layout wants people who can stand in its pairs."""

import pandas as pd
import pytest

from benchmarks.cfp_tree import make_tree
from pifr.core.errors import DataError
from pifr.data.manifest import make_manifest


def people_in(folder, profiles):
    """Return 20 people with three frontal pictures each, and a fourth that is a profile of some alone."""
    rows = [
        (f"{person}_{number}.png", f"{person:02d}", float(yaw))
        for person in range(20) for number, yaw in enumerate((0, 0, 0, 90 if person < profiles else 30))
    ]  # fmt: skip
    for name, _, _ in rows:
        (folder / name).write_bytes(b"pixels")
    return make_manifest(pd.DataFrame(rows, columns=["path", "subject", "yaw"]), folder, "people")


def test_people_without_a_profile_are_not_counted(tmp_path):
    told = "10 splits need at least 20 people with two frontal pictures and a profile, found 12 of 20"
    with pytest.raises(DataError, match=told):
        make_tree(people_in(tmp_path, 12), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_those_who_have_one_make_fewer_splits(tmp_path):
    protocol = make_tree(people_in(tmp_path, 12), tmp_path / "out", splits=6) / "Protocol"
    assert len(list((protocol / "Split" / "FP").iterdir())) == 6
    assert (protocol / "Pair_list_F.txt").read_text().count("\n") == 60
