"""The manifest: one row a picture, CSV or Parquet, the one table behind every stage."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pifr.core.errors import DataError, near_names
from pifr.core.files import atomic_path
from pifr.data.containers import file_of, read_bytes, relocated, sizes
from pifr.data.cures import missing_columns, refuse_folder, refuse_other_separators
from pifr.data.origin import Origin

LANDMARKS = ("left_eye", "right_eye", "nose_tip", "left_mouth", "right_mouth")
"""The five points, left meaning left in the picture; each has columns ``<name>_x`` and ``<name>_y`` in pixels."""
LANDMARK_COLUMNS = tuple(f"{point}_{axis}" for point in LANDMARKS for axis in "xy")

TEXT_COLUMNS = (
    "path", "subject", "camera", "session", "recording", "illumination", "expression", "split", "template", "kind",
    "source_path", "fused_paths", "pose_source", "generator", "generator_sha256", "digital_source_type",
    "reject_reason", "nearest_other",
)  # fmt: skip
NUMBER_COLUMNS = (
    "yaw", "pitch", "roll", *LANDMARK_COLUMNS, "identity_cosine", "nearest_other_cosine", "nearest_test_cosine",
    "yaw_measured", "yaw_error", "sharpness",
)  # fmt: skip
"""Angles in degrees; yaw is positive when the nose points to the picture's right."""
KINDS = ("real", "rendered", "generated")
UNALIGNED = "unaligned"
"""Template id of pictures that went through no alignment."""
_READ_FOR_FINGERPRINT = 256


@dataclass(frozen=True)
class Manifest:
    """A checked table of pictures and the folder its paths are relative to.

    Attributes:
        table: One row a picture, index 0..N-1. Required: ``path``, ``subject``. Unknown columns are kept.
        folder: What ``path`` is relative to.
        name: Where it came from, for messages.
        origin: Which rows of which files these are; None where they are all rows of ``name``, as they stand there.
    """

    table: pd.DataFrame
    folder: Path
    name: str = "manifest"
    origin: Origin | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def paths(self) -> list[Path]:
        """Full paths of the pictures, in row order."""
        return [self.folder / path for path in self.table["path"]]

    @property
    def subjects(self) -> list[str]:
        """The people, sorted."""
        return sorted(self.table["subject"].unique())

    @property
    def yaw_degrees(self) -> np.ndarray:
        """Yaw per picture ``(N,)`` in degrees, NaN where unknown."""
        if "yaw" not in self.table:
            return np.full(len(self), np.nan)
        return self.table["yaw"].to_numpy(dtype=float)

    @property
    def landmarks(self) -> np.ndarray:
        """The five points of every picture ``(N, 5, 2)`` in pixels, NaN where unknown; a new array."""
        points = self.table.reindex(columns=list(LANDMARK_COLUMNS)).to_numpy(dtype=float, copy=True)
        return points.reshape(-1, len(LANDMARKS), 2)

    @property
    def template(self) -> str:
        """The one alignment template of all pictures; :data:`UNALIGNED` where none is named.

        Raises:
            DataError: If rows name different templates.
        """
        if "template" not in self.table:
            return UNALIGNED
        found = sorted(set(self.table["template"].replace("", UNALIGNED)))
        if len(found) > 1:
            raise DataError(
                "pictures of different alignment can't be used together", where=self.name, found=", ".join(found),
                cure="align all of them with one call of: pifr data align",
            )  # fmt: skip
        return found[0] if found else UNALIGNED

    def select(self, mask: np.ndarray | pd.Series) -> Manifest:
        """Keep the rows where ``mask`` ``(N,)`` is true, in order."""
        kept = np.asarray(mask, dtype=bool)
        return replace(self, table=self.table[kept].reset_index(drop=True), origin=self._origin().select(kept))

    def place(self, row: int) -> str:
        """Return where the row with index ``row`` stands in its file, for messages: ``faces.csv, row 3``."""
        return self._origin().place(row) if self.origin is not None else f"{self.name}, row {row + 1}"

    def _origin(self) -> Origin:
        return self.origin if self.origin is not None else Origin.of_file(self.name, len(self))

    def of_split(self, split: str) -> Manifest:
        """Keep the rows of one split.

        Raises:
            DataError: If there is no such split; the message names those there are.
        """
        if "split" not in self.table:
            raise DataError("no column 'split'", where=self.name, cure="make one with: pifr data split")
        chosen = self.select(self.table["split"] == split)
        if not len(chosen):
            known = [name for name in self.table["split"].unique() if name]
            raise DataError(f"no picture in split {split!r}", where=self.name, cure=near_names(split, known))
        return chosen

    def require(self, columns: Iterable[str]) -> None:
        """Refuse a table that lacks some of ``columns``.

        Raises:
            DataError: Naming them all and how to come by them.
        """
        missing = [column for column in dict.fromkeys(columns) if column not in self.table]
        if missing:
            raise missing_columns(missing, self.table.columns, self.name, (*TEXT_COLUMNS, *NUMBER_COLUMNS))

    def fingerprint(self, unreadable_ok: bool = False) -> str:
        """Return a digest of the table, of every file's size and of what pictures hold, the same on every machine.

        Of more than 256 pictures, 256 spread evenly over the rows are read: a changed picture is noticed by its size,
        and by its contents if it is one of these. Times count for nothing, since a copy is the same data.

        Args:
            unreadable_ok: Take a mark for pictures that are missing or can't be read, for measurements that count
                them as failures. The digest of a whole set is the same either way.

        Raises:
            DataError: If a picture is missing or can't be read, and that is not allowed.
        """
        digest = hashlib.sha256(self.table.to_csv(index=False, lineterminator="\n").encode())
        names = self.table["path"]
        for name, size in zip(names, sizes(self.folder, names), strict=True):
            if size is None and not unreadable_ok:
                raise DataError(
                    "picture not found", where=file_of(self.folder / name), cure="run: pifr data validate"
                )  # fmt: skip
            digest.update(f"{size}\n".encode())
        for row in np.linspace(0, len(self) - 1, min(len(self), _READ_FOR_FINGERPRINT)).round().astype(int):
            digest.update(_digest_of_contents(self.folder / names[row], unreadable_ok))
        return digest.hexdigest()[:16]

    def save(self, path: Path) -> Manifest:
        """Write the table as CSV or Parquet, by the ending; paths become relative to the new place.

        Args:
            path: ``.csv`` or ``.parquet``.

        Returns:
            The manifest as it will be read back.
        """
        path = Path(path)
        table = self.table.copy()
        if path.parent.resolve() != self.folder.resolve():
            table["path"] = relocated(self.folder, table["path"], path.parent)
        write_table(path, table)
        return Manifest(table, path.parent, str(path))


