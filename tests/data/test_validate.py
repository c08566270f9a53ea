from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pifr.data.manifest import Manifest, make_manifest
from pifr.data.pictures import write_picture
from pifr.data.validate import Finding, _check_few_pictures, looks_like_radians, validate


def faces(folder: Path, count: int = 4, **columns: list[object]) -> Manifest:
    """Four colour pictures of 20 x 20, two people of two pictures each."""
    rng = np.random.default_rng(0)
    for index in range(count):
        write_picture(folder / f"{index}.png", rng.integers(0, 256, (20, 20, 3), dtype=np.uint8))
    table = {"path": [f"{i}.png" for i in range(count)], "subject": ["a", "a", "b", "b"][:count], **columns}
    return make_manifest(pd.DataFrame(table), folder, "faces.csv")


def only(manifest: Manifest) -> Finding:
    findings = validate(manifest).findings
    assert len(findings) == 1, findings
    assert findings[0].cure
    return findings[0]


def test_a_sound_set_has_no_finding(tmp_path: Path) -> None:
    report = validate(faces(tmp_path, yaw=[-31, 29, 0, None]))
    assert report.findings == []
    assert report.sizes == {"20x20": 4}
    assert (report.pictures, report.people, report.unknown_yaw) == (4, 2, 1)
    assert report.yaw_histogram == {-30: 1, 0: 1, 30: 1}
    assert len(report.pose_bars()) == 3


def test_the_drawn_set_is_sound(rendered: Manifest) -> None:
    assert validate(rendered).to_dict()["errors"] == 0


@pytest.mark.parametrize(
    ("column", "meant"), [("Yaw", "yaw"), (" pitch", "pitch"), ("left eye-x", "left_eye_x"), ("SPLIT ", "split")]
)
def test_a_column_that_nearly_has_a_known_name_is_warned_of(tmp_path: Path, column: str, meant: str) -> None:
    finding = only(faces(tmp_path, **{column: [1, 2, 3, 4]}))
    assert (finding.severity, finding.check, finding.row) == ("warning", "column", 0)
    assert finding.what == f"column {column!r} is kept but not used as {meant!r}"
    assert finding.cure == "rename it"  # no command: this table is in no file


def test_several_such_columns_are_renamed_by_one_command(tmp_path: Path) -> None:
    path = tmp_path / "my faces.csv"
    found = validate(faces(tmp_path, **{"Yaw": [1, 2, 3, 4], "left eye-x": [1, 2, 3, 4]}).save(path)).findings
    renames = "--column yaw=Yaw --column 'left_eye_x=left eye-x'"
    command = f"rename it: pifr data import table '{path}' {renames} --out renamed.csv"
    assert [finding.cure for finding in found] == [command, command]


def test_a_column_beside_the_known_one_and_a_column_of_ones_own_are_let_be(tmp_path: Path) -> None:
    assert validate(faces(tmp_path, yaw=[1.0, 22, 3, 4], Yaw=[1, 2, 3, 4], shoe=[1, 2, 3, 4])).findings == []


def test_missing_and_truncated_pictures(tmp_path: Path) -> None:
    manifest = faces(tmp_path)
    manifest.paths[1].unlink()
    manifest.paths[2].write_bytes(manifest.paths[2].read_bytes()[:700])
    missing, truncated = validate(manifest).errors
    assert (missing.check, missing.row, missing.file) == ("missing", 2, "1.png")
    assert (truncated.check, truncated.row) == ("unreadable", 3)
    assert "truncated" in truncated.what


def test_an_empty_file_and_a_text_file(tmp_path: Path) -> None:
    manifest = faces(tmp_path)
    manifest.paths[0].write_bytes(b"")
    manifest.paths[1].write_text("hello")
    assert [finding.check for finding in validate(manifest).errors] == ["unreadable", "unreadable"]


