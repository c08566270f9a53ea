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
    for name in walk_names(source):
        person, slash, _ = name.partition("/")
        if not is_picture_name(name):
            others += 1
        elif not slash:
            loose += 1
        else:
            rows.append((name, person))
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


def is_picture_name(name: str) -> bool:
    """Tell by its ending whether a file is a picture."""
    return os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES


def walk_names(source: Path) -> list[str]:
    """Return all files below a folder, relative to it with forward slashes, sorted, without hidden ones.

    Raises:
        DataError: If there is no such folder.
    """
    root = str(source)
    if not os.path.isdir(root):
        raise DataError("no such folder", where=source, cure="check the path")
    found: list[str] = []
    for folder, children, names in os.walk(root, followlinks=True):
        children[:] = sorted(child for child in children if not child.startswith("."))
        prefix = "" if folder == root else Path(folder).relative_to(root).as_posix() + "/"
        found.extend(prefix + name for name in names if not name.startswith("."))
    # By part, as paths sort: "a/b" before "a-b/c".
    return sorted(found, key=lambda name: name.split("/"))