def read_manifest(path: Path | str, require: Sequence[str] = ()) -> Manifest:
    """Read and check a manifest.

    Args:
        path: CSV or Parquet.
        require: Columns needed beyond ``path`` and ``subject``.

    Returns:
        The manifest; subjects and other names are text, angles and landmarks are floats.

    Raises:
        DataError: If the file is missing, a needed column is, or a value can't be used; the message names the row.
    """
    path = Path(path)
    return make_manifest(read_table(path), path.parent, str(path), require)


def make_manifest(table: pd.DataFrame, folder: Path, name: str, require: Sequence[str] = ()) -> Manifest:
    """Check a table and make it a manifest; see :func:`read_manifest`."""
    manifest = Manifest(_typed(table, name), Path(folder), name)
    if not len(manifest):
        raise DataError("the manifest holds no picture", where=name)
    manifest.require(("path", "subject", *require))
    _check_values(manifest)
    return manifest


def concatenate(manifests: Sequence[Manifest]) -> Manifest:
    """Join manifests; paths are made relative to the folder that all of theirs lie in."""
    folders = {manifest.folder.resolve() for manifest in manifests}
    if len(folders) == 1:
        tables, folder = [manifest.table for manifest in manifests], manifests[0].folder
    else:
        folder = Path(os.path.commonpath(folders))
        tables = [
            manifest.table.assign(path=relocated(manifest.folder, manifest.table["path"], folder))
            for manifest in manifests
        ]
    name = " + ".join(manifest.name for manifest in manifests)
    joined = make_manifest(pd.concat(tables, ignore_index=True), folder, name)
    return replace(joined, origin=Origin.joined([manifest._origin() for manifest in manifests]))


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file, all CSV cells as text.

    Raises:
        DataError: If it is missing, of another kind or damaged.
    """
    path = Path(path)
    refuse_folder(path)
    if not path.is_file():
        raise DataError("file not found", where=path, cure="check the path")
    if path.suffix not in (".csv", ".parquet"):
        raise DataError("a table is a .csv or .parquet file", where=path, found=repr(path.suffix))
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        refuse_other_separators(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise DataError("can't read the table", where=path, found=error) from error


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV or Parquet, by the ending, whole or not at all."""
    with atomic_path(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False)


def _digest_of_contents(path: Path, unreadable_ok: bool) -> bytes:
    """Return a digest of a picture's file; a mark where it can't be read, if that is allowed."""
    try:
        return hashlib.sha256(read_bytes(path)).digest()
    except (OSError, DataError) as error:
        if unreadable_ok:
            return b"unreadable"
        if isinstance(error, DataError):
            raise
        raise DataError("can't read the picture", where=path, found=error.strerror) from error


def _typed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a copy with text columns as text and number columns as floats."""
    table = table.reset_index(drop=True).copy()
    for column in table.columns.intersection(list(TEXT_COLUMNS)):
        table[column] = table[column].astype("string").fillna("").astype(str)
    for column in table.columns.intersection(list(NUMBER_COLUMNS)):
        values = table[column]
        numbers = pd.to_numeric(values, errors="coerce")
        bad = numbers.isna() & values.notna()
        # Unknown is an empty cell, or NaN in words, as pandas writes it with na_rep="NaN".
        bad[bad] = ~values[bad].astype(str).str.lower().isin(["", "nan"])
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise DataError(
                f"column {column!r} must hold numbers", where=f"{name}, row {row + 1}", found=repr(values.iloc[row])
            )
        table[column] = numbers.astype(float)
    return table


def _check_values(manifest: Manifest) -> None:
    table, name = manifest.table, manifest.name
    for column in ("path", "subject"):
        empty = np.flatnonzero(table[column] == "")
        if empty.size:
            raise DataError(f"column {column!r} is empty", where=f"{name}, row {empty[0] + 1}")
    if "yaw" in table:
        wild = np.flatnonzero(table["yaw"].abs() > 180)
        if wild.size:
            row = int(wild[0])
            raise DataError(
                "yaw must lie in -180..180 degrees", where=f"{name}, row {row + 1}", found=table["yaw"][row]
            )
    if "kind" in table:
        wrong = np.flatnonzero(~table["kind"].isin([*KINDS, ""]))
        if wrong.size:
            row = int(wrong[0])
            raise DataError(
                "unknown kind of picture", where=f"{name}, row {row + 1}", found=repr(table["kind"][row]),
                cure=f"use one of: {', '.join(KINDS)}",
            )  # fmt: skip
