"""``pifr train-recognizer``: a backbone with a metric loss on real and generated pictures."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from pifr.core.commandline import device_option, set_option
from pifr.core.errors import ConfigError


@click.command()
@click.argument("config", required=False)
@set_option
@click.option("--runs", default="runs", show_default=True, help="Folder in which the new run folder is made.")
@click.option("--resume", help="Run folder to go on with; its own config is used, and CONFIG is left out.")
@click.option("--dry-run", is_flag=True, help="Check config, manifests and networks, print the config, train nothing.")
@click.option("--tensorboard", is_flag=True, help="Write curves for TensorBoard too (extra: tensorboard).")
@device_option
def train_recognizer(
    config: str | None,
    overrides: tuple[str, ...],
    runs: str,
    resume: str | None,
    dry_run: bool,
    tensorboard: bool,
    device: str,
) -> None:
    """Train a face recogniser.

    CONFIG is a YAML file or the name of a shipped recipe such as 'recognizer'. The run folder holds checkpoints,
    history.jsonl and, in best/, the weights that did best on validation people. Ctrl-C saves and stops; --resume
    goes on from there, or from the last checkpoint after a kill, with the same result as an unbroken run.
    On several GPUs: torchrun --nproc-per-node 4 -m pifr train-recognizer CONFIG.

    \b
    Examples:
      pifr train-recognizer recognizer --set data.manifest=faces/manifest.csv
      pifr train-recognizer recognizer --set data.manifest=faces.csv --set 'data.extra=[views/manifest.csv]'
      pifr train-recognizer recognizer --set data.manifest=faces.csv --set loss.name=arcface --set backbone.name=ir18
      pifr train-recognizer --resume runs/00002-train-recognizer-lightcnn9
    """
    from pifr.core.config import load_config
    from pifr.core.distributed import started_first
    from pifr.core.runs import RunFolder
    from pifr.recognition.config import RecognizerConfig

    if (config is None) == (resume is None):
        raise ConfigError("name a config, or a run to go on with", cure="give either CONFIG or --resume RUN")
    source = config if config is not None else RunFolder.open(Path(str(resume))).config_path
    recipe = load_config(RecognizerConfig, source, overrides)
    if dry_run:
        from pifr.core.device import choose_device
        from pifr.recognition.preparation import check_recipe

        data, _ = check_recipe(recipe, Path(resume) if resume else None, choose_device(device), tensorboard)
        if started_first():
            click.echo(recipe.to_yaml().rstrip())
            click.echo(f"# {len(data.train)} pictures of {len(data.people)} people; nothing was trained")
        return

    from pifr.recognition.training import train_recognizer

    result = train_recognizer(recipe, Path(runs), Path(resume) if resume else None, device, tensorboard)
    if started_first():
        click.echo(result.table())
