from __future__ import annotations

import numpy as np
import pytest

from pifr.data.manifest import Manifest, make_manifest
from pifr.pose import fill, fill_poses
from pifr.pose.estimator import PoseEstimates


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Manifest]:
    """Poses of a stand-in that numbers the pictures it is shown, and what it was shown."""
    shown: list[Manifest] = []

    def stand_in(manifest: Manifest, *rest: object) -> PoseEstimates:
        shown.append(manifest)
        numbers = np.arange(1.0, len(manifest) + 1)
        return PoseEstimates(numbers, -numbers, numbers / 10, numbers / 10)

    monkeypatch.setattr(fill, "estimate_pose", stand_in)
    return shown


def test_known_angles_stay(rendered: Manifest, asked: list[Manifest]) -> None:
    table = rendered.table.head(4).assign(yaw=[10.0, np.nan, np.nan, 30.0], pitch=[1.0, 2.0, np.nan, 3.0])
    result = fill_poses(make_manifest(table, rendered.folder, "m"))
    assert list(asked[0].table["path"]) == list(table["path"][1:3])
    assert list(result.manifest.table["yaw"]) == [10, 1, 2, 30]
    assert list(result.manifest.table["pitch"]) == [1, 2, -2, 3]
    assert "yaw_measured" not in result.manifest.table
    assert result.to_dict() == {"pictures": 4, "yaws_filled": 2, "pitches_filled": 1,
                                "median_yaw_spread_degrees": pytest.approx(0.15)}  # fmt: skip
    assert np.isnan(table["yaw"].to_numpy()[1]), "the table given stays as it was"


def test_all_are_measured_beside_what_is_known(rendered: Manifest, asked: list[Manifest]) -> None:
    result = fill_poses(rendered.select(np.arange(len(rendered)) < 3), measure_all=True)
    assert list(result.manifest.table["yaw_measured"]) == [1, 2, 3]
    assert list(result.manifest.table["pitch_measured"]) == [-1, -2, -3]
    assert list(result.manifest.table["yaw_spread"]) == [0.1, 0.2, 0.3]
    assert list(result.manifest.table["yaw"]) == list(rendered.yaw_degrees[:3])
    assert result.yaws_filled == 0


def test_nothing_missing_changes_nothing(rendered: Manifest) -> None:
    table = rendered.table.assign(pitch=0.0)
    result = fill_poses(make_manifest(table, rendered.folder, "m"), device="cpu")
    assert result.manifest.table.equals(table)
    assert result.to_dict()["median_yaw_spread_degrees"] is None
