"""Which of the pictures just imported can't be used, before a manifest names them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from pifr.core.errors import DataError
from pifr.core.progress import progress_bar
from pifr.data.containers import member_of
from pifr.data.importers import Failure
from pifr.data.manifest import Manifest, write_table
from pifr.data.pictures import decoding_threads, flaw_of, read_picture

Check = Literal["decode", "quick"]
OnError = Literal["stop", "skip"]
_CHUNK = 256


def check_pictures(manifest: Manifest, check: Check, on_error: OnError) -> tuple[Manifest, list[Failure]]:
    """Look at every picture.

    Args:
        manifest: The pictures.
        check: ``decode`` decodes each; ``quick`` only looks for missing and empty files. Records and archived files
            were looked at when their container was read.
        on_error: ``stop`` refuses the first bad picture, ``skip`` leaves bad ones out.

    Returns:
        The usable pictures, and the others with file and record.

    Raises:
        DataError: With ``stop``, on the first bad picture; with ``skip``, if no picture is left.
    """
    look = _decode if check == "decode" else _is_there
    names = manifest.table["path"].tolist()
    failures: list[Failure] = []
    good = np.ones(len(names), dtype=bool)
    title = "decoding pictures" if check == "decode" else "looking at pictures"
    with progress_bar(title, len(names)) as advance, ThreadPoolExecutor(decoding_threads()) as pool:
        for start in range(0, len(names), _CHUNK):
            chunk = [manifest.folder / name for name in names[start : start + _CHUNK]]
            for row, (path, flaw) in enumerate(zip(chunk, pool.map(look, chunk), strict=True), start):
                if flaw:
                    good[row] = False
                    failures.append(_failure(path, flaw))
            if failures and on_error == "stop":
                refuse(failures)
            advance(len(chunk))
    if not good.any():
        raise DataError("no picture can be used, this one first", where=failures[0])
    return manifest.select(good), failures


def refuse(failures: list[Failure]) -> None:
    """Raise the first failure as an error that says how to go on without it.

    Raises:
        DataError: If there is a failure.
    """
    if not failures:
        return
    first = failures[0]
    cure = "restore it, or leave bad pictures out with --on-error skip"
    raise DataError(first.what, where=first.place, cure=cure)


def save_failures(path: Path, failures: list[Failure]) -> None:
    """Write a table of the pictures left out: file, record, what."""
    write_table(path, pd.DataFrame([asdict(failure) for failure in failures]))


def _decode(path: Path) -> str:
    try:
        read_picture(path)
    except DataError as error:
        return flaw_of(error)
    return ""


def _is_there(path: Path) -> str:
    if member_of(path) is not None:
        return ""
    try:
        return "" if path.stat().st_size else "the file is empty"
    except OSError as error:
        return error.strerror or "not found"


def _failure(path: Path, flaw: str) -> Failure:
    member = member_of(path)
    if member is None:
        return Failure(str(path), "", flaw)
    kind = "record " if member.container.endswith(".rec") else ""
    return Failure(member.container, f"{kind}{member.name}", flaw)
