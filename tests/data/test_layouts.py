from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pifr.core.errors import ConfigError, DataError
from pifr.data.importers.anything import import_data
from pifr.data.importers.checking import save_failures
from pifr.data.importers.layouts import LAYOUTS, layout_named, recognise
from pifr.data.importers.shards import import_shards
from pifr.data.importers.vggface2 import import_vggface2
from pifr.data.pictures import read_picture, write_picture


def paint(*paths: Path) -> None:
    for path in paths:
        write_picture(path, np.full((8, 8, 3), 120, np.uint8))


def archived(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def png(value: int) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (value, value, value)).save(stream, "png")
    return stream.getvalue()


def shard(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            archived(archive, name, data)


# --- recognition


def lay_out(folder: Path, layout: str) -> Path:
    """The smallest set of each layout."""
    source = folder / layout
    if layout == "records":
        source.mkdir()
        (source / "train.rec").touch()
    elif layout == "shards":
        shard(source / "shard-000000.tar", {"a.png": png(1), "a.cls": b"x"})
    elif layout == "manifest":
        paint(source / "pictures" / "a.png")
        (source / "faces.csv").write_text("path,subject\npictures/a.png,x\n")
    else:
        path = {
            "vggface2": "data/train/n000002/0001_01.png", "ms-celeb-1m": "m.0107_f/1-FaceId-0.png",
            "casia-webface": "0000045/001.png", "folder": "Ada/a.png",
            "multipie": "session01/multiview/001/01/05_1/001_01_01_051_00.png",
        }[layout]  # fmt: skip
        paint(source / path)
    return source


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_recognised(layout: str, tmp_path: Path) -> None:
    assert recognise(lay_out(tmp_path, layout)).name == layout


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "records"])
def test_each_layout_is_read_and_named(layout: str, tmp_path: Path) -> None:
    result = import_data(lay_out(tmp_path, layout))
    assert len(result.manifest) == 1
    assert result.notes[0].startswith(f"layout: {layout} (")
    assert read_picture(result.manifest.paths[0]).shape == (8, 8, 3)


def test_an_unknown_layout_names_all_known_in_one_line(tmp_path: Path) -> None:
    paint(tmp_path / "a" / "b" / "c" / "loose.png", tmp_path / "x.png")
    with pytest.raises(DataError) as caught:
        import_data(tmp_path)
    line = str(caught.value)
    assert "\n" not in line
    assert all(name in line for name in LAYOUTS)
    with pytest.raises(DataError, match="no such folder"):
        import_data(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="unknown layout 'vggface'; did you mean 'vggface2'"):
        layout_named("vggface")


def test_a_layout_can_be_forced(tmp_path: Path) -> None:
    paint(tmp_path / "0000045" / "001.png")
    assert import_data(tmp_path).manifest.table["kind"].tolist() == ["real"]
    assert "kind" not in import_data(tmp_path, layout="folder").manifest.table
    with pytest.raises(DataError, match="no picture is named like VGGFace2"):
        import_data(tmp_path, layout="vggface2")
    with pytest.raises(DataError, match=r"no record file.*name the \.rec file"):
        import_data(tmp_path, layout="records")


# --- VGGFace2

META = """Class_ID, Name, Sample_Num, Flag, Gender
n000001, "14th_Dalai_Lama", 2, 0, m
n000002, "A, B_Junior", 1, 1, f
n000003, A_Fine_Frenzy, 9, 1, f
"""


@pytest.fixture
def vggface2(tmp_path: Path) -> Path:
    root = tmp_path / "VGGFace2"
    paint(root / "train" / "n000002" / "0001_01.jpg", root / "train" / "n000003" / "0002_01.jpg",
          root / "test" / "n000001" / "0001_01.jpg", root / "test" / "n000001" / "0003_02.jpg")  # fmt: skip
    (root / "meta").mkdir()
    (root / "meta" / "identity_meta.csv").write_text(META)
    (root / "bb_landmark").mkdir()
    points = "NAME_ID," + ",".join(f"P{i}{axis}" for i in range(1, 6) for axis in "XY") + "\n"
    for split, keys in (("train", ("n000002/0001_01", "n000003/0002_01")), ("test", ("n000001/0001_01",))):
        rows = "".join(f'"{key}",1,2,5,2,3,4,2,6,4,6.5\n' for key in keys)
        (root / "bb_landmark" / f"loose_landmark_{split}.csv").write_text(points + rows)
        boxes = "".join(f'"{key}",1,0,5,7\n' for key in keys)
        (root / "bb_landmark" / f"loose_bb_{split}.csv").write_text("NAME_ID,X,Y,W,H\n" + boxes)
    return root


