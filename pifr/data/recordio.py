"""MXNet's RecordIO, as the MS1MV2, CASIA-WebFace and Glint360K packs of insightface use it, in plain Python and numpy.

A ``.rec`` file is a row of parts (dmlc-core, ``recordio.h``), little-endian and padded with zeros to 4 bytes::

    uint32 magic 0xced7230a | uint32 flag << 29 | length | length bytes | padding

Flag 0 is a whole record. Where the magic number itself occurs in the data, at a multiple of 4, the record is cut
there: flag 1 begins it, 2 continues, 3 ends it, and the reader puts the magic number back between two parts. A
picture's record starts with MXNet's ``IRHeader`` (``recordio.py``): uint32 flag, float32 label, uint64 id, uint64 id2;
a flag above 0 says that so many float32 labels follow and replace the one in the header. Then comes the picture's
file, byte for byte. The ``.idx`` file beside it is text, ``key <tab> offset`` a record.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pifr.core.errors import DataError

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
HEADER_BYTES = 24
_HEADER = struct.Struct("<IfQQ")
_PART = struct.Struct("<II")
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_LENGTH_MASK = (1 << 29) - 1
_READ_AT_ONCE = 16 * 1024
"""An aligned face of 112 px has some 3 to 8 kB: one read call fetches the record's length and the picture."""


@dataclass(frozen=True)
class RecordHeads:
    """What the first bytes of many records say, one row a record.

    Attributes:
        keys: ``(N,)`` int64, the numbers in the ``.idx`` file.
        offsets: ``(N,)`` int64, where the records begin.
        labels: ``(N, 2)`` float64: the label, and the second one where there are several, else NaN.
        picture_bytes: ``(N,)`` int64, bytes after the labels; 0 for records that describe other records.
        failures: Row -> why this record can't be read.
    """

    keys: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    picture_bytes: np.ndarray
    failures: dict[int, str]


Read = Callable[[int, int], bytes]
"""From an offset and a number of bytes to so many bytes, fewer at the end of the file."""


def read_record(read: Read, offset: int) -> bytes:
    """Read the record that begins at ``offset``, parts joined.

    Raises:
        DataError: If no record begins there, or it is cut off; ``where`` is left to the caller.
    """
    parts: list[bytes] = []
    while True:
        block = read(offset, _READ_AT_ONCE)
        flag, length = _part_head(block, offset, bool(parts))
        data = block[8 : 8 + length]
        if len(data) < length:
            data += read(offset + 8 + len(data), length - len(data))
        if len(data) < length:
            raise DataError("the record is cut off", found=f"{len(data)} of {length} bytes at byte {offset}")
        parts.append(data)
        if flag in (_WHOLE, _LAST):
            return parts[0] if len(parts) == 1 else MAGIC_BYTES.join(parts)
        offset += 8 + length  # inner parts end at a multiple of 4 by construction


def unpack(record: bytes) -> tuple[list[float], bytes]:
    """Split a record into its labels and the picture's file.

    Raises:
        DataError: If it is shorter than its header says.
    """
    if len(record) < HEADER_BYTES:
        raise DataError("the record is too short for a header", found=f"{len(record)} bytes")
    count, label, _, _ = _HEADER.unpack_from(record)
    if not count:
        return [label], record[HEADER_BYTES:]
    end = HEADER_BYTES + 4 * count
    if len(record) < end:
        raise DataError("the record is too short for its labels", found=f"{len(record)} bytes, {count} labels")
    return list(struct.unpack_from(f"<{count}f", record, HEADER_BYTES)), record[end:]


def read_picture_bytes(path: Path | str, offset: int) -> bytes:
    """Return the picture's file held by the record at ``offset`` of a ``.rec`` file, byte for byte.

    Raises:
        DataError: If no readable record begins there.
        OSError: If the file can't be read.
    """
    try:
        with opened(path) as read:
            return unpack(read_record(read, offset))[1]
    except DataError as error:
        raise DataError(error.what, where=f"{path}, byte {offset}", found=error.found,
                        cure="import the records again, or drop this row") from error  # fmt: skip


class opened:  # noqa: N801 - used like open
    """Open a file for reads at given offsets; several times faster than Python's streams for one short read."""

    def __init__(self, path: Path | str) -> None:
        self._path = path

    def __enter__(self) -> Read:
        self._descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        return self._read

    def __exit__(self, *exception: object) -> None:
        os.close(self._descriptor)

    def _read(self, offset: int, count: int) -> bytes:
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        return os.read(self._descriptor, count)


