from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pifr.core.errors import ConfigError, DataError
from pifr.core.interrupt import Interrupted
from pifr.data import align as align_module
from pifr.data import sources
from pifr.data.align import align_manifest
from pifr.data.geometry import transform_points
from pifr.data.manifest import LANDMARK_COLUMNS, Manifest, make_manifest, read_manifest
from pifr.data.pictures import read_picture, write_picture
from pifr.data.templates import ARCFACE_POINTS


def faces(folder: Path, count: int = 3, without: tuple[int, ...] = ()) -> Manifest:
    """Pictures of 200 x 160 whose five landmarks are white dots: the template, twice as large and moved."""
    rows = []
    for index in range(count):
        points = transform_points(ARCFACE_POINTS, np.array([[1.2, 0.1, 20.0 + index], [-0.1, 1.2, 10.0]]))
        pixels = np.zeros((160, 200, 3), np.uint8)
        for x, y in points.round().astype(int):
            pixels[y - 1 : y + 2, x - 1 : x + 2] = 255
        write_picture(folder / f"p{index}" / "face.png", pixels)
        known = points if index not in without else np.full((5, 2), np.nan)
        rows.append({"path": f"p{index}/face.png", "subject": f"p{index}", "yaw": 0.0, "age": 30 + index,
                     **dict(zip(LANDMARK_COLUMNS, known.ravel(), strict=True))})  # fmt: skip
    return make_manifest(pd.DataFrame(rows), folder, "faces.csv")


def test_pictures_in_another_frame_bear_its_name(tmp_path: Path) -> None:
    table = tmp_path / "mine.yaml"
    table.write_text("framed_as: twin-{size_px}\nboxes: {0: [10, 10, 100]}")
    result = align_manifest(faces(tmp_path / "in"), f"crops:{table}", tmp_path / "out", 32)
    assert result.manifest.template == "twin-32"
    assert set(result.manifest.table["aligned_by"]) == {"crop"}


def test_landmarks_land_on_the_template(tmp_path: Path) -> None:
    result = align_manifest(faces(tmp_path / "in"), "arcface-112", tmp_path / "out")
    manifest = read_manifest(tmp_path / "out" / "manifest.csv")
    assert manifest.template == "arcface-112"
    assert list(manifest.table["aligned_by"]) == ["landmarks"] * 3
    assert list(manifest.table["age"]) == ["30", "31", "32"]
    points = manifest.table[list(LANDMARK_COLUMNS)].to_numpy().reshape(3, 5, 2)
    assert np.allclose(points, ARCFACE_POINTS, atol=0.01)
    picture = read_picture(manifest.paths[1])
    assert picture.shape == (112, 112, 3)
    for x, y in ARCFACE_POINTS.round().astype(int):
        assert picture[y, x].min() > 100
    assert result.to_dict() == {
        "template": "arcface-112", "pictures": 3, "aligned_by": {"landmarks": 3}, "done_before": 0, "dropped": 0,
    }  # fmt: skip


def test_pictures_without_landmarks(tmp_path: Path) -> None:
    manifest = faces(tmp_path / "in", without=(1,))
    with pytest.raises(DataError, match=r"faces.csv, row 2: p1/face.png: 1 of 3 pictures lack some"):
        align_manifest(manifest, "arcface-112", tmp_path / "a")
    assert not (tmp_path / "a").exists()
    dropped = align_manifest(manifest, "arcface-112", tmp_path / "b", without_landmarks="drop")
    assert dropped.dropped == 1
    assert list(dropped.manifest.table["subject"]) == ["p0", "p2"]
    mixed = align_manifest(manifest, "arcface-112", tmp_path / "c", without_landmarks="crop:10,0,150")
    assert mixed.manifest.template == "arcface-112/crop:10,0,150"
    assert list(mixed.manifest.table["aligned_by"]) == ["landmarks", "crop", "landmarks"]
    assert mixed.manifest.table[list(LANDMARK_COLUMNS)].iloc[1].isna().all()


def test_an_unused_fallback_does_not_change_the_template(tmp_path: Path) -> None:
    result = align_manifest(faces(tmp_path / "in"), "arcface-112", tmp_path / "out", without_landmarks="crop")
    assert result.manifest.template == "arcface-112"


