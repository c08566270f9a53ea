from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pifr.twin import TwinConfig, twin_index
from pifr.twin.config import FreeConfig
from pifr.twin.free_mode import free_takes
from pifr.twin.geometry import head_angles
from pifr.twin.tables import cameras


@pytest.fixture(scope="module")
def neutral() -> pd.DataFrame:
    """One neutral recording a session, the 13 cameras at the height of the head."""
    level = tuple(name for name, camera in cameras().items() if camera.elevation_degrees == 0)
    return twin_index(TwinConfig(recordings=(1,), cameras=level))


def test_setting_2_counts(neutral: pd.DataFrame) -> None:
    # literature.md 4.1: 161,460 training pictures, 72,000 probes (the frontal camera left out), gallery of 137.
    training = neutral[neutral["subject"] <= "200"]
    test = neutral[neutral["subject"] > "200"]
    assert len(training) == 161_460
    assert (test["camera"] != "05_1").sum() == 72_000
    first = test.groupby("subject")["session"].transform("min")
    gallery = test[(test["camera"] == "05_1") & (test["illumination"] == "07") & (test["session"] == first)]
    assert len(gallery) == gallery["subject"].nunique() == 137


def test_setting_1_counts(neutral: pd.DataFrame) -> None:
    first = neutral[neutral["session"] == "01"]
    people = sorted(first["subject"].unique())
    assert len(people) == 249
    assert first["subject"].isin(people[:150]).sum() == 39_000
    probes = first[~first["subject"].isin(people[:150]) & (first["camera"] != "05_1")]
    # 99 people came, where the papers count 100: 99 x 12 x 20.
    assert len(probes) == 23_760


def test_angles_stay_near_the_cameras(neutral: pd.DataFrame) -> None:
    nominal = neutral["camera"].map({name: camera.yaw_degrees for name, camera in cameras().items()})
    off = neutral["yaw"] - nominal
    assert 1 < off.std() < 4
    assert off.abs().max() < 15
    assert neutral["pitch"].abs().max() < 15


def test_one_view_has_one_pose_under_all_lights(neutral: pd.DataFrame) -> None:
    views = neutral[neutral["subject"] == "001"].groupby(["session", "camera"])
    assert (views["yaw"].nunique() == 1).all()
    assert (views["illumination"].nunique() == 20).all()


def test_names_are_multi_pies() -> None:
    table = twin_index(TwinConfig(people=1, sessions=(1,), recordings=(1,), cameras=("05_1",), lights=("00",)))
    assert table["path"].tolist() == ["session01/multiview/001/01/05_1/001_01_01_051_00.png"]
    row = table.iloc[0]
    assert (row["subject"], row["session"], row["recording"], row["camera"]) == ("001", "01", "01", "05_1")
    assert (row["illumination"], row["expression"], row["kind"], row["template"]) == (
        "00", "neutral", "rendered", "twin-128",
    )  # fmt: skip


def test_a_subset_lists_the_same_pictures() -> None:
    whole = twin_index(TwinConfig(people=3))
    part = twin_index(TwinConfig(people="2-3", sessions=(2, 3), cameras=("24_0", "05_1"), lights=("07",)))
    merged = part.merge(whole, on="path", suffixes=("", "_whole"))
    assert len(merged) == len(part) > 0
    for column in ("yaw", "pitch", "roll", "expression"):
        assert (merged[column] == merged[f"{column}_whole"]).all()


def test_expressions_follow_the_sessions() -> None:
    table = twin_index(TwinConfig(people=40, cameras=("05_1",), lights=("07",)))
    found = table.groupby(["session", "recording"])["expression"].unique().map(list).to_dict()
    assert found[("01", "02")] == ["smile"]
    assert found[("02", "03")] == ["squint"]
    assert found[("04", "02")] == ["neutral"]
    assert found[("04", "03")] == ["scream"]


def test_free_mode_spreads_over_the_sphere_of_views() -> None:
    config = TwinConfig(free={"people": 60, "pictures_per_person": 10, "max_yaw_degrees": 60, "max_pitch_degrees": 10})
    table = twin_index(config)
    assert len(table) == 600
    assert table["subject"].nunique() == 60
    assert table["subject"].str.startswith("F").all()
    assert table["path"].is_unique
    assert table["yaw"].abs().max() <= 60
    assert table["pitch"].abs().max() <= 10
    # Even over -60..60: each quarter holds about 150 of 600 (standard deviation about 11).
    counts, _ = np.histogram(table["yaw"], bins=[-60, -30, 0, 30, 60])
    assert (abs(counts - 150) < 50).all()
    assert set(table["expression"]) == {"neutral", "smile", "surprise", "squint", "disgust", "scream"}


def test_free_heads_may_turn_beyond_a_profile() -> None:
    free = FreeConfig(people=20, pictures_per_person=5, max_yaw_degrees=120)
    sights = [sight for take in free_takes(free, 0) for sight in take.sights]
    yaws = np.array([sight.yaw for sight in sights])
    assert (np.abs(yaws) > 90).sum() > 10
    np.testing.assert_allclose([head_angles(sight.rotation)[0] for sight in sights], yaws, atol=1e-9)


def test_free_person_k_is_the_same_in_any_number() -> None:
    few = twin_index(TwinConfig(free={"people": 2, "pictures_per_person": 6}))
    many = twin_index(TwinConfig(free={"people": 5, "pictures_per_person": 6}))
    pd.testing.assert_frame_equal(few, many.head(len(few)))
