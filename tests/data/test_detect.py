from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pifr.core.errors import ConfigError, DataError, DependencyError
from pifr.core.files import cache_folder
from pifr.data import align as align_module
from pifr.data import detect as detect_module
from pifr.data.align import align_manifest
from pifr.data.detect import align_photographs, detect_landmarks
from pifr.data.detectors import DETECTORS, FoundFace, choose_face, landmarks_of_three, load_detector
from pifr.data.geometry import transform_points
from pifr.data.manifest import LANDMARK_COLUMNS, Manifest, make_manifest
from pifr.data.pictures import write_picture
from pifr.data.templates import ARCFACE_POINTS

FIVE = ARCFACE_POINTS / 2 + 10


def face(x: float, y: float, side: float) -> FoundFace:
    return FoundFace((x, y, side, side), FIVE + np.array([x, 0]))


class FacesByColour:
    """A detector for the tests: the picture's red says how many faces there are, each farther right and smaller."""

    name, sha256, landmarks_by = "colour", "0", "colour: all measured"

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, pixels: np.ndarray) -> list[FoundFace]:
        self.seen += 1
        return [face(30 + 20 * place, 30, 40 - 10 * place) for place in range(int(pixels[0, 0, 0]) // 10)]


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> FacesByColour:
    made = FacesByColour()
    monkeypatch.setitem(DETECTORS, "colour", lambda: made)
    return made


@pytest.fixture
def photographs(tmp_path: Path) -> Manifest:
    """No face, one, two, a file that is no picture, and one face whose landmarks are known."""
    for name, faces in (("none", 0), ("one", 1), ("two", 2), ("known", 1)):
        write_picture(tmp_path / f"{name}.png", np.full((100, 100, 3), 10 * faces, np.uint8))
    (tmp_path / "text.png").write_text("no picture")
    table = pd.DataFrame(
        {"path": ["none.png", "one.png", "two.png", "text.png", "known.png"], "subject": list("abcde")}
    )
    table[list(LANDMARK_COLUMNS)] = np.nan
    table.loc[4, list(LANDMARK_COLUMNS)] = (FIVE + 3).ravel()
    return make_manifest(table, tmp_path, "faces.csv")


def test_the_large_and_central_face_is_chosen() -> None:
    assert choose_face([face(0, 0, 10)], (100, 100)) == (0, "only")
    assert choose_face([face(40, 40, 20), face(45, 45, 10)], (100, 100)) == (0, "largest")
    # 22 pixels in the corner against 20 in the middle: by area alone the corner would win.
    assert choose_face([face(0, 0, 22), face(40, 40, 20)], (100, 100)) == (1, "most central")


def test_three_points_of_the_template_face_give_all_five() -> None:
    turned = np.array([[0.0, -2.0, 90.0], [2.0, 0.0, 5.0]])  # a quarter turn, twice the size, shifted
    expected = transform_points(ARCFACE_POINTS, turned)
    nose_base = transform_points(np.array([[55.91, 78.4]]), turned)[0]
    assert landmarks_of_three(expected[0], expected[1], nose_base) == pytest.approx(expected, abs=1e-6)
    moved = landmarks_of_three(expected[0], expected[1] + [0, 9], nose_base)
    assert moved[1] == pytest.approx(expected[1] + [0, 9])  # what was measured stays as measured


def test_findings_failures_and_what_was_known(detector: FacesByColour, photographs: Manifest) -> None:
    with pytest.raises(DataError, match=r"text.png, row 4: can't decode the picture.*--on-error skip"):
        detect_landmarks(photographs, "colour")
    found = detect_landmarks(photographs, "colour", on_error="skip")
    table = found.manifest.table
    assert table["path"].tolist() == ["none.png", "one.png", "two.png", "known.png"]
    assert table["landmarks_by"].tolist() == ["", "colour: all measured", "colour: all measured", "given"]
    assert table["face_chosen"].tolist() == ["", "only", "largest", ""]
    assert table["faces_found"].tolist()[:3] == [0, 1, 2]
    points = table[list(LANDMARK_COLUMNS)].to_numpy().reshape(-1, 5, 2)
    assert np.isnan(points[0]).all()
    assert points[1] == pytest.approx(FIVE + np.array([30, 0]), abs=0.01)
    assert points[3] == pytest.approx(FIVE + 3)
    assert [(failure.file, failure.record) for failure in found.failures] == [
        ("none.png", "row 1"),
        ("text.png", "row 4"),
    ]
    assert found.failures[0].what == "no face found"
    assert (found.asked, found.unreadable, found.failure_to_acquire) == (4, 1, 0.5)


def test_photographs_are_aligned_and_failures_listed(
    detector: FacesByColour, photographs: Manifest, tmp_path: Path
) -> None:
    out = tmp_path / "aligned"
    result, _ = align_photographs(photographs, "colour", "arcface-112", out, on_error="skip")
    assert result.dropped == 1
    assert result.manifest.table["path"].tolist() == ["one.png", "two.png", "known.png"]
    landmarks = result.manifest.table[list(LANDMARK_COLUMNS)].to_numpy().reshape(-1, 5, 2)
    assert landmarks == pytest.approx(np.stack([ARCFACE_POINTS] * 3), abs=0.05)
    assert pd.read_csv(out / "failures.csv")["file"].tolist() == ["none.png", "text.png"]
    result, _ = align_photographs(
        photographs, "colour", "arcface-112", tmp_path / "b", without_landmarks="crop", on_error="skip"
    )
    assert result.manifest.table["aligned_by"].tolist() == ["crop", "landmarks", "landmarks", "landmarks"]


def test_a_broken_off_search_goes_on(
    detector: FacesByColour, photographs: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = detect_landmarks(photographs, "colour", on_error="skip")
    (journal,) = (
        path
        for path in (cache_folder() / "faces").glob("*.jsonl")
        if detect_module._key(photographs.folder, detector) in path.name
    )
    lines = journal.read_text().splitlines(keepends=True)
    assert [json.loads(line)["picture"] for line in lines] == ["none.png", "one.png", "two.png", "text.png"]
    journal.write_text("".join(lines[:2]) + lines[2][:20])  # killed in the middle of a line
    detector.seen = 0
    again = detect_landmarks(photographs, "colour", on_error="skip")
    assert detector.seen == 1  # "two.png"; "text.png" can't be read, so no detector saw it
    assert again.manifest.table.equals(first.manifest.table)
    assert journal.read_text() == "".join([*lines[:2], lines[2][:20] + "\n", *lines[2:]])
    monkeypatch.setattr(FacesByColour, "sha256", "1")  # another model: nothing old is taken
    detect_landmarks(photographs, "colour", on_error="skip")
    assert detector.seen == 4


def bitmaps(folder: Path, count: int) -> Manifest:
    """Pictures of one face each whose files are all equally large, whatever they show."""
    folder.mkdir()
    for number in range(count):
        show(folder / f"{number}.bmp", faces=1)
    table = pd.DataFrame({"path": [f"{number}.bmp" for number in range(count)]})
    return make_manifest(table.assign(subject=table["path"]), folder, "faces.csv")


def show(path: Path, faces: int) -> None:
    Image.fromarray(np.full((60, 60, 3), 10 * faces, np.uint8)).save(path)


# Of 600 pictures a fingerprint reads 256, and the second is none of them.
@pytest.mark.parametrize("count", [20, 600])
def test_a_changed_picture_alone_is_looked_at_anew_and_cut_by_its_new_landmarks(
    detector: FacesByColour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    manifest, out = bitmaps(tmp_path / "in", count), tmp_path / "out"
    align_photographs(manifest, "colour", "arcface-112", out)
    monkeypatch.setattr(FacesByColour, "__call__", lambda self, pixels: [face(11 * pixels[0, 0, 0] - 100, 30, 40)])
    show(tmp_path / "in" / "1.bmp", faces=2)
    written: list[str] = []
    whole = align_module.write_picture
    monkeypatch.setattr(
        align_module, "write_picture", lambda path, pixels: written.append(path.name) or whole(path, pixels)
    )
    result, detection = align_photographs(manifest, "colour", "arcface-112", out)
    assert detection.manifest.landmarks[1] == pytest.approx(FIVE + np.array([120, 0]), abs=0.01)
    assert detection.manifest.landmarks[0] == pytest.approx(FIVE + np.array([30, 0]), abs=0.01)
    assert written == ["1.png"]
    assert result.done_before == count - 1
    assert align_photographs(manifest, "colour", "arcface-112", out)[0].done_before == count


@pytest.mark.parametrize("policy", ["error", "crop"])
def test_a_picture_that_loses_or_gains_its_face_leaves_the_folder_the_same_alignment(
    detector: FacesByColour, tmp_path: Path, policy: str
) -> None:
    manifest, out = bitmaps(tmp_path / "in", 3), tmp_path / "out"
    shown = []
    for faces in (1, 0, None, 1):
        if faces is None:
            (tmp_path / "in" / "1.bmp").write_text("no picture")
        else:
            show(tmp_path / "in" / "1.bmp", faces)
        result, _ = align_photographs(manifest, "colour", "arcface-112", out, 112, policy, "skip")
        shown.append((len(result.manifest), result.dropped, (out / "failures.csv").exists()))
    assert shown == [(3, 0, False), (3, 0, True) if policy == "crop" else (2, 1, True), (2, 0, True), (3, 0, False)]


def test_another_search_is_another_alignment(detector: FacesByColour, tmp_path: Path) -> None:
    manifest, out = bitmaps(tmp_path / "in", 2), tmp_path / "out"
    align_photographs(manifest, "colour", "arcface-112", out)
    with pytest.raises(DataError, match="its 'without_landmarks' differs"):
        align_photographs(manifest, "colour", "arcface-112", out, without_landmarks="crop")
    with pytest.raises(DataError, match="its 'pictures' differs"):
        align_photographs(manifest.select([True, False]), "colour", "arcface-112", out)


def test_a_folder_of_an_older_version_is_gone_on_with(detector: FacesByColour, tmp_path: Path) -> None:
    """It was marked by the landmarks found, as where they are given."""
    manifest, out = bitmaps(tmp_path / "in", 2), tmp_path / "out"
    align_manifest(detect_landmarks(manifest, "colour").manifest, "arcface-112", out, without_landmarks="drop")
    assert align_photographs(manifest, "colour", "arcface-112", out)[0].done_before == 2
    show(tmp_path / "in" / "1.bmp", faces=2)
    assert align_photographs(manifest, "colour", "arcface-112", out)[0].done_before == 1


def test_findings_of_a_touched_picture_and_of_another_manifest_are_taken(
    detector: FacesByColour, tmp_path: Path
) -> None:
    manifest = bitmaps(tmp_path / "in", 4)
    detect_landmarks(manifest, "colour")
    assert detector.seen == 4
    os.utime(tmp_path / "in" / "1.bmp", (1, 1))
    detect_landmarks(manifest.select([False, True, True, False]), "colour")
    assert detector.seen == 4


def test_a_known_flaw_still_stops(detector: FacesByColour, photographs: Manifest) -> None:
    detect_landmarks(photographs, "colour", on_error="skip")
    with pytest.raises(DataError, match=r"text.png, row 4: can't decode the picture"):
        detect_landmarks(photographs, "colour")


def test_a_missing_picture_is_looked_for_again(detector: FacesByColour, tmp_path: Path) -> None:
    manifest = bitmaps(tmp_path / "in", 2)
    (tmp_path / "in" / "1.bmp").unlink()
    assert detect_landmarks(manifest, "colour", on_error="skip").unreadable == 1
    show(tmp_path / "in" / "1.bmp", faces=1)
    assert detect_landmarks(manifest, "colour").unreadable == 0


def test_a_worker_finds_what_one_process_finds(detector: FacesByColour, photographs: Manifest) -> None:
    detect_module._start_worker("colour")
    for path in photographs.paths:
        assert detect_module._find_in_worker(path) == detect_module._look(detector, path)


def test_nothing_found_is_an_error_in_one_line(detector: FacesByColour, photographs: Manifest) -> None:
    nothing = photographs.select(photographs.table["path"] == "none.png")
    with pytest.raises(DataError, match=r"no picture shows a face.*none.png, row 1: no face found"):
        detect_landmarks(nothing, "colour")
    with pytest.raises(ConfigError, match="unknown detector 'dlib5'; did you mean 'dlib'"):
        detect_landmarks(photographs, "dlib5")
    with pytest.raises(ConfigError, match="at least one process"):
        detect_landmarks(photographs, "colour", workers=0)


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "dlib", None)
    with pytest.raises(DependencyError, match=r"the detector 'dlib' needs the package 'dlib'.*pifr-toolkit\[judge\]"):
        load_detector("dlib")


def test_dlib_finds_rendered_faces_where_their_landmarks_are(rendered: Manifest) -> None:
    pytest.importorskip("dlib")
    frontal = rendered.select(rendered.yaw_degrees == 0).select(np.arange(12) < 1)
    by_three = detect_landmarks(frontal, "dlib").manifest.table
    by_all = detect_landmarks(frontal, "dlib68").manifest.table
    three, five = (table[list(LANDMARK_COLUMNS)].to_numpy().reshape(-1, 5, 2) for table in (by_three, by_all))
    eyes = np.linalg.norm(five[:, 0] - five[:, 1], axis=1)
    assert (five[:, 0, 0] < five[:, 1, 0]).all()  # left is left in the picture
    assert (five[:, 2, 1] > five[:, :2, 1].max(axis=1)).all()
    assert (five[:, 3:, 1] > five[:, 2:3, 1]).all()
    assert (np.linalg.norm(three - five, axis=2) < 0.3 * eyes[:, None]).all()  # two models of their own agree
    assert set(by_three["landmarks_by"]) == {"dlib: eyes measured, nose tip and mouth placed"}
