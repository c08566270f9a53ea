"""``pifr data split``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

import rich_click as click

from pifr.cli.data.options import manifest_out
from pifr.core.errors import ConfigError


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@manifest_out
@click.option(
    "--parts", default="train=0.7,val=0.1,test=0.2", show_default=True, metavar="NAME=AMOUNT,...",
    help="People per part: counts (train=44,val=8,test=20) or shares (train=0.7,val=0.1,test=0.2).",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Another seed gives another split.")
def split(manifest: Path, out: Path, parts: str, seed: int) -> None:
    """Divide the people of MANIFEST into parts; nobody is in two.

    The result depends on the names and the seed alone, not on the order of the rows. OUT has the column split,
    replaced if there was one; MANIFEST stays as it is. Training takes the parts train and val by itself, and 'pifr
    chain' test and teachers as well; other parts are named by --split.

    \b
    Examples:
      pifr data split faces.csv --out split.csv
      pifr data split faces.csv --parts train=44,val=8,test=20 --seed 1 --out split.csv
    """
    from pifr.core.progress import say
    from pifr.data.manifest import read_manifest
    from pifr.data.split import parse_parts, split_by_person

    if out.resolve() == manifest.resolve():
        raise ConfigError("this is the manifest itself, whose split would be lost", where="--out", found=out,
                          cure="write to another file")  # fmt: skip
    amounts = parse_parts(parts)
    result = split_by_person(read_manifest(manifest), amounts, seed).save(out)
    _warn_of_unknown_parts(amounts)
    for part, rows in result.table.groupby("split", sort=False):
        say(f"{str(part) or '(no part)'}: {rows['subject'].nunique()} people, {len(rows)} pictures")
    click.echo(str(out))


def _warn_of_unknown_parts(parts: Iterable[str]) -> None:
    """Say which parts no command takes by itself: one may be misspelt, one may be meant for ``--split``."""
    from pifr.core.progress import say
    from pifr.data.split import KNOWN_PARTS

    for part in parts:
        if part in KNOWN_PARTS:
            continue
        near = difflib.get_close_matches(part, KNOWN_PARTS, n=1)
        cure = f"did you mean {near[0]!r}? Else" if near else "to use it,"
        say(
            f"warning: --parts: {part!r} is no part that other commands know by name: {', '.join(KNOWN_PARTS)}; "
            f"{cure} name it to them by --split {part}"
        )