def test_vggface2_with_its_tables(vggface2: Path) -> None:
    result = import_data(vggface2)
    table = result.manifest.table
    assert table["path"].tolist() == [
        "test/n000001/0001_01.jpg", "test/n000001/0003_02.jpg", "train/n000002/0001_01.jpg", "train/n000003/0002_01.jpg"
    ]  # fmt: skip
    assert table["split"].tolist() == ["test", "test", "train", "train"]
    assert table["name"].tolist() == ["14th_Dalai_Lama", "14th_Dalai_Lama", "A, B_Junior", "A_Fine_Frenzy"]
    assert table["gender"].tolist() == ["m", "m", "f", "f"]
    assert table.loc[2, ["left_eye_x", "left_eye_y", "right_mouth_x", "right_mouth_y"]].tolist() == [1, 2, 4, 6.5]
    assert table.loc[2, ["box_x", "box_y", "box_width", "box_height"]].tolist() == [1, 0, 5, 7]
    assert np.isnan(table["left_eye_x"][1])
    assert result.notes[1:] == [
        "warning: 1 people have fewer pictures than identity_meta.csv says, n000003 first",
        "warning: 1 of 4 pictures have no landmarks in the tables",
        "warning: 1 of 4 pictures have no boxes in the tables",
    ]


def test_one_part_of_vggface2_finds_the_tables_beside_it(vggface2: Path) -> None:
    table = import_vggface2(vggface2 / "train").manifest.table
    assert table["split"].tolist() == ["train", "train"]
    assert table["name"].tolist() == ["A, B_Junior", "A_Fine_Frenzy"]
    assert table["left_eye_x"].notna().all()


def test_the_meta_table_says_the_split_where_no_folder_does(vggface2: Path, tmp_path: Path) -> None:
    paint(tmp_path / "all" / "n000001" / "0001_01.png", tmp_path / "all" / "n000002" / "0001_01.png")
    (tmp_path / "all" / "identity_meta.csv").write_text(META)
    (vggface2 / "bb_landmark" / "loose_landmark_train.csv").rename(tmp_path / "all" / "loose_landmark_train.csv")
    table = import_vggface2(tmp_path / "all").manifest.table
    assert table["split"].tolist() == ["test", "train"]
    assert (
        table["left_eye_x"].isna().all()
    )  # cut anew by somebody, since it is no .jpg: the points are not of this picture


def test_damaged_tables_of_vggface2_are_named_by_line(vggface2: Path) -> None:
    (vggface2 / "meta" / "identity_meta.csv").write_text(META + "n000004, nobody\n")
    with pytest.raises(DataError, match=r"identity_meta.csv, line 5: not a line of identity_meta.csv"):
        import_data(vggface2)
    (vggface2 / "meta" / "identity_meta.csv").unlink()
    (vggface2 / "bb_landmark" / "loose_bb_test.csv").write_text('NAME_ID,X,Y\n"n000001/0001_01",1,2\n')
    with pytest.raises(DataError, match=r"loose_bb_test.csv: damaged table of boxes"):
        import_data(vggface2)


# --- MS-Celeb-1M and CASIA-WebFace


def test_ms_celeb_takes_english_names(tmp_path: Path) -> None:
    paint(tmp_path / "m.0107_f" / "1.png", tmp_path / "m.01d_" / "2.png", tmp_path / "stray" / "3.png")
    (tmp_path / "Top1M_MidList.Name.tsv").write_text('m.0107_f\t"Jon"@is\nm.0107_f\t"John "J" Doe"@en\n')
    result = import_data(tmp_path)
    assert result.manifest.table["subject"].tolist() == ["m.0107_f", "m.01d_"]
    assert result.manifest.table["name"].tolist() == ['John "J" Doe', ""]
    assert any(
        "1 pictures in folders not named like MS-Celeb-1M were left out, 'stray' first" in n for n in result.notes
    )


