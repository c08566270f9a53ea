from __future__ import annotations

import os
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pifr.core.errors import DataError
from pifr.data.manifest import (
    LANDMARK_COLUMNS,
    UNALIGNED,
    concatenate,
    make_manifest,
    read_manifest,
    read_table,
    write_table,
)


def write(folder: Path, text: str) -> Path:
    path = folder / "faces.csv"
    path.write_text(text)
    return path


def test_types_and_unknown_columns(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, "path,subject,yaw,session,shoe\na.png,001,-15.5,02,41\nb.png,NA,,,x\n"))
    assert manifest.subjects == ["001", "NA"]
    assert manifest.yaw_degrees[0] == -15.5
    assert np.isnan(manifest.yaw_degrees[1])
    assert list(manifest.table["session"]) == ["02", ""]
    assert list(manifest.table["shoe"]) == ["41", "x"]
    assert manifest.paths[0] == tmp_path / "a.png"


def test_nan_in_a_column_of_numbers_is_unknown_as_an_empty_cell_is(tmp_path: Path) -> None:
    text = "path,subject,yaw,nose_tip_x\na.png,NaN,NaN,1\nb.png,x,nan,NAN\nc.png,x,,\nd.png,x,-15.5,2\n"
    manifest = read_manifest(write(tmp_path, text))
    assert np.array_equal(manifest.yaw_degrees, [np.nan, np.nan, np.nan, -15.5], equal_nan=True)
    assert np.array_equal(manifest.landmarks[:, 2, 0], [1, np.nan, np.nan, 2], equal_nan=True)
    assert manifest.subjects == ["NaN", "x"]
    with pytest.raises(DataError, match=r"row 1: column 'yaw' must hold numbers, found 'nano'"):
        read_manifest(write(tmp_path, "path,subject,yaw\na.png,x,nano\n"))


def test_landmarks_are_nan_where_unknown_and_may_be_written_to(tmp_path: Path) -> None:
    columns = ",".join(LANDMARK_COLUMNS)
    numbers = ",".join(map(str, range(10)))
    some = read_manifest(write(tmp_path, f"path,subject,{columns}\na.png,1,{numbers}\nb.png,2,,,5{',' * 7}\n"))
    expected = np.full((2, 5, 2), np.nan)
    expected[0], expected[1, 1, 0] = np.arange(10).reshape(5, 2), 5
    assert np.array_equal(some.landmarks, expected, equal_nan=True)
    some.landmarks[0] = -1
    assert np.array_equal(some.landmarks, expected, equal_nan=True)
    none = read_manifest(write(tmp_path, "path,subject\na.png,1\n"))
    assert np.array_equal(none.landmarks, np.full((1, 5, 2), np.nan), equal_nan=True)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_saving_elsewhere_keeps_the_pictures_reachable(tmp_path: Path, ending: str) -> None:
    (tmp_path / "in").mkdir()
    manifest = read_manifest(write(tmp_path / "in", "path,subject,yaw\na.png,001,15\n"))
    manifest.save(tmp_path / "out" / "deep" / f"faces.{ending}")
    again = read_manifest(tmp_path / "out" / "deep" / f"faces.{ending}")
    assert again.paths[0].resolve() == tmp_path / "in" / "a.png"
    assert again.subjects == ["001"]
    assert again.yaw_degrees[0] == 15


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,subjekt\na,1\n", "no column 'subject'; did you mean 'subjekt'"),
        ("path,subject\n", "holds no picture"),
        ("path,subject\na,1\n,2\n", r"row 2: column 'path' is empty"),
        ("path,subject\na,\n", r"row 1: column 'subject' is empty"),
        ("path,subject,yaw\na,1,0\nb,1,left\n", r"row 2: column 'yaw' must hold numbers, found 'left'"),
        ("path,subject,yaw\na,1,181\n", r"row 1: yaw must lie in -180..180 degrees, found 181"),
        ("path,subject,kind\na,1,painted\n", r"row 1: unknown kind of picture, found 'painted'; use one of: real"),
        ("", "can't read the table"),
    ],
)
def test_bad_tables_name_file_row_and_cure(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=message) as error:
        read_manifest(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_and_strange_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="file not found"):
        read_manifest(tmp_path / "none.csv")
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(DataError, match=r"a table is a .csv or .parquet file, found '.xlsx'"):
        read_manifest(tmp_path / "a.xlsx")
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match="can't read the table"):
        read_manifest(tmp_path / "a.parquet")


