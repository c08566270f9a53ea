from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pifr.augment import AugmentConfig
from pifr.augment.methods import FlipMethod, HeadModelMethod, IpganMethod
from pifr.augment.quality import differences, sharpness, thumbnails
from pifr.augment.sources import find_candidates, picture_side_px
from pifr.core.errors import DataError
from pifr.data.manifest import LANDMARK_COLUMNS, make_manifest
from pifr.data.pictures import read_picture
from pifr.data.spec import InputSpec


@pytest.fixture
def method(kit):
    return IpganMethod(kit.MarkingRotator())


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3), dtype=np.uint8)
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    expected = [
        np.var([
            picture[y - 1, x] + picture[y + 1, x] + picture[y, x - 1] + picture[y, x + 1] - 4 * picture[y, x]
            for y in range(1, 11) for x in range(1, 11)
        ])
        for picture in grey
    ]  # fmt: skip
    np.testing.assert_allclose(sharpness(pixels), expected, rtol=1e-5)


def test_thumbnails_average_cells_and_differ_by_their_rms() -> None:
    black, grey = np.zeros((1, 40, 40, 3), np.uint8), np.full((1, 40, 40, 3), 10, np.uint8)
    grey[:, :20] = 0
    both = thumbnails(np.concatenate([black, grey]))
    assert both.shape == (2, 256)
    # 40 rows in 16 cells of 2 or 3: 20 rows are exactly 8 cells.
    assert differences(both[0], both[1:])[0] == pytest.approx(np.sqrt(100 / 2), rel=1e-5)


def test_the_most_frontal_comes_first_and_of_equally_frontal_ones_the_sharper(method, noisy) -> None:
    data = noisy([("a", 45.0), ("a", -10.0), ("a", 1.0), ("a", 0.0), ("b", 15.0)])
    flat = Image.fromarray(read_picture(data.paths[3])).resize((16, 16)).resize((64, 64))
    flat.save(data.paths[3])
    found = find_candidates(data, method, AugmentConfig())
    assert found.manifest.table["path"].iloc[found.ranked["a"]].tolist() == ["002.png", "003.png", "001.png"]
    assert found.missing == ()


def test_people_with_only_profiles_are_listed(method, noisy) -> None:
    found = find_candidates(noisy([("a", 0.0), ("b", 90.0)]), method, AugmentConfig())
    assert (list(found.ranked), found.missing) == (["a"], ("b",))


def test_generated_pictures_are_never_sources(method, noisy) -> None:
    found = find_candidates(noisy([("a", 0.0), ("a", 5.0)], kind=["generated", "real"]), method, AugmentConfig())
    assert found.manifest.table["path"].tolist() == ["001.png"]


def test_pictures_are_fused_in_groups_of_the_best(method, noisy) -> None:
    found = find_candidates(noisy([("a", yaw) for yaw in (0.0, 10.0, 20.0, 25.0)]), method, AugmentConfig())
    groups = found.groups("a", AugmentConfig(fuse=2, sources_per_person=2))
    assert [found.manifest.yaw_degrees[rows].tolist() for rows in groups] == [[0, 10], [20, 25]]


def test_a_mirroring_method_takes_any_known_yaw(noisy) -> None:
    found = find_candidates(noisy([("a", 80.0)]), FlipMethod(InputSpec(size_px=64)), AugmentConfig())
    assert len(found.manifest) == 1


def test_a_generator_of_more_pixels_than_the_pictures_have_is_refused(method, noisy) -> None:
    with pytest.raises(DataError, match=r"works at 64 px, found a picture of 32 px; align"):
        find_candidates(noisy([("a", 0.0)], size_px=32), method, AugmentConfig())


def test_sources_may_lie_in_a_container(method, noisy, tmp_path: Path) -> None:
    plain = noisy([("a", 0.0), ("b", 0.0)])
    with tarfile.open(tmp_path / "people.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for path in plain.paths:
            archive.add(path, path.name)
    with tarfile.open(tmp_path / "people.tar") as archive:
        places = [f"people.tar/{member.name}@{member.offset}" for member in archive]
    packed = make_manifest(pd.DataFrame({"path": places, "subject": ["a", "b"]}), tmp_path, "packed.csv")
    found = find_candidates(packed, method, AugmentConfig())
    np.testing.assert_array_equal(found.sharpness, find_candidates(plain, method, AugmentConfig()).sharpness)


def test_a_picture_whose_size_can_t_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png: can't read the picture"):
        picture_side_px(tmp_path / "gone.png")


def test_a_method_that_needs_landmarks_says_so(kit, noisy) -> None:
    with pytest.raises(DataError, match="no column 'left_eye_x'"):
        find_candidates(noisy([("a", 0.0)]), HeadModelMethod(kit.MarkingRotator()), AugmentConfig())


def test_nobody_usable_is_one_line_that_names_what_is_lacking(method, kit, noisy) -> None:
    side, front = noisy([("a", 80.0)]), noisy([("a", 0.0)])
    blank = front.table.assign(**dict.fromkeys(LANDMARK_COLUMNS, np.nan))
    cases = [
        (side, method, "none within 30 degrees of frontal; raise --max-source-yaw above 30"),
        (replace(front, table=front.table.assign(kind="generated")), method, "all of them generated; name the manif"),
        (replace(front, table=front.table.assign(yaw=np.nan)), FlipMethod(InputSpec(size_px=64)), "none of known yaw"),
        (replace(front, table=blank), HeadModelMethod(kit.MarkingRotator()), "with all five landmarks; find landmarks"),
    ]
    for data, chosen, message in cases:
        with pytest.raises(DataError, match=message):
            find_candidates(data, chosen, AugmentConfig())
