from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pifr.core.errors import ConfigError
from pifr.data.drawn import draw_people
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.pictures import read_picture


def test_rows_and_columns(drawn: Manifest) -> None:
    assert len(drawn) == 12 * 7
    assert list(drawn.table.columns) == ["path", "subject", "yaw", "kind", "session", "expression"]
    assert drawn.subjects[0] == "001"
    assert read_picture(drawn.paths[0]).shape == (64, 64, 3)
    assert len(read_manifest(drawn.folder / "manifest.csv")) == len(drawn)


def test_same_arguments_same_pixels_and_person_k_is_the_same_in_any_crowd(tmp_path: Path) -> None:
    one = draw_people(tmp_path / "a", people=1, yaws_degrees=[30], size_px=32)
    two = draw_people(tmp_path / "b", people=2, yaws_degrees=[-30, 30], size_px=32)
    other = draw_people(tmp_path / "c", people=1, yaws_degrees=[30], size_px=32, seed=1)
    first = read_picture(one.paths[0])
    assert np.array_equal(first, read_picture(two.paths[1]))
    assert not np.array_equal(first, read_picture(two.paths[3]))
    assert not np.array_equal(first, read_picture(other.paths[0]))


def test_positive_yaw_points_the_nose_to_the_right(drawn: Manifest) -> None:
    # In profile the bare face is on the side the nose points to, the neck's middle does not move: compare how far
    # the head's silhouette reaches at nose height, left and right, against the background in the corner.
    reach = {}
    for yaw in (-90, 90):
        rows = drawn.select(drawn.yaw_degrees == yaw)
        sides = []
        for path in rows.paths:
            picture = read_picture(path).astype(int)
            band = np.abs(picture[32:42] - picture[2, 2]).sum(axis=2).max(axis=0) > 60
            columns = np.flatnonzero(band)
            sides.append((columns.max() - 31.5) - (31.5 - columns.min()))
        reach[yaw] = np.mean(sides)
    assert reach[90] > 1
    assert reach[-90] < -1


def test_every_second_sitting_smiles(tmp_path: Path) -> None:
    manifest = draw_people(tmp_path, people=1, yaws_degrees=[0], size_px=32, pictures_per_yaw=2)
    assert list(manifest.table["expression"]) == ["neutral", "smile"]
    assert list(manifest.table["session"]) == ["01", "02"]


@pytest.mark.parametrize(("people", "yaws"), [(0, [0]), (1, [91])])
def test_impossible_arguments_are_refused(tmp_path: Path, people: int, yaws: list[float]) -> None:
    with pytest.raises(ConfigError):
        draw_people(tmp_path, people=people, yaws_degrees=yaws)
