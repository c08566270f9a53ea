"""``pifr data split``."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from pifr.cli.data.options import manifest_out


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

    The result depends on the names and the seed alone, not on the order of the rows. The column split is
    written, or replaced.

    \b
    Examples:
      pifr data split faces.csv --out split.csv
      pifr data split faces.csv --parts train=44,val=8,test=20 --seed 1 --out split.csv
    """
    from pifr.core.progress import say
    from pifr.data.manifest import read_manifest
    from pifr.data.split import parse_parts, split_by_person

    result = split_by_person(read_manifest(manifest), parse_parts(parts), seed).save(out)
    for part, rows in result.table.groupby("split", sort=False):
        say(f"{str(part) or '(no part)'}: {rows['subject'].nunique()} people, {len(rows)} pictures")
    click.echo(str(out))
