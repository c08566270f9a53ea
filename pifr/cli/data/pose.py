"""``pifr data pose`` and ``pifr data train-pose``."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from pifr.cli.data.options import manifest_out
from pifr.core.commandline import device_option, set_option
from pifr.core.errors import ConfigError


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@manifest_out
@click.option("--all", "measure_all", is_flag=True,
              help="Measure pictures of known yaw too, in yaw_measured, pitch_measured and yaw_spread.")  # fmt: skip
@click.option("--weights", type=click.Path(path_type=Path), help="An estimator's .json file.  [default: the shipped]")
@device_option
def pose(manifest: Path, out: Path, measure_all: bool, weights: Path | None, device: str) -> None:
    """Estimate yaw and pitch of the pictures in MANIFEST that have none.

    Pictures must be square and show a face that fills a third of the height or more. Known angles stay. Yaw is
    positive when the nose points to the picture's right, in degrees.

    \b
    Examples:
      pifr data pose aligned/manifest.csv --out aligned/posed.csv
      pifr data pose aligned/manifest.csv --all --out measured.parquet
    """
    from pifr.core.progress import say
    from pifr.data.manifest import read_manifest
    from pifr.pose import PoseEstimator, fill_poses

    pictures = read_manifest(manifest)
    estimator = PoseEstimator.load(weights, device) if weights else None
    result = fill_poses(pictures, measure_all, estimator, device)
    result.manifest.save(out)
    say(f"{len(pictures)} pictures: {result.yaws_filled} yaws and {result.pitches_filled} pitches filled in")
    click.echo(str(out))


@click.command()
@click.argument("config", required=False)
@set_option
@click.option("--runs", default="runs", show_default=True, help="Folder in which the new run folder is made.")
@click.option("--resume", type=click.Path(path_type=Path),
              help="Run folder to go on with; its own config is used, and CONFIG is left out.")  # fmt: skip
@device_option
def train_pose(config: str | None, overrides: tuple[str, ...], runs: str, resume: Path | None, device: str) -> None:
    """Train the estimator behind 'pifr data pose' on rendered people.

    CONFIG is a YAML file or the name of a shipped recipe: 'pose' made the shipped weights. Renders what is missing
    of the training set, trains, judges on people never seen, and writes pose-SIZE.json and .safetensors into the
    run folder, for 'pifr data pose --weights'.

    \b
    Examples:
      pifr data train-pose pose
      pifr data train-pose pose --set twin.free.people=200 --set steps=500
      pifr data train-pose --resume runs/00000-train-pose
    """
    from pifr.core.config import load_config
    from pifr.core.runs import RunFolder
    from pifr.pose import PoseConfig
    from pifr.pose import train_pose as train

    if (config is None) == (resume is None):
        raise ConfigError("name a config, or a run to go on with", cure="give either CONFIG or --resume RUN")
    source = config if resume is None else RunFolder.open(resume).config_path
    result = train(load_config(PoseConfig, source, overrides), Path(runs), resume, device)
    click.echo(result.table())
