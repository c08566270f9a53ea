"""Import one folder a person."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from pifr.core.errors import DataError
from pifr.data.importers import ImportResult
from pifr.data.manifest import make_manifest

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})


def import_folder(source: Path) -> ImportResult:
    """Take every picture below ``source/<person>/``; the folder's name is the person.

    Args:
        source: Folder of folders. Hidden files and folders are skipped.

    Returns:
        The manifest, sorted by path, and notes on files left out.

    Raises:
        DataError: If there is no such folder or no picture in it.
    """
    source = Path(source)
    rows, loose, others = [], 0, 0
    for path in walk_files(source):
        parts = path.relative_to(source).parts
        if path.suffix.lower() not in PICTURE_SUFFIXES:
            others += 1
        elif len(parts) == 1:
            loose += 1
        else:
            rows.append(("/".join(parts), parts[0]))
    if not rows:
        raise DataError(
            "no picture in a folder of its person", where=source, found=f"{loose} pictures beside the folders",
            cure="the layout is FOLDER/person/picture.jpg",
        )  # fmt: skip
    notes = []
    if loose:
        notes.append(f"warning: {loose} pictures lie beside the persons' folders and were left out")
    if others:
        notes.append(f"{others} files that are no pictures were left out")
    table = pd.DataFrame(rows, columns=["path", "subject"])
    return ImportResult(make_manifest(table, source, str(source)), notes)


def walk_files(source: Path) -> list[Path]:
    """Return all files below a folder, sorted, without hidden ones.

    Raises:
        DataError: If there is no such folder.
    """
    source = Path(source)
    if not source.is_dir():
        raise DataError("no such folder", where=source, cure="check the path")
    files: list[Path] = []
    for folder, children, names in os.walk(source, followlinks=True):
        children[:] = sorted(child for child in children if not child.startswith("."))
        files.extend(Path(folder) / name for name in names if not name.startswith("."))
    return sorted(files)
