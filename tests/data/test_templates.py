from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pifr.core.errors import ConfigError, DataError
from pifr.data.geometry import transform_points
from pifr.data.templates import ARCFACE_POINTS, Face, id_in_manifests, parse_template


def face(**changes: object) -> Face:
    values = {"landmarks": np.full((5, 2), np.nan), "yaw_degrees": 0.0, "size_px": (256, 256),
              "person_eye_height_px": np.nan, "where": "faces.csv, row 1"}  # fmt: skip
    return Face(**{**values, **changes})  # type: ignore[arg-type]


def corners(matrix: np.ndarray, size: int) -> np.ndarray:
    """Left, top and side of the source box that a map shows."""
    scale = matrix[0, 0]
    x, y = (0.5 - (matrix[:, 2] + 0.5) / scale).tolist()
    return np.array([x, y, size / scale])


def test_five_points_land_on_the_template_at_any_size() -> None:
    template = parse_template("arcface-112")
    source = ARCFACE_POINTS * 3 + [10, 20]
    assert np.allclose(transform_points(source, template.matrix(face(landmarks=source), 112)), ARCFACE_POINTS)
    assert np.allclose(transform_points(source, template.matrix(face(landmarks=source), 224)), ARCFACE_POINTS * 2)


def test_coinciding_landmarks_name_the_row() -> None:
    with pytest.raises(DataError, match=r"faces.csv, row 1: can't align by these landmarks"):
        parse_template("arcface-112").matrix(face(landmarks=np.ones((5, 2))), 112)


def test_crops() -> None:
    template = parse_template("crop:40,60,150")
    assert template.id == "crop:40,60,150"
    assert np.allclose(corners(template.matrix(face(), 64), 64), [40, 60, 150])
    center = parse_template("crop")
    assert center.id == "crop:center"
    assert np.allclose(corners(center.matrix(face(size_px=(300, 200)), 64), 64), [50, 0, 200])


def test_a_box_outside_the_picture_names_the_row() -> None:
    with pytest.raises(
        DataError, match=r"faces.csv, row 1: the box 300,0,10 lies outside the picture, found 256 x 256"
    ):
        parse_template("crop:300,0,10").matrix(face(), 64)


def table(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return f"crops:{path}"


def test_a_table_interpolates_between_yaws(tmp_path: Path) -> None:
    template = parse_template(table(tmp_path, "boxes: {-90: [10, 20, 100], 0: [40, 20, 110]}"))
    assert template.id == "crops:mine"
    for yaw, box in [(-90, [10, 20, 100]), (-45, [25, 20, 105]), (0, [40, 20, 110]), (70, [40, 20, 110])]:
        assert np.allclose(corners(template.matrix(face(yaw_degrees=yaw), 64), 64), box)


def test_a_table_follows_the_persons_eyes(tmp_path: Path) -> None:
    template = parse_template(table(tmp_path, "eye_height_px: 126\nboxes: {0: [40, 20, 100]}"))
    assert np.allclose(corners(template.matrix(face(person_eye_height_px=136.0), 64), 64), [40, 30, 100])
    with pytest.raises(DataError, match=r"row 1: .* needs the eyes' height"):
        template.matrix(face(), 64)


def test_a_table_needs_a_yaw(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 1: template 'crops:mine' needs a yaw"):
        parse_template(table(tmp_path, "boxes: {0: [40, 20, 100]}")).matrix(face(yaw_degrees=np.nan), 64)


@pytest.mark.parametrize("name", ["london-v1", "london-twin"])
def test_the_shipped_tables_mirror_left_and_right(name: str) -> None:
    template = parse_template(f"crops:{name}")
    for yaw in (45.0, 90.0):
        left, right = (
            corners(template.matrix(face(yaw_degrees=sign * yaw, person_eye_height_px=126.0), 64), 64)
            for sign in (-1, 1)
        )
        assert left[0] + left[2] == pytest.approx(256 - right[0])
        assert left[1:] == pytest.approx(right[1:])


def test_london_faces_lie_where_the_twins_do() -> None:
    """The mean frontal landmarks of the 72 (index.csv) against those of the twin, camera 05_1; not the nose's tip.

    Both sets were averaged by the commands that the table's comments tell of; noses differ in shape.
    """
    london = np.array([[103.47, 126.0], [151.94, 126.0], [108.26, 179.55], [147.16, 179.55]])
    twin = np.array([[21.7, 25.6], [41.5, 25.7], [24.3, 47.1], [38.9, 47.1]])
    matrix = parse_template("crops:london-twin").matrix(face(person_eye_height_px=126.0), 64)
    assert np.abs(transform_points(london, matrix) - twin).max() < 1.0


def test_a_table_may_stand_for_another_frame(tmp_path: Path) -> None:
    boxes = "boxes: {0: [40, 20, 100]}"
    other = parse_template(table(tmp_path, f"framed_as: 'twin-{{size_px}}'\n{boxes}"))
    assert (id_in_manifests(other, 64), id_in_manifests(other, 128)) == ("twin-64", "twin-128")
    assert other.id == "crops:mine"
    assert id_in_manifests(parse_template(table(tmp_path, boxes)), 64) == "crops:mine"
    assert id_in_manifests(parse_template("arcface-112"), 64) == "arcface-112"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arcface-111", "unknown alignment template 'arcface-111'; did you mean 'arcface-112'"),
        ("crop:1,2", "written crop:X,Y,SIDE"),
        ("crop:1,2,nan", "at least 1 pixel"),
        ("crop:1,2,0", "at least 1 pixel"),
        ("crops:london-v2", "did you mean 'london-v1'"),
        ("crops:", "unknown alignment template"),
    ],
)
def test_unknown_templates(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_template(text)


@pytest.mark.parametrize("text", ["boxes: {}", "boxes: {0: [1, 2, 0]}", "boxes: {0: [1, 2]}", "bokses: {}", "[1]"])
def test_unusable_tables_name_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        parse_template(table(tmp_path, text))