def test_further_columns_may_be_required(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'yaw'; did you mean 'yaws'"):
        read_manifest(write(tmp_path, "path,subject,yaws\na,1,0\n"), require=["yaw"])


@pytest.mark.parametrize(
    ("header", "wanted", "cure"),
    [
        ("path,person,yaw", "subject", "found path, person, yaw; rename one of them: pifr data import table {} "
                                       "--column subject=THEIRS --out renamed.csv"),
        ("path,subjct", "subject", "did you mean 'subjct'? Rename it: pifr data import table {} "
                                   "--column subject=subjct --out renamed.csv"),
        ("path,subject,Yaw", "yaw", "did you mean 'Yaw'? Rename it: pifr data import table {} --column yaw=Yaw"),
        ("path,subject", "yaw", "found path, subject; estimate it with: pifr data pose {} --out posed.csv"),
        ("path,subject,lamp", "lmp", "did you mean 'lamp'?"),
    ],
)  # fmt: skip
def test_a_missing_column_says_how_to_come_by_it(tmp_path: Path, header: str, wanted: str, cure: str) -> None:
    path = write(tmp_path, f"{header}\n{','.join('1' for _ in header.split(','))}\n")
    with pytest.raises(DataError) as caught:
        read_manifest(path, require=[wanted])
    assert f"no column {wanted!r}" in str(caught.value)
    assert cure.format(path) in str(caught.value)


def test_all_missing_columns_are_cured_by_one_command(tmp_path: Path) -> None:
    path = write(tmp_path, "Path,the_subject,Yaw\na.png,1,0\n")
    with pytest.raises(DataError) as caught:
        read_manifest(path, require=["yaw"])
    assert "no column 'path' and no column 'subject'" in str(caught.value)
    renames = "--column path=Path --column subject=the_subject --column yaw=Yaw"
    assert f"Rename them: pifr data import table {path} {renames} --out renamed.csv" in str(caught.value)
    path.write_text("file,who\na.png,1\n")
    with pytest.raises(DataError, match=r"found file, who; .*--column path=THEIRS --column subject=THEIRS --out"):
        read_manifest(path)


def test_a_suggested_command_can_be_typed_as_it_stands_and_replaces_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for taken, new in (("my faces.csv", "renamed.csv"), ("renamed.csv", "renamed-2.csv")):
        Path(taken).write_text("path,my subject\na.png,1\n")
        with pytest.raises(DataError) as caught:
            read_manifest(taken)
        command = shlex.split(str(caught.value).partition("Rename it: ")[2])
        assert command == ["pifr", "data", "import", "table", taken, "--column", "subject=my subject", "--out", new]


def test_there_is_no_command_for_several_tables_that_were_joined(tmp_path: Path) -> None:
    first = read_manifest(write(tmp_path, "path,subject,Yaw\na.png,1,0\n"))
    joined = concatenate([first, first])
    with pytest.raises(DataError, match=r"did you mean 'Yaw'\? Rename it$"):
        joined.require(["yaw"])
    with pytest.raises(DataError, match=r"rename one of them$"):
        joined.require(["camera"])


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_table_without_commas_says_so(tmp_path: Path, mark: str, name: str) -> None:
    path = write(tmp_path, mark.join(["path", "subject", "yaw"]) + "\n" + mark.join(["a.png", "x", "1,5"]) + "\n")
    with pytest.raises(DataError, match=f"the columns are separated by {name}, commas are wanted; save it again with"):
        read_manifest(path)


def test_a_folder_in_place_of_a_manifest_is_told_from_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=f"this is a folder, a manifest is wanted; .* pifr data import {tmp_path} --out"
    ):
        read_manifest(tmp_path)


def test_one_template(tmp_path: Path) -> None:
    assert read_manifest(write(tmp_path, "path,subject\na,1\n")).template == UNALIGNED
    assert read_manifest(write(tmp_path, "path,subject,template\na,1,arcface-112\n")).template == "arcface-112"
    mixed = read_manifest(write(tmp_path, "path,subject,template\na,1,arcface-112\nb,1,\n"))
    with pytest.raises(DataError, match="found arcface-112, unaligned; align all"):
        _ = mixed.template


def test_splits(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, "path,subject,split\na,1,train\nb,2,test\nc,3,\n"))
    assert manifest.of_split("test").subjects == ["2"]
    with pytest.raises(DataError, match="no picture in split 'tset'; did you mean 'test'"):
        manifest.of_split("tset")
    with pytest.raises(DataError, match="no column 'split'; make one with"):
        read_manifest(write(tmp_path, "path,subject\na,1\n")).of_split("train")


def test_selecting_renumbers_the_rows(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, "path,subject\na,1\nb,2\nc,3\n"))
    chosen = manifest.select(np.array([False, True, True]))
    assert list(chosen.table.index) == [0, 1]
    assert [path.name for path in chosen.paths] == ["b", "c"]