def test_casia_keeps_leading_zeros(tmp_path: Path) -> None:
    paint(tmp_path / "0000045" / "001.png", tmp_path / "0000099" / "001.png")
    assert import_data(tmp_path).manifest.subjects == ["0000045", "0000099"]


# --- shards


def test_shards_keep_what_the_json_says(tmp_path: Path) -> None:
    facts = {"subject": "Ada", "yaw": 30.0, "kind": "generated", "path": "old.png", "code": [1, 2]}
    shard(tmp_path / "shard-000000.tar", {"k/000.png": png(10), "k/000.json": json.dumps(facts).encode()})
    shard(tmp_path / "shard-000001.tar", {"./001.cls": b"5\n", "./001.png": png(20), "readme.txt": b"hello"})
    result = import_data(tmp_path)
    table = result.manifest.table
    assert table["subject"].tolist() == ["Ada", "5"]
    assert table["path"].str.partition("@")[0].tolist() == ["shard-000000.tar/k/000.png", "shard-000001.tar/001.png"]
    assert table["yaw"][0] == 30
    assert table["kind"].tolist() == ["generated", ""]
    assert "code" not in table
    assert [read_picture(path)[0, 0, 0] for path in result.manifest.paths] == [10, 20]
    assert "1 archived files that are neither picture, .json nor .cls were left out" in result.notes
    assert import_shards(tmp_path / "shard-000001.tar").manifest.subjects == ["5"]
    unpacked = import_data(tmp_path, unpack_to=tmp_path / "out").manifest
    assert unpacked.table["path"].tolist() == ["Ada/shard-000000_k_000.png", "5/shard-000001_001.png"]
    assert unpacked.paths[0].read_bytes() == png(10)


