"""A writer of RecordIO packs for the tests, after dmlc-core's ``RecordIOWriter`` and insightface's ``face2rec2.py``."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

MAGIC = struct.pack("<I", 0xCED7230A)


def encode_record(data: bytes) -> bytes:
    """One record as dmlc-core writes it: cut at each aligned magic number, which is left out."""
    out, begin = b"", 0
    for place in range(0, len(data) // 4 * 4, 4):
        if data[place : place + 4] == MAGIC:
            flag = 1 if begin == 0 else 2
            out += MAGIC + struct.pack("<I", flag << 29 | place - begin) + data[begin:place]
            begin = place + 4
    flag = 3 if begin else 0
    rest = data[begin:]
    return out + MAGIC + struct.pack("<I", flag << 29 | len(rest)) + rest + b"\0" * (-len(rest) % 4)


def pack(labels: Sequence[float], data: bytes, key: int = 0) -> bytes:
    """MXNet's ``recordio.pack``: one label goes into the header, several follow it."""
    if len(labels) == 1:
        return struct.pack("<IfQQ", 0, labels[0], key, 0) + data
    return struct.pack("<IfQQ", len(labels), 0.0, key, 0) + struct.pack(f"<{len(labels)}f", *labels) + data


def write_records(path: Path, records: Sequence[bytes], index: bool = True) -> list[int]:
    """Write records and their index; return the offsets."""
    offsets, out = [], b""
    for record in records:
        offsets.append(len(out))
        out += encode_record(record)
    path.write_bytes(out)
    if index:
        lines = "".join(f"{key}\t{offset}\n" for key, offset in enumerate(offsets))
        path.with_suffix(".idx").write_text(lines)
    return offsets


def jpeg(value: int, size_px: int = 16) -> bytes:
    """A JPEG file of noise around a grey."""
    noise = np.random.default_rng(value).integers(-9, 9, (size_px, size_px, 3))
    stream = io.BytesIO()
    Image.fromarray((noise + value).clip(0, 255).astype(np.uint8)).save(stream, "jpeg", quality=90)
    return stream.getvalue()


def write_pack(folder: Path, people: dict[int, list[bytes]], size_px: int = 112, index: bool = True) -> list[int]:
    """Write ``train.rec``, ``train.idx`` and ``property`` as insightface does; return the offsets by key."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures, ranges = [], []
    for person, files in people.items():
        begin = len(pictures) + 1
        pictures += [pack([float(person)], data, begin + place) for place, data in enumerate(files)]
        ranges.append((begin, len(pictures) + 1))
    first = len(pictures) + 1
    head = pack([first, first + len(ranges)], b"")
    tail = [pack([begin, end], b"", first + place) for place, (begin, end) in enumerate(ranges)]
    (folder / "property").write_text(f"{len(people)},{size_px},{size_px}")
    return write_records(folder / "train.rec", [head, *pictures, *tail], index)


@pytest.fixture(scope="session")
def record_files() -> SimpleNamespace:
    """The writer's functions."""
    return SimpleNamespace(
        encode_record=encode_record,
        pack=pack,
        write_records=write_records,
        write_pack=write_pack,
        jpeg=jpeg,
    )