def test_nothing_to_drop_to(tmp_path: Path) -> None:
    manifest = faces(tmp_path / "in", without=(0, 1, 2))
    with pytest.raises(DataError, match="no picture has all five landmarks; use a crop: template"):
        align_manifest(manifest, "arcface-112", tmp_path / "out", without_landmarks="drop")


def test_landmarks_are_no_fallback_for_landmarks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--without-landmarks"):
        align_manifest(faces(tmp_path / "in"), "arcface-112", tmp_path / "out", without_landmarks="arcface-112")


def test_a_second_call_draws_nothing_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = faces(tmp_path / "in")
    first = align_manifest(manifest, "crop:center", tmp_path / "out", 32)
    monkeypatch.setattr(align_module, "write_picture", lambda *_: pytest.fail("rendered again"))
    second = align_manifest(manifest, "crop:center", tmp_path / "out", 32)
    assert second.done_before == 3
    pd.testing.assert_frame_equal(first.manifest.table, second.manifest.table)


def test_a_broken_off_call_goes_on(tmp_path: Path) -> None:
    manifest = faces(tmp_path / "in")
    kept = manifest.paths[2].read_bytes()
    manifest.paths[2].write_bytes(kept[:40])
    with pytest.raises(DataError, match=r"faces.csv, row 3: p2/face.png: can't decode the picture"):
        align_manifest(manifest, "crop:center", tmp_path / "out", 32)
    assert not (tmp_path / "out" / "manifest.csv").exists()
    manifest.paths[2].write_bytes(kept)
    assert align_manifest(manifest, "crop:center", tmp_path / "out", 32).done_before == 2


def grey(folder: Path, values: dict[int, int]) -> Manifest:
    """Write pictures ``number.png`` of one grey each; return a manifest of four."""
    for number, value in values.items():
        Image.fromarray(np.full((40, 40, 3), value, np.uint8)).save(folder / f"{number}.png")
    table = pd.DataFrame({"path": [f"{number}.png" for number in range(4)], "subject": list("abcd")})
    return make_manifest(table, folder, "faces.csv")


def test_a_call_that_broke_off_over_other_pictures_keeps_none_of_them(tmp_path: Path) -> None:
    manifest = grey(tmp_path, dict.fromkeys(range(4), 50))
    align_manifest(manifest, "crop", tmp_path / "out", 16)
    (tmp_path / "0.png").write_bytes(b"broken")
    grey(tmp_path, dict.fromkeys((1, 2, 3), 200))
    with pytest.raises(DataError, match="can't decode"):
        align_manifest(manifest, "crop", tmp_path / "out", 16)
    grey(tmp_path, dict.fromkeys(range(4), 50))
    result = align_manifest(manifest, "crop", tmp_path / "out", 16)
    assert [int(read_picture(path).mean()) for path in result.manifest.paths] == [50, 50, 50, 50]


@pytest.mark.parametrize("killed_in", ["note", "write_picture"])
def test_a_kill_between_note_and_picture_leaves_none_to_be_kept(
    tmp_path: Path, killed_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = grey(tmp_path, dict.fromkeys(range(4), 50))
    align_manifest(manifest, "crop", tmp_path / "out", 16)
    grey(tmp_path, {1: 200})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*((align_module.Cut, "line") if killed_in == "note" else (align_module, "write_picture")), killed)
        with pytest.raises(KeyboardInterrupt):
            align_manifest(manifest, "crop", tmp_path / "out", 16)
    grey(tmp_path, {1: 50})
    result = align_manifest(manifest, "crop", tmp_path / "out", 16)
    assert [int(read_picture(path).mean()) for path in result.manifest.paths] == [50, 50, 50, 50]


def test_a_picture_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = grey(tmp_path, dict.fromkeys(range(4), 50))

    def read_and_change(path: Path) -> np.ndarray:
        pixels = read_picture(path)
        if path.name == "2.png":
            grey(tmp_path, {2: 200})
        return pixels

    monkeypatch.setattr(align_module, "read_picture", read_and_change)
    with pytest.raises(DataError, match=r"row 3: 2.png: the picture changed while it was read"):
        align_manifest(manifest, "crop", tmp_path / "out", 16)