def test_bad_samples_are_listed_by_shard_and_name(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    shard(path, {
        "good.png": png(1), "good.cls": b"x", "nobody.png": png(2), "odd.png": png(3), "odd.json": b"{",
        "empty.png": b"", "empty.cls": b"x", "two.png": png(4), "two.jpg": png(4), "two.cls": b"x",
        "last.cls": b"x", "last.png": png(5) + b"\0" * 600,
    })  # fmt: skip
    with pytest.raises(DataError, match=r"a\.tar, .*--on-error skip"):
        import_data(tmp_path)
    with tarfile.open(path) as archive:
        end = archive.getmember("last.png").offset_data + 100
    path.write_bytes(path.read_bytes()[:end])
    result = import_data(tmp_path, on_error="skip")
    assert [(failure.record, failure.what.partition(":")[0]) for failure in result.failures] == [
        ("nobody.png", "no person"), ("odd.png", "damaged odd.json"), ("empty.png", "the picture's file is empty"),
        ("two.png", "two pictures under one key"), ("", "the shard is cut off in last.png"),
    ]  # fmt: skip
    assert len(result.manifest) == 1
    (tmp_path / "b.tar").write_bytes(b"no archive")
    result = import_data(tmp_path, on_error="skip")
    assert result.failures[-1].what.startswith("the shard can't be read on")


def test_shards_without_people_are_refused(tmp_path: Path) -> None:
    shard(tmp_path / "a.tar", {"a.png": png(1)})
    with pytest.raises(DataError, match=r"no picture with a person in the shards.*a\.png: no person"):
        import_data(tmp_path, on_error="skip")


# --- what is left out


def test_people_of_a_test_manifest_are_dropped_and_counted(vggface2: Path, tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("path,subject\na.jpg,14TH DALAI-LAMA\nb.jpg,nobody\n")
    (tmp_path / "other.csv").write_text("path,subject,name\na.jpg,0007,Á_fine_Frenzy\n")
    result = import_data(vggface2, drop_people_of=[tmp_path / "test.csv", tmp_path / "other.csv"])
    assert result.manifest.subjects == ["n000002"]
    assert any(note.startswith("2 people with 3 pictures are also in ") and "(n000001, n000003)" in note
               for note in result.notes)  # fmt: skip
    (tmp_path / "strangers.csv").write_text("path,subject\na.jpg,n00000\n")
    result = import_data(vggface2, drop_people_of=[tmp_path / "strangers.csv"])
    assert len(result.manifest) == 4
    assert any(note.startswith("nobody of") for note in result.notes)


def test_agreement_by_number_alone_is_said(tmp_path: Path) -> None:
    paint(tmp_path / "set" / "0000045" / "001.png", tmp_path / "set" / "0000046" / "001.png")
    (tmp_path / "test.csv").write_text("path,subject\na.jpg,0000045\nb.jpg,46\n")
    result = import_data(tmp_path / "set", drop_people_of=[tmp_path / "test.csv"])
    assert result.manifest.subjects == ["0000046"]
    assert any("1 of them agree by a number alone" in note for note in result.notes)
    (tmp_path / "test.csv").write_text("path,subject\na.jpg,0000045\nb.jpg,0000046\n")
    with pytest.raises(DataError, match="all people are also in the test manifest, found 2 people"):
        import_data(tmp_path / "set", drop_people_of=[tmp_path / "test.csv"])


def test_bad_files_stop_or_are_listed(tmp_path: Path) -> None:
    paint(tmp_path / "Ada" / "a.png", tmp_path / "Bob" / "b.png")
    (tmp_path / "Bob" / "empty.png").touch()
    (tmp_path / "Bob" / "text.png").write_text("no picture")
    with pytest.raises(DataError, match=r"empty.png: can't decode.*--on-error skip"):
        import_data(tmp_path)
    result = import_data(tmp_path, on_error="skip")
    assert [Path(failure.file).name for failure in result.failures] == ["empty.png", "text.png"]
    assert result.manifest.table["path"].tolist() == ["Ada/a.png", "Bob/b.png"]
    quick = import_data(tmp_path, on_error="skip", check="quick")
    assert [(Path(f.file).name, f.what) for f in quick.failures] == [("empty.png", "the file is empty")]
    (tmp_path / "Ada" / "a.png").write_text("")
    (tmp_path / "Bob" / "b.png").unlink()
    with pytest.raises(DataError, match="no picture can be used, this one first"):
        import_data(tmp_path, on_error="skip")


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_names_that_are_not_utf_8_are_listed_with_what_to_do(tmp_path: Path) -> None:
    paint(tmp_path / "in" / "ann" / "a.png")
    for name in (b"caf\xe9.png", b"caf\xe9.txt"):
        with open(os.path.join(os.fsencode(tmp_path / "in" / "ann"), name), "wb") as stream:
            stream.write((tmp_path / "in" / "ann" / "a.png").read_bytes())
    with pytest.raises(DataError, match=r"caf\\udce9.png: its name is not UTF-8 \(rename it\); .*--on-error") as told:
        import_data(tmp_path / "in")
    assert str(told.value).encode().count(b"\n") == 0
    result = import_data(tmp_path / "in", on_error="skip")
    assert result.manifest.save(tmp_path / "out.csv").table["path"].tolist() == ["in/ann/a.png"]
    save_failures(tmp_path / "failures.csv", result.failures)
    assert (tmp_path / "failures.csv").read_text().count("its name is not UTF-8") == 1


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_a_folder_whose_name_is_not_utf_8_is_one_line(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9")))
    paint(odd / "ann" / "a.png")
    manifest = import_data(odd).manifest
    with pytest.raises(DataError, match=r"the name of a folder is not UTF-8, found 'caf.*'; rename the folder"):
        manifest.save(tmp_path / "out.csv")
    manifest.save(odd / "out.csv")


def test_a_template_can_be_given(tmp_path: Path) -> None:
    paint(tmp_path / "Ada" / "a.png")
    assert import_data(tmp_path, template="arcface-112").manifest.template == "arcface-112"


def test_a_recogniser_can_read_shards_as_training_data(tmp_path: Path) -> None:
    from pifr.data.pixels import open_pixels

    shard(
        tmp_path / "a.tar",
        {f"{i}.{e}": d for i in range(4) for e, d in (("png", png(i * 40)), ("cls", b"%d" % (i % 2)))},
    )
    import_data(tmp_path).manifest.save(tmp_path / "train.parquet")
    frame = pd.read_parquet(tmp_path / "train.parquet")
    assert frame["subject"].tolist() == ["0", "1", "0", "1"]
    from pifr.data.manifest import read_manifest

    store = open_pixels(read_manifest(tmp_path / "train.parquet"), 8, tmp_path / "cache")
    assert store[[3, 1]][:, 0, 0, 0].tolist() == [120, 40]
