"""``pifr data import FOLDER``: any known layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import rich_click as click

from pifr.cli.data.options import manifest_out, source_argument

if TYPE_CHECKING:
    from pifr.data.importers import Failure, ImportResult

_SHOWN = 10


class FolderOrCommand(click.RichGroup):
    """A group that takes a folder where it finds none of its commands: the layout is then recognised."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command ``any`` before a folder."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["any", *args]
        return super().parse_args(ctx, args)


@click.command(name="any")
@source_argument
@manifest_out
@click.option("--layout", metavar="NAME", help="records, shards, manifest, vggface2, ms-celeb-1m, casia-webface, "
              "multipie or folder.  [default: recognised]")  # fmt: skip
@click.option("--check", type=click.Choice(["decode", "quick"]), default="decode", show_default=True,
              help="decode every picture, or look only for empty files and damaged records.")  # fmt: skip
@click.option("--on-error", type=click.Choice(["stop", "skip"]), default="stop", show_default=True,
              help="At a picture that can't be used; skip lists them in OUT-failures.csv.")  # fmt: skip
@click.option("--drop-people-of", multiple=True, type=click.Path(path_type=Path), metavar="MANIFEST",
              help="Leave out people of this test manifest, by subject and name; repeatable.")  # fmt: skip
@click.option("--unpack", "unpack_to", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Write pictures of record files and shards to FOLDER/person/.  [default: they stay]")  # fmt: skip
@click.option("--template", metavar="ID", help="Alignment template the pictures went through, for example arcface-112.")
def import_any(out: Path, check: Literal["decode", "quick"], on_error: Literal["stop", "skip"], **options: Any) -> None:
    """Recognise the layout of SOURCE and make a manifest of it.

    \b
    Examples:
      pifr data import faces_emore --out ms1mv2.parquet
      pifr data import VGGFace2 --drop-people-of lfw.csv --on-error skip --out vggface2.parquet
      pifr data import shards --unpack pictures --out augmented.csv
    """
    from pifr.data.importers.anything import import_data

    save_result(import_data(check=check, on_error=on_error, **options), out)


def say_left_out(failures: Sequence[Failure]) -> None:
    """Name the first pictures that were left out, and why."""
    from pifr.core.progress import say

    for failure in failures[:_SHOWN]:
        say(f"left out: {failure}")


def save_result(result: ImportResult, out: Path) -> None:
    """Write the manifest and, where pictures were left out, their list beside it; say what the user should know."""
    from pifr.core.progress import say
    from pifr.data.importers.checking import save_failures

    manifest = result.manifest.save(out)
    for note in result.notes:
        say(note)
    say_left_out(result.failures)
    if result.failures:
        listed = out.with_name(f"{out.stem}-failures.csv")
        save_failures(listed, result.failures)
        say(f"{len(result.failures)} pictures left out, all listed in {listed}")
    say(f"{len(manifest)} pictures of {len(manifest.subjects)} people")
    click.echo(str(out))