def times(path: Path) -> tuple[int, int]:
    return path.stat().st_atime_ns, path.stat().st_mtime_ns


@pytest.mark.parametrize("as_large", [False, True])
def test_a_picture_that_has_changed_since_is_aligned_anew(
    tmp_path: Path, as_large: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        Image.fromarray(np.full((40, 40, 3), 50, np.uint8)).save(tmp_path / f"{number}.bmp")
    table = pd.DataFrame({"path": [f"{number}.bmp" for number in range(3)], "subject": list("abc")})
    manifest = make_manifest(table, tmp_path, "faces.csv")
    align_manifest(manifest, "crop", tmp_path / "out", 16)
    side = 40 if as_large else 30
    Image.fromarray(np.full((side, side, 3), 200, np.uint8)).save(tmp_path / "1.bmp")
    result = align_manifest(manifest, "crop", tmp_path / "out", 16)
    assert result.done_before == 2
    assert [int(read_picture(path).mean()) for path in result.manifest.paths] == [50, 200, 50]
    assert "1 of 3 pictures have changed since they were aligned" in capsys.readouterr().err
    assert align_manifest(manifest, "crop", tmp_path / "out", 16).done_before == 3


def test_a_picture_replaced_by_one_as_old_and_as_large_is_aligned_anew(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 40, 3), 50, np.uint8)).save(tmp_path / "a.bmp")
    manifest = make_manifest(pd.DataFrame({"path": ["a.bmp"], "subject": ["a"]}), tmp_path, "faces.csv")
    align_manifest(manifest, "crop", tmp_path / "out", 16)
    before = times(tmp_path / "a.bmp")
    Image.fromarray(np.full((40, 40, 3), 200, np.uint8)).save(tmp_path / "a.bmp")
    os.utime(tmp_path / "a.bmp", ns=before)
    assert align_manifest(manifest, "crop", tmp_path / "out", 16).done_before == 0


def test_a_copy_is_read_once_and_not_aligned_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = faces(tmp_path / "in")
    align_manifest(manifest, "crop:center", tmp_path / "out", 32)
    for path in manifest.paths:
        os.utime(path, (1, 1))
    read: list[Path] = []
    whole = sources.read_bytes
    monkeypatch.setattr(sources, "read_bytes", lambda path: read.append(path) or whole(path))
    monkeypatch.setattr(align_module, "write_picture", lambda *_: pytest.fail("rendered again"))
    for reads in (3, 3):  # in the first call alone
        assert align_manifest(manifest, "crop:center", tmp_path / "out", 32).done_before == 3
        assert len(read) == reads


def test_a_crop_without_a_record_of_its_source_is_made_anew(tmp_path: Path) -> None:
    """As of an older version, or where a line was cut by a crash."""
    manifest = faces(tmp_path / "in")
    align_manifest(manifest, "crop:center", tmp_path / "out", 32)
    journal = tmp_path / "out" / "alignment.jsonl"
    text = journal.read_text()
    journal.write_text(text[: len(text) - 5])
    assert align_manifest(manifest, "crop:center", tmp_path / "out", 32).done_before == 2
    journal.unlink()
    assert align_manifest(manifest, "crop:center", tmp_path / "out", 32).done_before == 0
    assert align_manifest(manifest, "crop:center", tmp_path / "out", 32).done_before == 3


def test_a_source_that_is_gone_is_named_though_its_crop_is_there(tmp_path: Path) -> None:
    manifest = faces(tmp_path / "in")
    align_manifest(manifest, "crop:center", tmp_path / "out", 32)
    manifest.paths[1].unlink()
    with pytest.raises(DataError, match=r"faces.csv, row 2: p1/face.png: picture not found"):
        align_manifest(manifest, "crop:center", tmp_path / "out", 32)


def test_another_alignment_is_not_mixed_in(tmp_path: Path) -> None:
    manifest = faces(tmp_path / "in")
    align_manifest(manifest, "crop:center", tmp_path / "out", 32)
    with pytest.raises(DataError, match="holds another alignment \\(its 'size_px' differs\\)"):
        align_manifest(manifest, "crop:center", tmp_path / "out", 40)
    moved = make_manifest(manifest.table.assign(nose_tip_x=50.0), manifest.folder, "faces.csv")
    with pytest.raises(DataError, match="its 'pictures' differs"):
        align_manifest(moved, "crop:center", tmp_path / "out", 32)
    with pytest.raises(DataError, match="not empty and holds no alignment"):
        align_manifest(manifest, "crop:center", tmp_path / "in", 32)


