"""What to do about a table that is no manifest yet, in the clause that ends an error's line."""

from __future__ import annotations

import difflib
import itertools
import os
import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from pifr.core.errors import DataError, near_names

_SEPARATORS = {";": "semicolons", "\t": "tabs"}
_ESTIMATED = ("yaw", "pitch")
_SHOWN = 3


def missing_columns(
    missing: Sequence[str], there: Iterable[str], name: str, known: Collection[str], renaming: bool = False
) -> DataError:
    """Return the error of a table without columns that are needed.

    Args:
        missing: The columns, at least one.
        there: The columns there are.
        name: The table.
        known: Columns of this package, which a table of a user's own may have under other names.
        renaming: The table is being imported, with columns renamed: say what to add to the command.
    """
    there = list(there)
    what = " and no ".join(f"column {column!r}" for column in missing[:_SHOWN])
    what = f"no {what}" + (f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else "")
    ours = [column for column in missing if column in known]
    if not ours:
        return DataError(what, where=name, cure=near_names(missing[0], there))
    near = _near_columns(ours, there, known)
    unlike = [column for column in ours if column not in near]
    to_name = [column for column in unlike if column not in _ESTIMATED]
    found = ", ".join(there) if unlike else None
    if not near and not to_name:
        cure = f"estimate it with: pifr data pose {shlex.quote(name)} --out {_new_name('posed')}"
        return DataError(what, where=name, found=found, cure=cure if os.path.isfile(name) else "estimate it")
    advice = "rename one of them" if len(ours) == 1 else f"rename what holds {', '.join(ours)}"
    if near and not to_name:
        advice = f"did you mean {', '.join(map(repr, near.values()))}? Rename {'it' if len(near) == 1 else 'them'}"
    renames = near | dict.fromkeys(to_name, "THEIRS")
    cure = f"{advice}: add {_options(renames)}" if renaming else rename(name, renames, advice)
    return DataError(what, where=name, found=found, cure=cure)


def _near_columns(missing: Sequence[str], there: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """Return missing column -> the one that is probably meant, each once."""
    same = {meant: other for other, meant in nearly_known_columns(there, known).items()}
    near: dict[str, str] = {}
    for column in missing:
        free = [other for other in there if other not in known and other not in near.values()]
        if found := [same[column]] if column in same else difflib.get_close_matches(column, free, n=1):
            near[column] = found[0]
    return near


def rename(name: str, columns: Mapping[str, str], advice: str) -> str:
    """Return ``advice`` to rename columns of a table, with the command that does it.

    There is none where ``name`` is not one file, but several that were joined, or a table in memory.

    Args:
        name: The table.
        columns: Column of a manifest -> the table's.
        advice: What to do, in words.
    """
    if not os.path.isfile(name):
        return advice
    return f"{advice}: pifr data import table {shlex.quote(name)} {_options(columns)} --out {_new_name('renamed')}"


def _options(columns: Mapping[str, str]) -> str:
    return " ".join(f"--column {shlex.quote(f'{column}={theirs}')}" for column, theirs in columns.items())


def _new_name(stem: str) -> str:
    """Return the name of a table that is not there yet: a suggested command must not replace a user's own."""
    numbered = (f"{stem}-{number}.csv" for number in itertools.count(2))
    return next(name for name in itertools.chain([f"{stem}.csv"], numbered) if not os.path.exists(name))


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
        command = f"pifr data import {shlex.quote(str(path))} --out {_new_name('faces')}"
        raise DataError("this is a folder, a manifest is wanted", where=path,
                        cure=f"name the table in it, or make one with: {command}")  # fmt: skip


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
