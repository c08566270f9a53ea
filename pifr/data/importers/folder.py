"""Import one folder a person."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from pifr.core.errors import DataError
from pifr.core.files import is_utf8
from pifr.data.importers import Failure, ImportResult
from pifr.data.manifest import make_manifest

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})


def import_folder(source: Path) -> ImportResult:
    """Take every picture below ``source/<person>/``; the folder's name is the person.

    Args:
        source: Folder of folders. Hidden files and folders are skipped.

    Returns:
        The manifest, sorted by path, notes on files left out, and pictures whose names no table takes.

    Raises:
        DataError: If there is no such folder or no picture in it.
    """
    source = Path(source)
    rows, loose, others = [], 0, 0
    failures: list[Failure] = []
    for name in walk_names(source, failures):
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
    return ImportResult(make_manifest(table, source, str(source)), notes, failures)


def is_picture_name(name: str) -> bool:
    """Tell by its ending whether a file is a picture."""
    return os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES


def walk_names(source: Path, failures: list[Failure]) -> list[str]:
    """Return all files below a folder, relative to it with forward slashes, sorted, without hidden ones.

    Args:
        source: The folder.
        failures: Pictures are added whose names are not UTF-8; no such file is returned, since no table takes it.

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
    for name in sorted(name for name in found if is_picture_name(name) and not is_utf8(name)):
        printable = f"{source}/{name}".encode("utf-8", "backslashreplace").decode()
        failures.append(Failure(printable, "", "its name is not UTF-8 (rename it)"))
    found = [name for name in found if is_utf8(name)]
    # By part, as paths sort: "a/b" before "a-b/c".
    return sorted(found, key=lambda name: name.split("/"))