def test_two_faces_of_one_picture_get_two_files(tmp_path: Path) -> None:
    manifest = faces(tmp_path / "in", count=1)
    twice = make_manifest(pd.concat([manifest.table, manifest.table]), manifest.folder, "faces.csv")
    assert list(align_manifest(twice, "crop", tmp_path / "out", 16).manifest.table["path"]) == [
        "p0/face.png", "p0/face_2.png",
    ]  # fmt: skip


def test_a_made_up_name_is_never_a_name_that_another_picture_has(tmp_path: Path) -> None:
    table = pd.concat([faces(tmp_path / "in").table] * 2, ignore_index=True).head(5)
    for name, value in (("g.jpg", 40), ("g_2.jpg", 80), ("g_3.jpg", 120)):
        write_picture(tmp_path / "in" / name, np.full((30, 30, 3), value, np.uint8))
    table["path"] = ["g.jpg", "g.jpg", "g_2.jpg", "g_2.jpg", "g_3.jpg"]
    table["subject"] = ["ann", "bob", "cleo", "dan", "eve"]
    manifest = make_manifest(table, tmp_path / "in", "faces.csv")
    result = align_manifest(manifest, "crop", tmp_path / "out", 16)
    assert list(result.manifest.table["path"]) == ["g.png", "g_4.png", "g_2.png", "g_2_2.png", "g_3.png"]
    values = [int(read_picture(path).mean().round()) for path in result.manifest.paths]
    assert values == [40, 40, 80, 80, 120]
    again = align_manifest(manifest, "crop", tmp_path / "out", 16)
    assert again.done_before == 5
    assert again.manifest.table.equals(result.manifest.table)


def test_paths_outside_the_manifests_folder_stay_inside_out(tmp_path: Path) -> None:
    manifest = faces(tmp_path / "in", count=1)
    elsewhere = manifest.save(tmp_path / "tables" / "faces.csv")
    result = align_manifest(elsewhere, "crop", tmp_path / "out", 16)
    assert list(result.manifest.table["path"]) == ["in/p0/face.png"]
    assert (tmp_path / "out" / "in" / "p0" / "face.png").is_file()


def test_pictures_turned_by_their_camera(tmp_path: Path) -> None:
    """A resumed call reads only the header of a picture; it must turn the size as decoding does."""
    picture = Image.new("RGB", (40, 20))
    orientation = picture.getexif()
    orientation[0x0112] = 6
    (tmp_path / "in").mkdir()
    picture.save(tmp_path / "in" / "a.jpg", exif=orientation)
    table = pd.DataFrame([{"path": "a.jpg", "subject": "a", "nose_tip_x": 10.0, "nose_tip_y": 20.0}])
    manifest = make_manifest(table, tmp_path / "in", "faces.csv")
    first, second = (align_manifest(manifest, "crop", tmp_path / "out", 20).manifest.table for _ in range(2))
    # Upright it is 20 wide and 40 high, so the middle square starts at y = 10.
    assert first["nose_tip_y"][0] == second["nose_tip_y"][0] == 10


def test_ctrl_c_stops_between_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align_module, "_CHUNK", 1)
    manifest = faces(tmp_path / "in")
    whole = align_module.write_picture

    def write_and_interrupt(path: Path, pixels: np.ndarray) -> None:
        whole(path, pixels)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(align_module, "write_picture", write_and_interrupt)
    with pytest.raises(Interrupted, match="1 of 3 pictures are aligned"):
        align_manifest(manifest, "crop", tmp_path / "out", 16)
    monkeypatch.setattr(align_module, "write_picture", whole)
    assert align_manifest(manifest, "crop", tmp_path / "out", 16).done_before == 1


def test_sizes_too_small(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 8 pixels"):
        align_manifest(faces(tmp_path / "in"), "crop", tmp_path / "out", 4)
