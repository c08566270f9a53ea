"""The score table: every comparison of a benchmark, with both sides' metadata, in one Parquet file.

Scores are the interface between a recogniser and its figures: every table and plot of a report is computed from
``scores.parquet`` and ``protocol.json`` alone, so anybody can check them with other tools.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pifr.core.errors import DataError, near_names
from pifr.core.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK_ROWS = 1_000_000
SCORE_PREFIX = "score."
_SIDES = ("probe", "reference")
METADATA = ("subject", "yaw", "camera", "session", "recording", "illumination", "expression", "part")
"""Columns of pictures that travel with the scores where the manifest has them, beside any asked for by name."""


@dataclass(frozen=True)
class ScoreTable:
    """Comparisons as indices into a table of pictures; one array of scores a system.

    Attributes:
        pictures: ``(N,)`` rows with ``path``, ``subject``, ``part`` and metadata; each picture once.
        probe: ``(C,)`` int32 row of the probe in ``pictures``.
        reference: ``(C,)`` int32 row of what it is compared with.
        search: ``(C,)`` true where the comparison belongs to the protocol, false for the sample of picture
            pairs across poses behind the yaw x yaw table.
        scores: System name -> ``(C,)`` float32; NaN where either picture failed.
        fold: ``(C,)`` int16 fold of each comparison from 1, where the protocol has folds; else None.
    """

    pictures: pd.DataFrame
    probe: np.ndarray
    reference: np.ndarray
    search: np.ndarray
    scores: dict[str, np.ndarray]
    fold: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.probe)

    @property
    def systems(self) -> list[str]:
        """Names of the systems."""
        return list(self.scores)

    @cached_property
    def person(self) -> np.ndarray:
        """Person of each picture ``(N,)`` as an index into :attr:`people`."""
        return np.unique(self.pictures["subject"].to_numpy(dtype=str), return_inverse=True)[1].astype(np.int32)

    @cached_property
    def people(self) -> list[str]:
        """The people, sorted."""
        return sorted(self.pictures["subject"].unique())

    @cached_property
    def mated(self) -> np.ndarray:
        """Whether both pictures of a comparison show one person, ``(C,)``."""
        return self.person[self.probe] == self.person[self.reference]

    def column(self, name: str, side: str = "probe") -> np.ndarray:
        """Return one side's metadata of every comparison, ``(C,)``.

        Raises:
            DataError: If the scores carry no such column.
        """
        if name not in self.pictures:
            raise DataError(f"the scores carry no column {name!r}", cure=near_names(name, self.pictures.columns))
        return self.pictures[name].to_numpy()[getattr(self, side)]

    def select(self, mask: np.ndarray) -> ScoreTable:
        """Keep the comparisons where ``mask`` ``(C,)`` is true."""
        scores = {name: values[mask] for name, values in self.scores.items()}
        fold = None if self.fold is None else self.fold[mask]
        return ScoreTable(self.pictures, self.probe[mask], self.reference[mask], self.search[mask], scores, fold)

    def searched(self, part: str | None = None) -> ScoreTable:
        """Keep the protocol's comparisons, without the pose sample; of one part only where it is named."""
        mask = self.search
        if part is not None and "part" in self.pictures:
            mask = mask & (self.column("part") == part)
        return self.select(mask)

    def of_comparisons(
        self, probe: np.ndarray, reference: np.ndarray, search: np.ndarray, scores: dict[str, np.ndarray]
    ) -> ScoreTable:
        """Return a table of other comparisons of the same pictures; who is who is not worked out again."""
        other = ScoreTable(self.pictures, probe, reference, search, scores)
        other.__dict__["person"] = self.person
        return other

    def with_floor(self, system: str) -> np.ndarray:
        """Return the scores of ``system`` ``(C,)`` with failures below everything else.

        A picture that failed can't be accepted at any threshold: a failure to acquire counts against the system.
        """
        values = self.scores[system]
        failed = np.isnan(values)
        if not failed.any():
            return values
        if failed.all():
            raise DataError("not one comparison got a score", where=system, cure="check the embedder")
        return np.where(failed, np.nanmin(values) - 1, values).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write all comparisons with both sides' metadata as Parquet, a million rows at a time."""
        import pyarrow.parquet as pq

        schema = self.chunk(0, 0).schema
        with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for start in range(0, max(len(self), 1), _CHUNK_ROWS):
                writer.write_table(self.chunk(start, start + _CHUNK_ROWS))

    def chunk(self, start: int, stop: int) -> pa.Table:
        """Return the comparisons from ``start`` to ``stop`` with both sides' metadata."""
        import pyarrow as pa

        columns: dict[str, pa.Array] = {}
        for side in _SIDES:
            rows = getattr(self, side)[start:stop]
            columns[side] = pa.DictionaryArray.from_arrays(
                pa.array(rows, pa.int32()), pa.array(self.pictures["path"].tolist(), pa.string())
            )
        columns["mated"] = pa.array(self.mated[start:stop])
        columns["search"] = pa.array(self.search[start:stop])
        if self.fold is not None:
            columns["fold"] = pa.array(self.fold[start:stop], pa.int16())
        for name, values in self.scores.items():
            columns[SCORE_PREFIX + name] = pa.array(values[start:stop], pa.float32(), from_pandas=True)
        for side in _SIDES:
            rows = getattr(self, side)[start:stop]
            for name in self.pictures.columns.drop("path"):
                columns[f"{side}_{name}"] = _take(self.pictures[name], rows)
        return pa.table(columns)


