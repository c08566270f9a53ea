"""Import any CSV or Parquet table that names pictures and people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from pifr.core.errors import ConfigError, DataError, near_names
from pifr.data.containers import file_of
from pifr.data.cures import missing_columns
from pifr.data.importers import ImportResult
from pifr.data.manifest import NUMBER_COLUMNS, TEXT_COLUMNS, Manifest, make_manifest, read_table
from pifr.data.validate import looks_like_radians

YawUnit = Literal["auto", "degrees", "radians"]
_ANGLES = ("yaw", "pitch", "roll")


def import_table(
    source: Path, columns: Mapping[str, str] | None = None, root: Path | None = None, yaw_unit: YawUnit = "auto"
) -> ImportResult:
    """Read a table, rename its columns and check it.

    Args:
        source: CSV or Parquet.
        columns: Manifest column -> the table's column, for example ``{"subject": "id"}``. Other columns keep
            their names.
        root: Folder the paths are relative to; by default the table's.
        yaw_unit: Unit of yaw, pitch and roll; ``auto`` takes them for radians where no yaw exceeds pi/2 and
            none but 0 is a whole number, and says so.

    Returns:
        The manifest and notes.

    Raises:
        ConfigError: If a column to rename is not there, or two would get one name.
        DataError: If the table can't be used or a picture is missing; the row is named.
    """
    source = Path(source)
    table = _renamed(read_table(source), dict(columns or {}), source)
    missing = [column for column in ("path", "subject") if column not in table]
    if missing:  # not left to make_manifest, whose cure would forget the columns renamed so far
        raise missing_columns(missing, table.columns, str(source), (*TEXT_COLUMNS, *NUMBER_COLUMNS), renaming=True)
    manifest = make_manifest(table, Path(root) if root is not None else source.parent, str(source))
    notes = []
    if yaw_unit == "auto" and looks_like_radians(manifest.yaw_degrees):
        notes.append("warning: the yaws look like radians and were converted to degrees; "
                     "if they are degrees, say --yaw-unit degrees")  # fmt: skip
        yaw_unit = "radians"
    if yaw_unit == "radians":
        angles = [angle for angle in _ANGLES if angle in manifest.table]
        degrees = {angle: np.degrees(manifest.table[angle]) for angle in angles}
        manifest = make_manifest(manifest.table.assign(**degrees), manifest.folder, manifest.name)
    _require_pictures(manifest)
    return ImportResult(manifest, notes)


def _renamed(table: pd.DataFrame, columns: dict[str, str], source: Path) -> pd.DataFrame:
    for name in columns.values():
        if name not in table:
            raise ConfigError(f"no column {name!r} to rename", where=source, cure=near_names(name, table.columns))
    renamed = table.rename(columns={found: wanted for wanted, found in columns.items()})
    twice = renamed.columns[renamed.columns.duplicated()]
    if len(twice):
        raise ConfigError(f"two columns would be called {twice[0]!r}", where=source,
                          cure=f"rename the other one too, for example --column old_{twice[0]}={twice[0]}")  # fmt: skip
    return renamed


def _require_pictures(manifest: Manifest) -> None:
    missing = [row for row, path in enumerate(manifest.paths) if not file_of(path).is_file()]
    if missing:
        row = missing[0]
        raise DataError(
            f"{len(missing)} of {len(manifest)} pictures not found, this one first",
            where=f"{manifest.name}, row {row + 1}: {manifest.paths[row]}",
            cure="name the folder the paths are relative to with --root",
        )