def read_index(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a ``.idx`` file: keys ``(N,)`` and byte offsets ``(N,)``, both int64, in the order of the file.

    Raises:
        DataError: If a line is no pair of whole numbers, or a key comes twice.
    """
    try:
        table = pd.read_csv(path, sep=r"\s+", header=None, names=["key", "offset"], dtype=np.int64, index_col=False)
    except (ValueError, OverflowError, pd.errors.ParserError) as error:
        raise DataError("damaged index", where=path, found=error, cure=_RESCAN) from error
    twice = table["key"][table["key"].duplicated()]
    if len(twice):
        raise DataError("a key comes twice in the index", where=path, found=twice.iloc[0], cure=_RESCAN)
    return table["key"].to_numpy(), table["offset"].to_numpy()


def scan(path: Path) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """Find all records of a ``.rec`` file without its index.

    Records are numbered as they lie in the file, which is how insightface's tools number them. Damaged stretches
    are skipped to the next magic number at a multiple of 4.

    Returns:
        Byte offsets ``(N,)`` int64; the damaged stretches as (byte offset, what is wrong).
    """
    if not os.path.getsize(path):
        return np.empty(0, np.int64), []
    offsets, damage = [], []
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for offset, flaw in _walk(data):
            if flaw:
                damage.append((offset, flaw))
            else:
                offsets.append(offset)
    return np.array(offsets, dtype=np.int64), damage


def read_heads(path: Path, keys: np.ndarray, offsets: np.ndarray) -> RecordHeads:
    """Read labels and sizes of many records at once; a few gathers for all, nothing of the pictures is touched.

    Args:
        path: The ``.rec`` file.
        keys: ``(N,)`` numbers of the records.
        offsets: ``(N,)`` bytes at which they begin.
    """
    size = os.path.getsize(path)
    words = np.memmap(path, "<u4", "r", shape=(size // 4,)) if size >= 4 else np.empty(0, "<u4")
    failures: dict[int, str] = {}
    count = len(offsets)
    labels, picture_bytes = np.full((count, 2), np.nan), np.zeros(count, np.int64)
    good = (offsets >= 0) & (offsets % 4 == 0) & (offsets + 8 <= size)
    _note(failures, ~good, "the index points outside the record file")
    first = np.where(good, offsets, 0) // 4
    good &= _gather(words, first) == MAGIC
    part = _gather(words, first + 1)
    flags, lengths = part >> 29, (part & _LENGTH_MASK).astype(np.int64)
    good &= flags <= _FIRST
    _note(failures, ~good, "no record begins here")
    cut = good & (offsets + 8 + lengths > size)
    _note(failures, cut, "the record is cut off")
    short = good & ~cut & (flags == _WHOLE) & (lengths < HEADER_BYTES)
    _note(failures, short, "the record is too short for a header")
    whole = good & ~cut & ~short & (flags == _WHOLE)
    _fill_heads(words, first, lengths, whole, labels, picture_bytes, failures)
    with opened(path) as read:
        for row in np.flatnonzero(good & ~cut & (flags == _FIRST)):
            try:
                found, picture = unpack(read_record(read, int(offsets[row])))
            except DataError as error:
                failures[int(row)] = error.what
                continue
            labels[row, : min(len(found), 2)] = found[:2]
            picture_bytes[row] = len(picture)
    return RecordHeads(keys, offsets, labels, picture_bytes, failures)


def _fill_heads(
    words: np.ndarray, first: np.ndarray, lengths: np.ndarray, whole: np.ndarray,
    labels: np.ndarray, picture_bytes: np.ndarray, failures: dict[int, str],
) -> None:  # fmt: skip
    """Fill in labels and sizes of the records that lie in one part."""
    counts = np.where(whole, _gather(words, first + 2), 0).astype(np.int64)
    sizes = lengths - HEADER_BYTES - 4 * counts
    _note(failures, whole & (sizes < 0), "the record is too short for its labels")
    fits = whole & (sizes >= 0)
    picture_bytes[fits] = sizes[fits]
    # Word 3 is the header's label; words 8 and 9 are the first two of the labels that follow the header.
    for column, place in ((0, np.where(counts > 0, 8, 3)), (1, np.where(counts > 1, 9, -1))):
        known = fits & (place > 0)
        labels[known, column] = _gather(words, (first + place)[known]).view("<f4")


def _gather(words: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return ``words[places]``, 0 beyond the end."""
    inside = places < len(words)
    found = np.zeros(len(places), "<u4")
    found[inside] = words[places[inside]]
    return found


def _note(failures: dict[int, str], rows: np.ndarray, what: str) -> None:
    for row in np.flatnonzero(rows).tolist():
        failures.setdefault(row, what)


def _part_head(block: bytes, offset: int, inside: bool) -> tuple[int, int]:
    """Return flag and length of the part that ``block`` begins with."""
    if len(block) < 8:
        raise DataError(
            "the record is cut off" if inside else "no record begins here", found=f"the end at byte {offset}"
        )
    magic, word = _PART.unpack_from(block)
    flag, length = word >> 29, word & _LENGTH_MASK
    if magic != MAGIC or flag not in ((_MIDDLE, _LAST) if inside else (_WHOLE, _FIRST)):
        what = "the record's next part is missing" if inside else "no record begins here"
        raise DataError(what, found=f"{magic:#010x}, part {flag} at byte {offset}")
    return flag, length


def _walk(data: mmap.mmap) -> Iterator[tuple[int, str]]:
    """Yield (offset, "") for each record and (offset, what is wrong) for each damaged stretch."""
    offset, size = 0, len(data)
    begun = -1  # where the record began whose parts are being read
    while offset < size:
        magic, word = _PART.unpack_from(data, offset) if offset + 8 <= size else (0, 0)
        flag, length = word >> 29, word & _LENGTH_MASK
        inside = begun >= 0
        if magic == MAGIC and inside and flag in (_WHOLE, _FIRST):
            yield begun, "the record's next part is missing"
            inside, begun = False, -1
        end = offset + 8 + length
        if magic != MAGIC or flag not in ((_MIDDLE, _LAST) if inside else (_WHOLE, _FIRST)) or end > size:
            missing = "the record's next part is missing" if inside else "no record begins here"
            yield (begun if inside else offset), "the record is cut off" if magic == MAGIC else missing
            offset, begun = _next_magic(data, offset + 4), -1
            continue
        if flag == _FIRST:
            begun = offset
        elif flag in (_WHOLE, _LAST):
            yield (begun if flag == _LAST else offset), ""
            begun = -1
        offset = end + -length % 4
    if begun >= 0:
        yield begun, "the record is cut off"


def _next_magic(data: mmap.mmap, offset: int) -> int:
    """Return the next multiple of 4 that holds the magic number; the end of the file where there is none."""
    while (found := data.find(MAGIC_BYTES, offset)) >= 0:
        if found % 4 == 0:
            return found
        offset = found + 1
    return len(data)


_RESCAN = "delete it or move it away: the record file is then scanned"