def test_a_row_is_named_as_it_stands_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    one = read_manifest(write(tmp_path, "path,subject,split\na.png,1,test\nb.png,1,train\nc.png,2,train\n"))
    two = read_manifest(write(tmp_path / "more", "path,subject\na.png,3\nb.png,4\n"))
    assert one.place(2) == f"{tmp_path / 'faces.csv'}, row 3"
    chosen = one.of_split("train").select(np.array([False, True]))
    assert chosen.place(0) == f"{tmp_path / 'faces.csv'}, row 3"
    joined = concatenate([chosen, two]).select(np.array([True, False, True]))
    assert [joined.place(row) for row in (0, 1)] == [chosen.place(0), f"{tmp_path / 'more' / 'faces.csv'}, row 2"]
    assert joined.save(tmp_path / "new.csv").place(1) == f"{tmp_path / 'new.csv'}, row 2"


def test_joining_sets_of_different_folders(tmp_path: Path) -> None:
    manifests = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").touch()
        manifests.append(read_manifest(write(tmp_path / name, f"path,subject,{name}\na.png,{name},5\n")))
    joined = concatenate(manifests)
    assert [path.resolve() for path in joined.paths] == [tmp_path / "one" / "a.png", tmp_path / "two" / "a.png"]
    assert joined.subjects == ["one", "two"]
    assert len(concatenate([manifests[0], manifests[0]])) == 2


def test_the_fingerprint_notices_changed_tables_and_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"1")
    manifest = read_manifest(write(tmp_path, "path,subject\na.png,1\n"))
    before = manifest.fingerprint()
    assert before == manifest.fingerprint()
    assert before != read_manifest(write(tmp_path, "path,subject\na.png,2\n")).fingerprint()
    (tmp_path / "a.png").write_bytes(b"2")
    assert before != manifest.fingerprint()
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match="picture not found"):
        manifest.fingerprint()
    (tmp_path / "a.png").mkdir()
    with pytest.raises(DataError, match="can't read the picture"):
        manifest.fingerprint()


def test_pictures_that_can_not_be_read_leave_a_mark_in_the_fingerprint_where_that_is_allowed(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(b"1")
    manifest = read_manifest(write(tmp_path, "path,subject\na.png,1\nb.png,2\n"))
    whole = manifest.fingerprint()
    assert manifest.fingerprint(unreadable_ok=True) == whole
    found = {whole}
    for name in "ab":
        (tmp_path / f"{name}.png").unlink()
        found.add(manifest.fingerprint(unreadable_ok=True))
        if name == "a":
            (tmp_path / "a.png").mkdir()
            manifest.fingerprint(unreadable_ok=True)
    assert len(found) == 3
    with pytest.raises(DataError, match=r"picture not found|can't read the picture"):
        manifest.fingerprint()


def test_a_copy_made_later_has_the_same_fingerprint(tmp_path: Path) -> None:
    """A run goes on where its pictures were fetched anew, and two reports can be seen to be of the same data."""
    for folder, time in (("here", 1), ("there", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(b"1")
        os.utime(tmp_path / folder / "a.png", (time, time))
    found = [
        read_manifest(write(tmp_path / each, "path,subject\na.png,1\n")).fingerprint() for each in ("here", "there")
    ]
    assert found[0] == found[1]


def test_the_fingerprint_of_many_pictures_reads_a_few_and_every_size(tmp_path: Path) -> None:
    count = 600
    for row in range(count):
        (tmp_path / f"{row}.png").write_bytes(b"1")
    manifest = read_manifest(write(tmp_path, "path,subject\n" + "".join(f"{row}.png,1\n" for row in range(count))))
    before = manifest.fingerprint()

    def changes(row: int, contents: bytes) -> bool:
        (tmp_path / f"{row}.png").write_bytes(contents)
        changed = manifest.fingerprint() != before
        (tmp_path / f"{row}.png").write_bytes(b"1")
        return changed

    assert changes(0, b"2")
    assert changes(count - 1, b"2")
    assert sum(changes(row, b"2") for row in range(100, 120)) >= 8
    assert all(changes(row, b"22") for row in range(100, 110))


@given(st.lists(st.tuples(st.text("ab ,\"'é", min_size=1), st.floats(-180, 180)), min_size=1, max_size=5))
def test_any_name_and_yaw_survive_the_disk(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    folder = tmp_path_factory.mktemp("any")
    table = pd.DataFrame({"path": "a.png", "subject": [name for name, _ in rows], "yaw": [yaw for _, yaw in rows]})
    manifest = make_manifest(table, folder, "faces")
    for ending in ("csv", "parquet"):
        manifest.save(folder / f"faces.{ending}")
        pd.testing.assert_frame_equal(read_manifest(folder / f"faces.{ending}").table, manifest.table)


def test_tables_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_table(path, pd.DataFrame({"a": [1]}))
    write_table(path, pd.DataFrame({"a": [2]}))
    assert list(read_table(path)["a"]) == ["2"]
    assert [child.name for child in tmp_path.iterdir()] == ["t.csv"]
