from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from pifr.core.errors import ConfigError, DataError
from pifr.data.importers.folder import import_folder
from pifr.data.importers.multipie import camera_yaws, import_multipie, recording_expressions
from pifr.data.importers.table import import_table
from pifr.data.manifest import read_manifest


def touch(*paths: Path) -> None:
    """Importers look at names only, so empty files will do."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


# --- table


def a_table(folder: Path, **columns: list[object]) -> Path:
    touch(folder / "a.jpg", folder / "b.jpg", folder / "c.jpg")
    values = {"file": ["a.jpg", "b.jpg", "c.jpg"], "id": ["007", "007", "8"], **columns}
    pd.DataFrame(values).to_csv(folder / "list.csv", index=False)
    return folder / "list.csv"


NAMES = {"path": "file", "subject": "id"}


def test_columns_are_renamed_and_ids_stay_text(tmp_path: Path) -> None:
    result = import_table(a_table(tmp_path, age=[30, 30, 40]), NAMES)
    assert list(result.manifest.table.columns) == ["path", "subject", "age"]
    assert list(result.manifest.table["subject"]) == ["007", "007", "8"]
    assert result.notes == []


def test_parquet_with_whole_numbers_as_ids(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    pd.DataFrame({"path": ["a.jpg"], "subject": [7]}).to_parquet(tmp_path / "list.parquet")
    assert import_table(tmp_path / "list.parquet").manifest.subjects == ["7"]


def test_radians_are_guessed_and_said(tmp_path: Path) -> None:
    source = a_table(tmp_path, yaw=[-1.5708, 0, 0.7854], pitch=[0.1, 0, 0])
    result = import_table(source, NAMES)
    assert result.manifest.yaw_degrees == pytest.approx([-90, 0, 45], abs=0.01)
    assert result.manifest.table["pitch"][0] == pytest.approx(5.7296, abs=1e-3)
    assert result.notes[0].startswith("warning: the yaws look like radians")
    assert import_table(source, NAMES, yaw_unit="degrees").manifest.yaw_degrees[0] == pytest.approx(-1.5708)


def test_radians_on_request(tmp_path: Path) -> None:
    result = import_table(a_table(tmp_path, yaw=[0, 0, 1]), NAMES, yaw_unit="radians")
    assert result.manifest.yaw_degrees[2] == pytest.approx(math.degrees(1))
    assert result.notes == []


def test_a_root_of_the_paths(tmp_path: Path) -> None:
    touch(tmp_path / "pictures" / "a.jpg")
    (tmp_path / "list.csv").write_text("path,subject\na.jpg,x\n")
    with pytest.raises(DataError, match=r"list.csv, row 1: .*1 of 1 pictures not found.*--root"):
        import_table(tmp_path / "list.csv")
    result = import_table(tmp_path / "list.csv", root=tmp_path / "pictures")
    saved = result.manifest.save(tmp_path / "out" / "faces.csv")
    assert list(saved.table["path"]) == ["../pictures/a.jpg"]
    assert read_manifest(tmp_path / "out" / "faces.csv").paths[0].is_file()


def test_wrong_column_names(tmp_path: Path) -> None:
    source = a_table(tmp_path)
    with pytest.raises(ConfigError, match=r"no column 'fil' to rename; did you mean 'file'"):
        import_table(source, {"path": "fil"})
    # What was renamed already need not be said again.
    with pytest.raises(DataError, match=r"no column 'path', .*; rename one of them: add --column path=THEIRS$"):
        import_table(source, {"subject": "id"})
    with pytest.raises(ConfigError, match="two columns would be called 'id'"):
        import_table(source, {"id": "file"})


# --- folder


def test_one_folder_a_person(tmp_path: Path) -> None:
    touch(tmp_path / "bea" / "1.JPG", tmp_path / "ann" / "deep" / "2.png", tmp_path / "ann" / "1.jpeg")
    touch(tmp_path / "loose.jpg", tmp_path / "ann" / "notes.txt", tmp_path / ".thumbs" / "x.jpg")
    touch(tmp_path / "ann" / ".hidden.jpg")
    result = import_folder(tmp_path)
    assert list(result.manifest.table["path"]) == ["ann/1.jpeg", "ann/deep/2.png", "bea/1.JPG"]
    assert list(result.manifest.table["subject"]) == ["ann", "ann", "bea"]
    assert len(result.notes) == 2
    assert "1 pictures lie beside" in result.notes[0]


def test_folders_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        import_folder(tmp_path / "nowhere")
    touch(tmp_path / "loose.jpg")
    with pytest.raises(DataError, match="no picture in a folder of its person, found 1 pictures beside"):
        import_folder(tmp_path)


# --- Multi-PIE


def multipie_path(root: Path, name: str) -> Path:
    subject, session, recording, camera, _ = name.split("_")
    return root / f"session{session}/multiview/{subject}/{recording}/{camera[:2]}_{camera[2]}/{name}.png"


def test_a_multipie_tree(tmp_path: Path) -> None:
    names = ["001_01_01_051_00", "001_01_02_240_07", "346_04_03_110_19", "002_02_03_081_01"]
    touch(*(multipie_path(tmp_path, name) for name in names))
    touch(tmp_path / "session01" / "highres" / "001" / "001_01_01.png", tmp_path / "meta" / "subject_list.txt")
    result = import_multipie(tmp_path)
    table = result.manifest.table.set_index("subject")
    assert list(table.loc["346", ["session", "recording", "camera", "illumination", "expression"]]) == [
        "04", "03", "11_0", "19", "scream",
    ]  # fmt: skip
    assert table.loc["346", "yaw"] == -90
    assert math.isnan(table.loc["002", "yaw"])
    assert sorted(table.loc["001", "yaw"]) == [0, 90]
    assert sorted(table.loc["001", "expression"]) == ["neutral", "smile"]
    assert result.notes == [
        "1 pictures of the cameras above (08_1, 19_1) have no yaw", "2 files not named like Multi-PIE were left out",
    ]  # fmt: skip


def test_a_part_of_the_tree_is_checked_too(tmp_path: Path) -> None:
    touch(multipie_path(tmp_path, "001_01_01_051_00"))
    assert len(import_multipie(tmp_path / "session01" / "multiview" / "001").manifest) == 1
    inner = tmp_path / "session01/multiview/001/01/05_1"
    (inner / "001_01_01_051_00.png").rename(inner / "001_01_01_050_00.png")
    with pytest.raises(DataError, match="camera 05_0 by its name, 05_1 by its folder"):
        import_multipie(inner)


def test_names_that_contradict_their_folders(tmp_path: Path) -> None:
    good = multipie_path(tmp_path, "001_01_01_051_00")
    touch(good, good.with_name("001_02_01_051_00.png"))
    with pytest.raises(DataError, match=r"1 pictures contradict .*--mismatched drop") as error:
        import_multipie(tmp_path)
    assert "001_02_01_051_00.png (session 02 by its name, 01 by its folder)" in str(error.value)
    result = import_multipie(tmp_path, mismatched="drop")
    assert len(result.manifest) == 1
    assert "1 pictures that contradict" in result.notes[0]


def test_cr_gans_cropped_release(tmp_path: Path) -> None:
    touch(tmp_path / "192" / "192_01_02_140_07_crop_128.png", tmp_path / "flat_001_01_01_051_00.png")
    row = import_multipie(tmp_path).manifest.table.iloc[0]
    assert (row["subject"], row["camera"], row["yaw"], row["expression"]) == ("192", "14_0", -15, "smile")
    touch(tmp_path / "193" / "192_01_02_140_07_crop_128.png")
    with pytest.raises(DataError, match="subject 192 by its name, 193 by its folder"):
        import_multipie(tmp_path)


def test_unknown_cameras_and_recordings(tmp_path: Path) -> None:
    touch(tmp_path / "001_01_03_051_00.png")
    result = import_multipie(tmp_path)
    assert list(result.manifest.table["expression"]) == [""]
    assert "recordings Multi-PIE does not have" in result.notes[0]
    touch(tmp_path / "001_01_01_052_00.png")
    with pytest.raises(DataError, match=r"001_01_01_052_00.png: Multi-PIE has no camera '05_2'"):
        import_multipie(tmp_path)


def test_nothing_named_like_multipie(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "face.png")
    with pytest.raises(DataError, match="no picture is named like Multi-PIE; the layout is session01/"):
        import_multipie(tmp_path)


def test_the_tables() -> None:
    yaws = camera_yaws()
    assert len(yaws) == 15
    assert sorted(yaw for yaw in yaws.values() if not math.isnan(yaw)) == list(range(-90, 91, 15))
    # The sign is the one thing that other projects have the wrong way round.
    assert (yaws["05_0"], yaws["14_0"], yaws["24_0"], yaws["11_0"]) == (15, -15, 90, -90)
    expressions = recording_expressions()
    assert len(expressions) == 11
    assert [expressions[session, "01"] for session in ("01", "02", "03", "04")] == ["neutral"] * 4
