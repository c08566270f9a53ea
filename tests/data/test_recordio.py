from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pifr.core.errors import DataError
from pifr.data.recordio import opened, read_heads, read_index, read_picture_bytes, read_record, scan, unpack

MAGIC = struct.pack("<I", 0xCED7230A)


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, count: data[offset : offset + count]


def test_a_record_written_by_hand_comes_back() -> None:
    # magic, flag 0 and length 5, five bytes, three of padding: dmlc-core's recordio.h
    written = MAGIC + struct.pack("<I", 5) + b"faces" + b"\0\0\0"
    assert read_record(reader(b"\0" * 4 + written), 4) == b"faces"


def test_the_parts_of_a_record_are_joined_by_the_magic_number() -> None:
    written = (
        MAGIC + struct.pack("<I", 1 << 29 | 4) + b"abcd"
        + MAGIC + struct.pack("<I", 2 << 29 | 0)
        + MAGIC + struct.pack("<I", 3 << 29 | 2) + b"ef\0\0"
    )  # fmt: skip
    assert read_record(reader(written), 0) == b"abcd" + MAGIC + MAGIC + b"ef"


chunks = st.lists(st.one_of(st.just(MAGIC), st.binary(max_size=9)), max_size=12).map(b"".join)


@given(st.lists(chunks, min_size=1, max_size=4))
def test_whatever_is_written_is_read_and_found_byte_for_byte(
    record_files: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory, records: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("rec") / "a.rec"
    offsets = record_files.write_records(path, records)
    with opened(path) as read:
        assert [read_record(read, offset) for offset in offsets] == records
    found, damage = scan(path)
    assert found.tolist() == offsets
    assert damage == []
    assert read_index(path.with_suffix(".idx"))[1].tolist() == offsets


def test_labels_before_the_picture() -> None:
    one = struct.pack("<IfQQ", 0, 7.0, 3, 0) + b"jpeg"
    assert unpack(one) == ([7.0], b"jpeg")
    several = struct.pack("<IfQQ", 2, 0.0, 3, 0) + struct.pack("<2f", 7, 1) + b"jpeg"
    assert unpack(several) == ([7.0, 1.0], b"jpeg")
    with pytest.raises(DataError, match="too short for its labels"):
        unpack(several[:28])
    with pytest.raises(DataError, match="too short for a header"):
        unpack(b"abc")


def test_heads_of_many_records_agree_with_reading_each(record_files: SimpleNamespace, tmp_path: Path) -> None:
    tricky = b"ab" * 2 + MAGIC + b"x" * 30  # in three parts once packed behind 24 bytes
    records = [
        record_files.pack([3, 5], b""), record_files.pack([0], b"picture"), record_files.pack([1], tricky),
        record_files.pack([2, 0, 4], b"p" * 9), record_files.pack([1, 2], b""),
    ]  # fmt: skip
    path = tmp_path / "a.rec"
    offsets = np.array(record_files.write_records(path, records))
    heads = read_heads(path, np.arange(5), offsets)
    assert heads.failures == {}
    for row, record in enumerate(records):
        labels, picture = unpack(record)
        assert heads.picture_bytes[row] == len(picture)
        assert heads.labels[row, 0] == labels[0]
        assert read_picture_bytes(path, int(offsets[row])) == picture
    assert heads.labels[0].tolist() == [3, 5]
    assert heads.labels[3].tolist() == [2, 0]
    assert np.isnan(heads.labels[1, 1])


def test_every_way_a_record_can_be_damaged_is_told(record_files: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    records = [record_files.pack([0], b"first picture"), b"tiny", record_files.pack([9] * 3, b"")[:30]]
    records.append(record_files.pack([1], b"last picture"))
    offsets = record_files.write_records(path, records)
    data = path.read_bytes()[:-8]
    path.write_bytes(data)
    asked = np.array([*offsets, offsets[0] + 4, len(data) + 4, -4, 2])
    heads = read_heads(path, np.arange(len(asked)), asked)
    assert heads.failures == {
        1: "the record is too short for a header", 2: "the record is too short for its labels",
        3: "the record is cut off", 4: "no record begins here", 5: "the index points outside the record file",
        6: "the index points outside the record file", 7: "the index points outside the record file",
    }  # fmt: skip
    with pytest.raises(DataError, match=rf"a.rec, byte {offsets[3]}: the record is cut off, found 28 of 36 bytes"):
        read_picture_bytes(path, offsets[3])
    with pytest.raises(DataError, match="no record begins here"):
        read_picture_bytes(path, offsets[0] + 4)


def test_a_scan_goes_on_behind_damage(record_files: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    long = b"abcd" + MAGIC + b"efgh"
    offsets = record_files.write_records(path, [b"one1", long, b"two2", long, b"three"])
    data = bytearray(path.read_bytes())
    data[offsets[2]] ^= 1  # the magic number of "two2"
    lost = offsets[1] + 12  # the second part of the first long one
    data[lost : lost + 4] = b"\0\0\0\0"
    path.write_bytes(bytes(data))
    found, damage = scan(path)
    assert found.tolist() == [offsets[0], offsets[3], offsets[4]]
    assert damage == [(offsets[1], "the record's next part is missing")]  # and what lies up to the next whole record
    path.write_bytes(bytes(data)[:-4])
    found, damage = scan(path)
    assert found.tolist() == [offsets[0], offsets[3]]
    assert damage[-1] == (offsets[4], "the record is cut off")


def test_an_empty_record_file_has_no_records(tmp_path: Path) -> None:
    (tmp_path / "a.rec").touch()
    assert scan(tmp_path / "a.rec")[0].tolist() == []
    assert read_heads(tmp_path / "a.rec", np.array([0]), np.array([0])).failures[0].startswith("the index points")


@pytest.mark.parametrize(("text", "what"), [
    ("0\t0\n1\tx\n", "damaged index"), ("0\t0\n0\t8\n", "a key comes twice"), ("0\t0\n1\n", "damaged index"),
    ("0\t0\n1\t99999999999999999999999\n", "damaged index"),
])  # fmt: skip
def test_a_damaged_index_is_refused_and_the_cure_named(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "a.idx").write_text(text)
    with pytest.raises(DataError, match=f"a.idx: {what}.*the record file is then scanned"):
        read_index(tmp_path / "a.idx")
