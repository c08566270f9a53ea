"""``pifr augment``: one photograph a person -> a multi-view set."""

from __future__ import annotations

import rich_click as click

from pifr.core.commandline import device_option
from pifr.core.errors import ConfigError


@click.command()
@click.argument("manifest")
@click.option("--model", required=True, help="Generator: a run folder of 'ipgan train'.")
@click.option("--out", required=True, help="Folder for pictures/ and manifest.csv.")
@click.option("--yaws", help="Views to make, in degrees: --yaws=-60,-30,30,60 (positive: nose to the right).")
@click.option("--imitate", help="Manifest of pictures whose poses are imitated, instead of --yaws.")
@click.option("--per-source", default=8, show_default=True, help="With --imitate: pose pictures drawn for each source.")
@click.option("--sources", default=1, show_default=True, help="Pictures of each person to turn, most frontal first.")
@click.option("--max-source-yaw", default=30.0, show_default=True, help="No source is turned farther than this.")
@click.option("--split", help="Use only this split of the manifest, for example train.")
@click.option("--judge", help="Embedder that measures each view's cosine to its source (see pifr benchmark --help).")
@click.option("--min-cosine", type=float, help="Reject views whose cosine to their source is below this.")
@click.option("--format", "picture_format", type=click.Choice(["png", "jpg"]), default="png", show_default=True,
              help="File format of the pictures.")  # fmt: skip
@click.option("--batch-size", default=32, show_default=True, help="Views generated at once.")
@click.option("--seed", default=0, show_default=True, help="Seed of the draw of pose pictures.")
@device_option
def augment(manifest: str, model: str, out: str, yaws: str | None, imitate: str | None, per_source: int, sources: int,
            max_source_yaw: float, split: str | None, judge: str | None, min_cosine: float | None,
            picture_format: str, batch_size: int, seed: int, device: str) -> None:  # fmt: skip
    """Make multi-view pictures from single views.

    Reads MANIFEST (CSV or Parquet, one row a picture), turns each person's most frontal picture to the wanted
    poses and writes pictures plus a manifest that says of each where it came from. Killed? Run it again: it goes on.

    \b
    Examples:
      pifr augment faces/manifest.csv --model runs/00000-train-ipgan --yaws=-60,-30,30,60 --out views
      pifr augment faces/manifest.csv --model runs/00000-train-ipgan --imitate poses.csv --per-source 6 --out views
    """
    from pathlib import Path

    from ipgan import Rotator
    from pifr.augment import AugmentConfig, augment
    from pifr.core.config import check_config
    from pifr.data.manifest import read_manifest
    from pifr.recognition import load_embedder

    if bool(yaws) == bool(imitate):
        raise ConfigError("name the poses", cure="give either --yaws or --imitate")
    values = {
        "yaws_degrees": _numbers(yaws) if yaws else (),
        "imitate_per_source": per_source if imitate else 0,
        "sources_per_person": sources,
        "max_source_yaw_degrees": max_source_yaw,
        "min_identity_cosine": min_cosine,
        "batch_size": batch_size,
        "picture_format": picture_format,
        "seed": seed,
    }
    config = check_config(AugmentConfig, values, "pifr augment")
    data = read_manifest(manifest)
    result = augment(
        data.of_split(split) if split else data,
        Rotator.load(model, device),
        Path(out),
        config,
        poses=read_manifest(imitate) if imitate else None,
        judge=load_embedder(judge, device) if judge else None,
    )
    click.echo(result.table())


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(
            "yaws are numbers of degrees separated by commas", where="--yaws", found=repr(text)
        ) from error