def test_pictures_that_are_not_square(tmp_path: Path) -> None:
    manifest = faces(tmp_path)
    write_picture(manifest.paths[3], np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    finding = only(manifest)
    assert (finding.severity, finding.check, finding.row) == ("warning", "not-square", 4)
    assert "1 of 4" in finding.what
    assert "30 x 20" in finding.what


def test_squares_of_different_sizes(tmp_path: Path) -> None:
    manifest = faces(tmp_path)
    write_picture(manifest.paths[3], np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    finding = only(manifest)
    assert (finding.severity, finding.check, finding.row) == ("warning", "sizes", 4)


def test_grey_pictures(tmp_path: Path) -> None:
    manifest = faces(tmp_path)
    grey = np.random.default_rng(1).integers(0, 256, (20, 20, 1), dtype=np.uint8).repeat(3, axis=2)
    write_picture(manifest.paths[2], grey)
    finding = only(manifest)
    assert (finding.severity, finding.check, finding.row) == ("warning", "grey", 3)


def test_duplicates_are_found_by_pixels_not_bytes(tmp_path: Path) -> None:
    manifest = faces(tmp_path)
    from pifr.data.pictures import read_picture

    pixels = read_picture(manifest.paths[0])
    write_picture(manifest.paths[1], pixels)
    manifest.paths[1].write_bytes(manifest.paths[1].read_bytes() + b"trailing bytes")
    finding = only(manifest)
    assert (finding.severity, finding.check, finding.row) == ("warning", "duplicate", 2)
    assert "0.png (row 1)" in finding.what


def test_one_picture_of_two_people_is_an_error(tmp_path: Path) -> None:
    manifest = faces(tmp_path)
    manifest.paths[3].write_bytes(manifest.paths[0].read_bytes())
    finding = only(manifest)
    assert (finding.severity, finding.check, finding.row) == ("error", "duplicate", 4)
    assert "'b' and 'a'" in finding.what


def test_people_with_few_pictures(tmp_path: Path) -> None:
    findings = validate(faces(tmp_path), min_pictures=3).findings
    assert [(finding.check, finding.row) for finding in findings] == [("few-pictures", 1), ("few-pictures", 3)]


def test_many_people_with_few_pictures_cost_one_pass() -> None:
    count = 60_000
    names = [f"s{number:05d}" for number in range(count)][::-1]
    table = pd.DataFrame({"path": [f"{number}.png" for number in range(count)], "subject": names})
    start = time.perf_counter()
    findings = list(_check_few_pictures(make_manifest(table, Path(), "m.csv"), 2))
    assert time.perf_counter() - start < 10  # one scan a person took minutes
    assert (len(findings), findings[0].row) == (count, count)
    assert "person 's00000' has 1 of the 2" in findings[0].what


def test_people_in_two_splits(tmp_path: Path) -> None:
    finding = only(faces(tmp_path, split=["train", "test", "test", ""]))
    assert (finding.severity, finding.check) == ("error", "split")
    assert "'a' is in several splits: test, train" in finding.what


def test_mixed_templates(tmp_path: Path) -> None:
    finding = only(faces(tmp_path, template=["arcface-112", "", "arcface-112", "arcface-112"]))
    assert (finding.severity, finding.check, finding.row) == ("error", "template", 0)
    assert "arcface-112, unaligned" in finding.what


def test_landmarks_outside_and_swapped(tmp_path: Path) -> None:
    points = {"left_eye_x": [5, 12, 5, None], "right_eye_x": [12, 5, 12, None], "nose_tip_y": [8, 8, 21, None]}
    swapped, outside = sorted(validate(faces(tmp_path, **points)).findings, key=lambda finding: finding.row)
    assert (swapped.severity, swapped.row) == ("warning", 2)
    assert (outside.severity, outside.row) == ("error", 3)
    assert outside.what == "outside the 20 x 20 picture: nose_tip"


def test_a_hidden_landmark_may_lie_anywhere(tmp_path: Path) -> None:
    points = {"left_eye_x": [5, 12, -3, None], "right_eye_x": [12, 5, 12, None]}
    seen = {"left_eye_visible": [True, False, False, False], "right_eye_visible": [True, True, True, False]}
    assert validate(faces(tmp_path, **points, **seen)).findings == []


def test_yaws_in_radians(tmp_path: Path) -> None:
    finding = only(faces(tmp_path, yaw=[-1.57, 0, 0.5, 0.8]))
    assert (finding.severity, finding.check) == ("warning", "yaw")


@pytest.mark.parametrize(
    ("yaws", "expected"),
    [
        ([-1.57, 0.0, 0.785], True),
        ([-1.0, 0.0, 1.0], False),  # whole degrees
        ([0.0, 0.0], False),  # frontal only
        ([0.4], False),  # one value tells nothing
        ([0.5, 30.0], False),
        ([float("nan")], False),
    ],
)
def test_radians_by_hand(yaws: list[float], expected: bool) -> None:
    assert looks_like_radians(np.array(yaws)) is expected


def test_errors_come_first_and_the_report_is_json_ready(tmp_path: Path) -> None:
    import json

    manifest = faces(tmp_path)
    manifest.paths[1].write_bytes(manifest.paths[0].read_bytes())
    manifest.paths[3].unlink()
    report = validate(manifest)
    assert [finding.severity for finding in report.findings] == ["error", "warning"]
    record = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (record["errors"], record["warnings"]) == (1, 1)
    assert record["findings"] == report.table()