def read_scores(path: Path) -> ScoreTable:
    """Read a table written by :meth:`ScoreTable.save`, or one of the same columns made elsewhere.

    Needed: ``probe``, ``reference``, ``probe_subject``, ``reference_subject`` and at least one ``score.<system>``.

    Raises:
        DataError: If the file is missing, damaged or lacks a needed column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    if not path.is_file():
        raise DataError("file not found", where=path, cure="name the folder that pifr benchmark --out wrote")
    try:
        names = pq.read_schema(path).names
        _require_columns(names, path)
        file = pq.ParquetFile(path, read_dictionary=list(_SIDES))
        codes, paths = _picture_codes(file)
        pictures = _pictures(file, codes, paths)
        search = _numbers(file, "search", bool) if "search" in names else np.ones(len(codes[0]), bool)
        fold = _numbers(file, "fold", np.int16) if "fold" in names else None
        scores = {
            name.removeprefix(SCORE_PREFIX): _numbers(file, name, np.float32)
            for name in names
            if name.startswith(SCORE_PREFIX)
        }
    except (pa.ArrowException, OSError) as error:
        raise DataError("can't read the scores", where=path, found=error) from error
    return ScoreTable(pictures, codes[0], codes[1], search, scores, fold)


def picture_table(table: pd.DataFrame, rows: np.ndarray, extra: Sequence[str] = ()) -> pd.DataFrame:
    """Return the pictures at ``rows`` with the metadata that travels with scores."""
    columns = ["path", *[name for name in (*METADATA, *extra) if name in table]]
    return table.iloc[rows][list(dict.fromkeys(columns))].reset_index(drop=True)


def _take(column: pd.Series, rows: np.ndarray) -> pa.Array:
    import pyarrow as pa

    if pd.api.types.is_numeric_dtype(column):
        return pa.array(column.to_numpy()[rows], from_pandas=True)
    codes, values = pd.factorize(column.astype(str))
    return pa.DictionaryArray.from_arrays(pa.array(codes[rows].astype(np.int32)), pa.array(list(values), pa.string()))


def _require_columns(names: list[str], path: Path) -> None:
    for needed in (*_SIDES, *(f"{side}_subject" for side in _SIDES)):
        if needed not in names:
            raise DataError(f"no column {needed!r}", where=path, cure=near_names(needed, names))
    if not any(name.startswith(SCORE_PREFIX) for name in names):
        raise DataError("no column of scores", where=path, cure=f"name it {SCORE_PREFIX}<system>")


def _picture_codes(file: object) -> tuple[tuple[np.ndarray, np.ndarray], list[str]]:
    """Return per comparison the codes of probe and reference, and the paths they stand for."""
    found: dict[str, int] = {}
    sides = []
    for side in _SIDES:
        column = file.read([side]).column(0).unify_dictionaries()  # type: ignore[attr-defined]
        dictionary = column.chunk(0).dictionary.to_pylist() if column.num_chunks else []
        here = np.array([found.setdefault(path, len(found)) for path in dictionary], dtype=np.int32)
        indices = [here[chunk.indices.to_numpy()] for chunk in column.chunks]
        sides.append(np.concatenate(indices) if indices else np.zeros(0, np.int32))
    return (sides[0], sides[1]), list(found)


def _pictures(file: object, codes: tuple[np.ndarray, np.ndarray], paths: list[str]) -> pd.DataFrame:
    """Collect each picture's metadata from the first comparison it appears in."""
    names = [name.removeprefix("probe_") for name in file.schema_arrow.names if name.startswith("probe_")]  # type: ignore[attr-defined]
    columns: dict[str, np.ndarray] = {"path": np.array(paths, dtype=object)}
    first = [np.unique(side, return_index=True) for side in codes]
    for name in names:
        filled = np.full(len(paths), None, dtype=object)
        for side, (code, row) in zip(_SIDES, first, strict=True):
            values = file.read([f"{side}_{name}"]).column(0)  # type: ignore[attr-defined]
            filled[code] = values.take(row).to_numpy(zero_copy_only=False)
        columns[name] = filled
    # Paths in a dictionary that no comparison uses belong to no picture.
    used = np.zeros(len(paths), bool)
    for code, _ in first:
        used[code] = True
    if not used.all():
        renumber = (np.cumsum(used) - 1).astype(np.int32)
        for indices in codes:
            indices[:] = renumber[indices]
    return pd.DataFrame(columns)[used].infer_objects().reset_index(drop=True)


def _numbers(file: object, name: str, dtype: type) -> np.ndarray:
    column = file.read([name]).column(0)  # type: ignore[attr-defined]
    return column.to_numpy().astype(dtype)
