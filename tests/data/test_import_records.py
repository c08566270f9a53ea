from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from pifr.core.errors import DataError
from pifr.data.containers import member_of, read_member
from pifr.data.importers.anything import import_data
from pifr.data.importers.records import import_records
from pifr.data.importers.unpacking import unpack
from pifr.data.manifest import Manifest, concatenate, make_manifest

MAGIC = struct.pack("<I", 0xCED7230A)


@pytest.fixture
def people(record_files: SimpleNamespace) -> dict[int, list[bytes]]:
    """Three people; one picture carries the magic number in a comment, so that its record has two parts."""
    tricky = record_files.jpeg(40)
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 2 + 4) + b"ab" + MAGIC  # bytes 2 to 11: the magic number at 8
    tricky = tricky[:2] + comment + tricky[2:]
    return {
        0: [record_files.jpeg(30), tricky],
        1: [record_files.jpeg(90)],
        2: [record_files.jpeg(140 + i) for i in range(3)],
    }


def files_of(manifest: Manifest) -> list[bytes]:
    return [read_member(member) for path in manifest.paths if (member := member_of(path))]


def test_a_pack_becomes_a_manifest_byte_for_byte(
    record_files: SimpleNamespace, people: dict[int, list[bytes]], tmp_path: Path
) -> None:
    offsets = record_files.write_pack(tmp_path, people)
    (tmp_path / "lfw.bin").touch()
    result = import_data(tmp_path)
    table = result.manifest.table
    assert table["subject"].tolist() == ["0", "0", "1", "2", "2", "2"]
    assert table["path"].tolist() == [f"train.rec/{key}@{offsets[key]}" for key in range(1, 7)]
    assert result.manifest.template == "arcface-112"
    assert files_of(result.manifest) == [data for files in people.values() for data in files]
    assert b"".join(people[0][1].split(MAGIC)) in (tmp_path / "train.rec").read_bytes().replace(
        MAGIC + struct.pack("<I", 3 << 29 | len(people[0][1]) - 12), b""
    )  # the record does lie in two parts
    assert result.notes[0].startswith("layout: records")
    assert not [note for note in result.notes if note.startswith("warning")]
    assert any("lfw.bin" in note for note in result.notes)
    assert result.failures == []


def test_without_an_index_the_file_is_scanned(
    record_files: SimpleNamespace, people: dict[int, list[bytes]], tmp_path: Path
) -> None:
    record_files.write_pack(tmp_path / "a", people)
    record_files.write_pack(tmp_path / "b", people, index=False)
    result = import_records(tmp_path / "b")
    assert result.manifest.table.equals(import_records(tmp_path / "a").manifest.table)
    assert result.notes[0].startswith("no train.idx: the records were found by reading train.rec")


def test_an_index_in_any_order_with_keys_of_its_own(record_files: SimpleNamespace, tmp_path: Path) -> None:
    files = [record_files.jpeg(value) for value in (50, 100, 150)]
    labels = ([4.0], [5.0, 1.0], [4.0])  # the second has two labels, of which the first is the person
    records = [record_files.pack(label, data) for label, data in zip(labels, files, strict=True)]
    offsets = record_files.write_records(tmp_path / "faces.rec", records)
    lines = [f"{key}\t{offset}\n" for key, offset in zip((30, 10, 20), offsets, strict=True)]
    (tmp_path / "faces.idx").write_text("".join(lines))
    manifest = import_data(tmp_path / "faces.rec").manifest
    assert manifest.table["path"].tolist() == [
        f"faces.rec/10@{offsets[1]}", f"faces.rec/20@{offsets[2]}", f"faces.rec/30@{offsets[0]}"
    ]  # fmt: skip
    assert manifest.table["subject"].tolist() == ["5", "4", "4"]
    assert files_of(manifest) == [files[1], files[2], files[0]]
    assert "template" not in manifest.table  # no property, so nothing is known of the alignment


