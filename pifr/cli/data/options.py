"""What several commands of ``pifr data`` take: a source, a manifest to write."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from pifr.core.errors import ConfigError

source_argument = click.argument("source", type=click.Path(path_type=Path))
manifest_out = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The manifest to write, .csv or .parquet."
)


def require_table(out: Path) -> None:
    """Refuse a wrong ending before any picture is looked at.

    Raises:
        ConfigError: If ``out`` is no .csv or .parquet file.
    """
    if out.suffix not in (".csv", ".parquet"):
        raise ConfigError("a manifest is a .csv or .parquet file", where="--out", found=repr(str(out)))
