"""``pifr data import``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import rich_click as click

from pifr.cli.data.import_any import FolderOrCommand, import_any, save_result
from pifr.cli.data.options import manifest_out, refuse_own_source, source_argument


@click.group(name="import", cls=FolderOrCommand)
def import_group() -> None:
    """Make a manifest of FOLDER: its layout is recognised, or named by a command. Pictures stay where they are.

    Known are record packs of insightface (MS1MV2, CASIA-WebFace), tar shards, manifests, VGGFace2, MS-Celeb-1M,
    CASIA-WebFace, Multi-PIE, and one folder a person; 'pifr data import any --help' lists the options.

    \b
    Examples:
      pifr data import faces_emore --out ms1mv2.parquet
      pifr data import VGGFace2 --drop-people-of lfw.csv --on-error skip --out vggface2.parquet
      pifr data import folder photographs --out faces.csv
      pifr data import table list.csv --column subject=id --column path=file --out faces.csv
      pifr data import multipie /data/Multi-Pie/data --out multipie.parquet
    """


import_group.add_command(import_any)


@import_group.command()
@source_argument
@manifest_out
@click.option("--column", "columns", multiple=True, metavar="NAME=THEIRS",
              help="The table's column THEIRS is the manifest's NAME; repeatable.")  # fmt: skip
@click.option("--root", type=click.Path(path_type=Path), help="Folder the paths are relative to [default: SOURCE's].")
@click.option("--yaw-unit", type=click.Choice(["auto", "degrees", "radians"]), default="auto", show_default=True,
              help="Unit of yaw, pitch and roll; auto guesses and says so.")  # fmt: skip
def table(
    source: Path,
    out: Path,
    columns: tuple[str, ...],
    root: Path | None,
    yaw_unit: Literal["auto", "degrees", "radians"],
) -> None:
    """Import the CSV or Parquet table SOURCE, one row a picture.

    \b
    Examples:
      pifr data import table list.csv --column subject=id --column path=file --out faces.csv
      pifr data import table poses.parquet --yaw-unit radians --root /data/faces --out faces.parquet
    """
    from pifr.core.errors import ConfigError
    from pifr.data.importers.table import import_table

    refuse_own_source(source, out)
    renames = {}
    for column in columns:
        name, equals, theirs = column.partition("=")
        if not (name and equals and theirs):
            raise ConfigError("a column is written NAME=THEIRS", where="--column", found=repr(column))
        renames[name] = theirs
    save_result(import_table(source, renames, root, yaw_unit), out)


@import_group.command()
@source_argument
@manifest_out
def folder(source: Path, out: Path) -> None:
    """Import pictures laid out as SOURCE/person/picture.jpg.

    \b
    Examples:
      pifr data import folder lfw --out lfw.csv
    """
    from pifr.data.importers.folder import import_folder

    save_result(import_folder(source), out)


@import_group.command()
@source_argument
@manifest_out
@click.option("--mismatched", type=click.Choice(["error", "drop"]), default="error", show_default=True,
              help="Pictures whose names contradict their folders.")  # fmt: skip
def multipie(source: Path, out: Path, mismatched: Literal["error", "drop"]) -> None:
    """Import the Multi-PIE tree SOURCE, its rendered twin, or pictures cropped from it, by file name.

    \b
    Examples:
      pifr data import multipie /data/Multi-Pie/data --out multipie.parquet
      pifr data import multipie multi_PIE_crop_128 --out cropped.csv
    """
    from pifr.data.importers.multipie import import_multipie

    save_result(import_multipie(source, mismatched), out)
