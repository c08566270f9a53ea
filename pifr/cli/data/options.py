"""What several commands of ``pifr data`` take: a source, a manifest to write."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from pifr.core.errors import ConfigError


def _table(context: click.Context, parameter: click.Parameter, out: Path) -> Path:
    """Refuse a wrong ending before any picture is looked at."""
    if out.suffix not in (".csv", ".parquet"):
        raise ConfigError("a manifest is a .csv or .parquet file", where="--out", found=repr(str(out)))
    return out


def refuse_own_source(source: Path, out: Path) -> None:
    """Refuse to write a manifest in place of the table that it is made of.

    Raises:
        ConfigError: If they are one file.
    """
    if source.exists() and out.exists() and source.samefile(out):
        raise ConfigError("this is the table that the manifest is made of", where="--out", found=repr(str(out)),
                          cure="choose another name")  # fmt: skip


source_argument = click.argument("source", type=click.Path(path_type=Path))
manifest_out = click.option(
    "--out", required=True, type=click.Path(path_type=Path), callback=_table,
    help="The manifest to write, .csv or .parquet.",
)  # fmt: skip
