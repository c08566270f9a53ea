"""The ``ipgan`` command: train a generator, look at what it makes, measure it."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

import pifr
from pifr.core.commandline import device_option, run, set_option
from pifr.core.errors import ConfigError


@click.group(cls=click.RichGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(pifr.__version__, prog_name="ipgan")
def ipgan_command() -> None:
    """Train a generator that shows a person in another pose, and look at what it makes.

    \b
    Examples:
      ipgan train ipgan-tiny-64 --set data.manifest=faces/manifest.csv
      ipgan sample runs/00000-train-ipgan-tiny-64 faces/test.csv --yaws=-60,-30,0,30,60 --out grid.png
      ipgan evaluate --model runs/00000-train-ipgan-tiny-64 --data faces/test.csv --judge dlib
    """


@ipgan_command.command()
@click.argument("config", required=False)
@set_option
@click.option("--runs", default="runs", show_default=True, help="Folder in which the new run folder is made.")
@click.option("--resume", help="Run folder to go on with; its own config is used, and CONFIG is left out.")
@click.option("--dry-run", is_flag=True, help="Check config, pictures and weights, print the config, train nothing.")
@click.option("--tensorboard", is_flag=True, help="Write curves for TensorBoard too (extra: tensorboard).")
@device_option
def train(
    config: str | None, overrides: tuple[str, ...], runs: str, resume: str | None, dry_run: bool, tensorboard: bool,
    device: str,
) -> None:  # fmt: skip
    """Train a generator.

    CONFIG is a YAML file or the name of a shipped recipe such as 'ipgan-tiny-64'. The run folder holds checkpoints,
    sample grids and history.jsonl. Ctrl-C saves and stops; --resume goes on from there, or from the last checkpoint
    after a kill, with the same result as an unbroken run.
    On several GPUs: torchrun --nproc-per-node 4 -m ipgan train CONFIG.

    \b
    Examples:
      ipgan train ipgan-tiny-64 --set data.manifest=faces/manifest.csv --set steps=4000
      ipgan train ipgan-tiny-64 --set data.manifest=faces.csv --set losses.adversarial=0 --dry-run
      ipgan train --resume runs/00000-train-ipgan-tiny-64
    """
    from ipgan.config import TrainConfig
    from pifr.core.config import load_config
    from pifr.core.runs import RunFolder

    if (config is None) == (resume is None):
        raise ConfigError("name a config, or a run to go on with", cure="give either CONFIG or --resume RUN")
    source = config if config is not None else RunFolder.open(Path(str(resume))).config_path
    recipe = load_config(TrainConfig, source, overrides)
    if dry_run:
        from ipgan.preparation import prepare
        from pifr.core.device import choose_device

        data = prepare(recipe, Path(resume) if resume else None, choose_device(device), tensorboard).data
        click.echo(recipe.to_yaml().rstrip())
        click.echo(f"# {len(data)} pictures of {data.people_count} people; nothing was trained")
        return

    from ipgan.training import train as train_generator
    from pifr.core.distributed import started_first

    result = train_generator(recipe, Path(runs), Path(resume) if resume else None, device, tensorboard)
    if started_first():
        click.echo(result.table())


@ipgan_command.command()
@click.argument("model")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The grid, .png or .jpg.")
@click.option("--yaws", help="Columns in degrees, for example --yaws=-60,-30,0; by default those in MANIFEST.")
@click.option("--split", help="Show people of this split only.")
@click.option("--people", default=8, show_default=True, type=click.IntRange(1), help="Rows.")
@device_option
def sample(
    model: str, manifest: Path, out: Path, yaws: str | None, split: str | None, people: int, device: str
) -> None:
    """Draw a grid: the people of MANIFEST in rows, poses in columns, the source at the left, the true view underneath.

    MODEL is a run folder of 'ipgan train', one of its checkpoints, or the name of shipped weights. Where MANIFEST
    knows no yaw and none is asked for, the columns are pictures to imitate.

    \b
    Examples:
      ipgan sample runs/00000-train-ipgan-tiny-64 faces.csv --split test --out grid.png
      ipgan sample runs/00000-train-ipgan-tiny-64 faces.csv --yaws=-90,-45,0,45,90 --people 12 --out grid.png
    """
    from ipgan.grid import sample_grid

    wanted = None if yaws is None else parse_yaws(yaws)
    click.echo(str(sample_grid(model, manifest, out, wanted, split, people, device)))


@ipgan_command.command()
@click.option("--model", required=True, help="Run folder, checkpoint, or the name of shipped weights.")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Manifest of people it never saw.")
@click.option("--split", help="Measure people of this split only.")
@click.option("--judge", "judges", multiple=True, help="Recogniser that took no part in training; repeatable.")
@click.option("--people", type=click.IntRange(2), help="Take the first this many people by name.")
@click.option("--source", "sources", multiple=True, help="COLUMN=VALUE that sources must have; repeatable.")
@click.option(
    "--allow-training-people", is_flag=True, help="Go on although it or a judge learned from people of the test."
)
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write all figures to this file.")
@device_option
def evaluate(
    model: str, data: Path, split: str | None, judges: tuple[str, ...], people: int | None,
    sources: tuple[str, ...], allow_training_people: bool, out: Path | None, device: str,
) -> None:  # fmt: skip
    """Measure what a generator makes of people it never saw.

    One frontal picture a person is turned to the yaws of the true views. Measured are rank-1 and cosine against the
    true frontal gallery by each judge, yaw error, L1, PSNR and SSIM to the true view of the same sitting, what the
    codes leak, swap consistency, and KID on each judge's features; with 95 % intervals.
    A judge is any embedder: a run folder of 'pifr train-recognizer', dlib, onnx:FILE.

    \b
    Examples:
      ipgan evaluate --model runs/00000-train-ipgan-tiny-64 --data faces.csv --split test --judge dlib
      ipgan evaluate --model runs/00000-train-ipgan-tiny-64 --data faces.csv --source illumination=07 --json out.json
    """
    from ipgan.rotator import Rotator
    from pifr.data.manifest import read_manifest
    from pifr.fidelity import evaluate_generator

    manifest = read_manifest(data)
    if split is not None:
        manifest = manifest.of_split(split)
    values = dict(parse_source(text) for text in sources)
    rotator = Rotator.load(model, device)
    result = evaluate_generator(
        rotator, manifest, judges, people=people, source=values, device=device,
        allow_training_people=allow_training_people,
    )  # fmt: skip
    if out is not None:
        result.save(out)
    for note in result.protocol["notes"]:
        click.echo(f"note: {note}", err=True)
    click.echo(result.table().to_string(index=False))


@ipgan_command.command()
@click.argument("model")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the weights with degrees.")
@device_option
def calibrate(model: str, manifest: Path, out: Path, device: str) -> None:
    """Teach degrees to a generator that was trained on pictures without yaw.

    Yaw and pitch of MANIFEST's pictures are estimated where they are not known, and the mean pose code of each yaw is
    stored with the weights in OUT; 'ipgan sample --yaws', 'pifr augment' and all else take them from there.

    \b
    Example:
      ipgan calibrate runs/00000-train-ipgan-tiny-64 faces.csv --out generator-with-degrees
    """
    from ipgan.calibration import calibrate as learn_degrees
    from ipgan.rotator import Rotator
    from pifr.core.errors import DataError
    from pifr.data.manifest import read_manifest

    if out.exists():
        raise DataError("this folder exists already", where=out, cure="choose another --out")
    rotator = Rotator.load(model, device)
    low, high = learn_degrees(rotator, read_manifest(manifest), device).range_degrees
    click.echo(f"{rotator.save(out)}: yaws from {low:.0f} to {high:.0f} degrees")


def parse_source(text: str) -> tuple[str, str]:
    """Read ``illumination=07``.

    Raises:
        ConfigError: If there is no equals sign.
    """
    column, equals, value = text.partition("=")
    if not equals or not column:
        raise ConfigError("a source is asked for as COLUMN=VALUE", where="--source", found=repr(text))
    return column, value


def parse_yaws(text: str) -> list[float]:
    """Read ``-60,-30,0`` as numbers.

    Raises:
        ConfigError: If a part is no number.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError("yaws are numbers with commas between", where="--yaws", found=repr(text)) from None


def main() -> None:
    """Entry point of the ``ipgan`` command."""
    run(ipgan_command)
