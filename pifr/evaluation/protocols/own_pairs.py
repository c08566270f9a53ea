"""A user's own table of pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pifr.core.errors import DataError
from pifr.data.manifest import read_table
from pifr.evaluation.protocols.pairs import Pair, people_from_pairs

_MOST_FOLDS = np.iinfo(np.int16).max


def read_pairs_csv(path: Path) -> tuple[Path, list[Pair], dict[str, str]]:
    """Read a user's own table: columns ``first``, ``second``, ``same`` (1 or 0), and ``fold`` where there are any.

    Paths are relative to the table's folder. Who is who follows from the pairs: pictures linked by ``same`` are one
    person.
    """
    table = read_table(path)
    for column in ("first", "second", "same"):
        if column not in table:
            raise DataError(f"no column {column!r}", where=path, cure="a pairs table has first, second, same, fold")
    same = table["same"].astype(str).str.strip().str.lower()
    known = {"1": True, "0": False, "true": True, "false": False}
    wrong = ~same.isin(list(known))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError("'same' is 1 or 0", where=f"{path}, row {row + 1}", found=repr(same[row]))
    pairs = [
        Pair(str(first), str(second), known[label], int(fold))
        for first, second, label, fold in zip(table["first"], table["second"], same, _folds(table, path), strict=True)
    ]
    return path.parent, pairs, people_from_pairs(pairs, str(path))


def _folds(table: pd.DataFrame, path: Path) -> np.ndarray:
    """Return the fold of every row ``(C,)``, 0 where the table numbers none.

    Raises:
        DataError: If only some rows have one, or one is no whole number from 1.
    """
    if "fold" not in table:
        return np.zeros(len(table), int)
    text = table["fold"].astype("string").fillna("").str.strip()
    empty = (text == "").to_numpy(bool)
    if empty.all():
        return np.zeros(len(table), int)
    if empty.any():
        raise DataError("no fold, but other rows have one", where=f"{path}, row {np.flatnonzero(empty)[0] + 1}",
                        cure="number every row or none")  # fmt: skip
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(float, na_value=np.nan)
    wrong = ~(np.isin(numbers, np.arange(1, _MOST_FOLDS + 1)))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError("a fold is a whole number from 1", where=f"{path}, row {row + 1}", found=repr(text[row]))
    return numbers.astype(int)
