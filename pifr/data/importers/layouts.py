"""The layouts that ``pifr data import FOLDER`` knows, and how each is told from the others by a look at a few names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pifr.core.errors import ConfigError, DataError, near_names
from pifr.data.importers import ImportResult
from pifr.data.importers.folder import import_folder, is_picture_name
from pifr.data.importers.multipie import import_multipie
from pifr.data.importers.records import find_record_file, import_records
from pifr.data.importers.shards import import_shards
from pifr.data.importers.table import import_table
from pifr.data.importers.vggface2 import PERSON as VGGFACE2_PERSON
from pifr.data.importers.vggface2 import import_vggface2
from pifr.data.importers.webfaces import CASIA_PERSON, MS_CELEB_PERSON, import_casia, import_ms_celeb
from pifr.data.manifest import read_table

_TABLES = (".parquet", ".csv")
_LOOKED_AT = 50
_MULTIPIE_NAME = re.compile(r"\d{3}_\d{2}_\d{2}_\d{3}_\d{2}(_crop_\d+)?\.[a-z]+")


@dataclass(frozen=True)
class Layout:
    """One way in which picture sets lie on a disk.

    Attributes:
        name: What ``--layout`` takes.
        example: What it looks like, for messages.
        recognise: Tells by few names whether a folder or file is laid out so.
        read: Makes the manifest.
    """

    name: str
    example: str
    recognise: Callable[[Path], bool]
    read: Callable[[Path], ImportResult]


def recognise(source: Path) -> Layout:
    """Return the first layout that fits, the most particular ones first.

    Raises:
        DataError: If there is no such place, or none fits; the message lists all.
    """
    source = Path(source)
    if not source.exists():
        raise DataError("no such folder", where=source, cure="check the path")
    for layout in LAYOUTS.values():
        if layout.recognise(source):
            return layout
    known = ", ".join(f"{layout.name} ({layout.example})" for layout in LAYOUTS.values())
    raise DataError("unknown layout of pictures", where=source, cure=f"known are: {known}; --layout NAME forces one")


def layout_named(name: str) -> Layout:
    """Return a layout by name.

    Raises:
        ConfigError: If there is none so named.
    """
    if name not in LAYOUTS:
        raise ConfigError(f"unknown layout {name!r}", where="--layout", cure=near_names(name, LAYOUTS))
    return LAYOUTS[name]


def find_table(source: Path) -> Path | None:
    """Return a folder's manifest: ``manifest.parquet`` or ``.csv``, else its only table with path and subject."""
    if source.is_file():
        return source if source.suffix in _TABLES else None
    for ending in _TABLES:
        if (source / f"manifest{ending}").is_file():
            return source / f"manifest{ending}"
    tables = sorted(path for ending in _TABLES for path in source.glob(f"*{ending}"))
    return tables[0] if len(tables) == 1 and {"path", "subject"} <= set(_columns(tables[0])) else None


def _read_table_of(source: Path) -> ImportResult:
    path = find_table(source)
    if path is None:
        raise DataError("no manifest in this folder, or several", where=source, cure="name the table itself")
    return import_table(path)


def _columns(path: Path) -> list[str]:
    try:
        return [str(column) for column in read_table(path).columns]
    except DataError:
        return []


def _has_shards(source: Path) -> bool:
    return (source.is_file() and source.suffix == ".tar") or any(source.glob("*.tar"))


def _has_people(person: re.Pattern[str], depth: int) -> Callable[[Path], bool]:
    """Return a test whether most folders on one of the first ``depth`` levels are named like ``person``."""

    def test(source: Path) -> bool:
        level = [source]
        for _ in range(depth):
            level = [child for folder in level for child in _some_folders(folder)]
            fitting = sum(person.fullmatch(folder.name) is not None for folder in level)
            if fitting and 2 * fitting > len(level):
                return True
            level = level[:_LOOKED_AT]
        return False

    return test


def _is_multipie(source: Path) -> bool:
    first = [child for folder in _some_folders(source) for child in (folder, *_some_folders(folder)[:3])]
    if any(re.fullmatch(r"session\d{2}", folder.name) for folder in (source, *first)):
        return True
    return any(_MULTIPIE_NAME.fullmatch(name) for folder in _some_folders(source)[:3] for name in _some_files(folder))


def _has_person_folders(source: Path) -> bool:
    return any(is_picture_name(name) for folder in _some_folders(source) for name in _some_files(folder))


def _some_folders(folder: Path) -> list[Path]:
    """Return a few folders inside, without hidden ones; nothing for a file."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        chosen = (entry for entry in entries if not entry.name.startswith(".") and entry.is_dir())
        return sorted(Path(entry.path) for entry in islice(chosen, _LOOKED_AT))


def _some_files(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in islice((entry for entry in entries if entry.is_file()), _LOOKED_AT)]


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("records", "train.rec, train.idx, property", lambda path: find_record_file(path) is not None,
               import_records),
        Layout("shards", "shard-000000.tar with KEY.png and KEY.json", _has_shards, import_shards),
        Layout("manifest", "manifest.csv or .parquet", lambda path: find_table(path) is not None, _read_table_of),
        Layout("vggface2", "train/n000002/0001_01.jpg", _has_people(VGGFACE2_PERSON, 3), import_vggface2),
        Layout("ms-celeb-1m", "m.0107_f/picture.jpg", _has_people(MS_CELEB_PERSON, 1), import_ms_celeb),
        Layout("casia-webface", "0000045/001.jpg", _has_people(CASIA_PERSON, 1), import_casia),
        Layout("multipie", "session01/multiview/001/01/05_1/001_01_01_051_00.png", _is_multipie, import_multipie),
        Layout("folder", "person/picture.jpg", _has_person_folders, import_folder),
    )
}  # fmt: skip
"""Name -> layout, the most particular first."""
