"""What to do about a table that is no manifest yet, in the clause that ends an error's line."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Collection, Iterable
from pathlib import Path

from pifr.core.errors import DataError, near_names

_SEPARATORS = {";": "semicolons", "\t": "tabs"}
_ESTIMATED = ("yaw", "pitch")


def missing_column(column: str, there: Iterable[str], name: str, known: Collection[str]) -> DataError:
    """Return the error of a table without a column that is needed.

    Args:
        column: The column.
        there: The columns there are.
        name: The table.
        known: Columns of this package, which a table of a user's own may have under other names.
    """
    there = list(there)
    what = f"no column {column!r}"
    if column not in known:
        return DataError(what, where=name, cure=near_names(column, there))
    same = [other for other, meant in nearly_known_columns(there, known).items() if meant == column]
    near = same or [other for other in difflib.get_close_matches(column, there, n=1) if other not in known]
    rename = (
        f"pifr data import table {name} --column {column}={shlex.quote(near[0]) if near else 'THEIRS'} --out faces.csv"
    )
    if near:
        return DataError(what, where=name, cure=f"did you mean {near[0]!r}? Rename it: {rename}")
    found = ", ".join(there)
    if column in _ESTIMATED:
        return DataError(what, where=name, found=found, cure=f"estimate it with: pifr data pose {name} --out posed.csv")
    return DataError(what, where=name, found=found, cure=f"rename one of them: {rename}")


def nearly_known_columns(there: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Return columns that differ from a known one by case, spaces or hyphens alone, and which that is.

    A known one that the table has beside them leaves no doubt what they are.
    """
    there = [str(column) for column in there]
    meant = {column: re.sub(r"[ -]+", "_", column.strip().lower()) for column in there}
    return {column: name for column, name in meant.items() if name in known and name not in there}


def refuse_folder(path: Path) -> None:
    """Refuse a folder where a table is wanted.

    Raises:
        DataError: Saying how to make a manifest of it.
    """
    if path.is_dir():
        raise DataError(
            "this is a folder, a manifest is wanted", where=path,
            cure=f"name the table in it, or make one with: pifr data import {path} --out faces.csv",
        )  # fmt: skip


def refuse_other_separators(path: Path) -> None:
    """Refuse a CSV file whose columns are not separated by commas, as some spreadsheets write it.

    Raises:
        DataError: Naming what separates them.
    """
    with open(path, encoding="utf-8", errors="replace") as lines:
        header = lines.readline()
    found = [name for mark, name in _SEPARATORS.items() if mark in header]
    if found and "," not in header:
        raise DataError(f"the columns are separated by {found[0]}, commas are wanted", where=path,
                        cure="save it again with commas between")  # fmt: skip