def test_bad_records_are_listed_by_key_or_stop_the_import(
    record_files: SimpleNamespace, people: dict[int, list[bytes]], tmp_path: Path
) -> None:
    people[1] = [b"no picture at all"]
    offsets = record_files.write_pack(tmp_path, people)
    data = bytearray((tmp_path / "train.rec").read_bytes())
    data[offsets[1] : offsets[1] + 4] = b"\0\0\0\0"
    data[offsets[4] + 12 : offsets[4] + 16] = struct.pack("<f", 2.5)  # a label that is no number of a person
    data[offsets[5] + 4 : offsets[5] + 8] = struct.pack("<I", 24)  # a record without a picture
    (tmp_path / "train.rec").write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"train.rec, record 1: no record begins here; .*--on-error skip"):
        import_data(tmp_path)
    result = import_data(tmp_path, on_error="skip")
    assert {failure.record: failure.what.split(" (")[0] for failure in result.failures} == {
        "record 1": "no record begins here", "record 3": "can't decode the picture",
        "record 4": "its label is no person's number: 2.5", "record 5": "it holds no picture",
    }  # fmt: skip
    assert {failure.file for failure in result.failures} == {str(tmp_path / "train.rec")}
    assert [path.name.partition("@")[0] for path in result.manifest.paths] == ["2", "6"]
    quick = import_data(tmp_path, on_error="skip", check="quick")
    assert len(quick.manifest) == 3  # what is no picture is found by decoding only
    people[1] = [b"still none"]
    record_files.write_pack(tmp_path, people)
    with pytest.raises(DataError, match=r"train.rec, record 3: can't decode the picture"):
        import_data(tmp_path)


def test_broken_promises_are_said(
    record_files: SimpleNamespace, people: dict[int, list[bytes]], tmp_path: Path
) -> None:
    record_files.write_pack(tmp_path, people)
    (tmp_path / "property").write_text("4,64,64\n")
    lines = (tmp_path / "train.idx").read_text().splitlines(keepends=True)
    (tmp_path / "train.idx").write_text("".join(lines[:3] + lines[4:]))
    result = import_records(tmp_path)
    assert result.notes == [
        "warning: record 0 promises 6 pictures, 5 records are there",
        "warning: record 0 promises 3 people, the labels name 2",
        "warning: property promises 4 people, the labels name 2",
    ]
    assert "template" not in result.manifest.table


def test_a_record_file_without_pictures_is_refused(record_files: SimpleNamespace, tmp_path: Path) -> None:
    record_files.write_records(tmp_path / "train.rec", [record_files.pack([1, 1], b"")])
    with pytest.raises(DataError, match=r"train.rec: no record holds a picture, found 1 records"):
        import_data(tmp_path)
    (tmp_path / "train.rec").write_bytes(b"")
    (tmp_path / "train.idx").unlink()
    with pytest.raises(DataError, match="no record holds a picture"):
        import_data(tmp_path)


def test_pictures_are_unpacked_byte_for_byte_and_once(
    record_files: SimpleNamespace, people: dict[int, list[bytes]], tmp_path: Path
) -> None:
    record_files.write_pack(tmp_path / "pack", people)
    manifest = import_data(tmp_path / "pack", unpack_to=tmp_path / "out").manifest
    assert manifest.table["path"].tolist() == ["0/1.jpg", "0/2.jpg", "1/3.jpg", "2/4.jpg", "2/5.jpg", "2/6.jpg"]
    assert [path.read_bytes() for path in manifest.paths] == [data for files in people.values() for data in files]
    manifest.paths[0].write_bytes(b"cut")
    kept = manifest.paths[1].stat().st_mtime_ns
    import_data(tmp_path / "pack", unpack_to=tmp_path / "out")
    assert manifest.paths[0].read_bytes() == people[0][0]
    assert manifest.paths[1].stat().st_mtime_ns == kept
    assert len(list((tmp_path / "out").rglob("*.*"))) == 6


def test_pictures_of_two_files_that_use_one_key_are_unpacked_side_by_side(
    record_files: SimpleNamespace, people: dict[int, list[bytes]], tmp_path: Path
) -> None:
    for name, files in (("a", {0: people[0]}), ("b", {0: people[2][: len(people[0])]})):
        record_files.write_pack(tmp_path / name, files)
    packs = [import_data(tmp_path / name).manifest for name in ("a", "b")]
    both = concatenate(packs)
    assert both.table["path"].is_unique
    unpacked = unpack(both, tmp_path / "out")
    assert unpacked.table["path"].is_unique
    assert [path.read_bytes() for path in unpacked.paths] == [*people[0], *people[2][: len(people[0])]]
    twice = make_manifest(both.table.assign(subject=["x", "x", "X", "X"]), both.folder, "faces.csv")
    assert unpack(twice, tmp_path / "other").table["path"].is_unique


def test_two_pictures_that_would_get_one_name_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    table = pd.DataFrame({"path": ["s.tar/a/b.jpg@0", "s.tar/A_b.jpg@512"], "subject": "x"})
    with pytest.raises(DataError, match=r"one name when unpacked.*a/b.jpg@0 and s.tar/A_b.jpg@512"):
        unpack(make_manifest(table, tmp_path, "faces.csv"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
