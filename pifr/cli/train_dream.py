"""``pifr train-dream``: a DREAM block on top of a finished recogniser."""

from __future__ import annotations

import json
from pathlib import Path

import rich_click as click

from pifr.core.commandline import device_option, set_option


@click.command()
@click.argument("run")
@click.option("--data", required=True, help="Manifest with near-frontal and profile pictures of the same people.")
@click.option(
    "--gate", type=click.Choice(["paper", "code"]), default="paper", show_default=True, help="Formula of yaw."
)
@click.option("--yaw", type=click.Choice(["manifest", "estimate"]), default="estimate", show_default=True,
              help="Where the gate's yaw comes from, here and whenever pictures are embedded.")  # fmt: skip
@set_option
@click.option("--runs", default="runs", show_default=True, help="Folder in which the new run folder is made.")
@device_option
def train_dream(run: str, data: str, gate: str, yaw: str, overrides: tuple[str, ...], runs: str, device: str) -> None:
    """Teach a trained recogniser to undo yaw.

    RUN is a run folder of 'pifr train-recognizer'; its network stays as it is. A small block behind it learns to map
    profiles (50 degrees and more) to the mean of the same person's near-frontal embeddings (up to 20 degrees), opened
    by yaw: DREAM (Cao et al., CVPR 2018), "stitched". The result is a recogniser like any other. To train both end to
    end instead: pifr train-recognizer --set 'backbone.dream={gate: paper}'.

    \b
    Examples:
      pifr train-dream runs/00001-train-recognizer-ir18 --data faces/split.csv
      pifr train-dream runs/00001-train-recognizer-ir18 --data faces/split.csv --gate code --set steps=5000
      pifr train-dream RUN --data views/manifest.csv --set train_split=null --set validation_split=null
    """
    from pifr.core.config import load_config
    from pifr.recognition.stitching import StitchConfig, stitch_dream

    # Quoted as JSON, since a path may look like a number or a mapping.
    spelled = {
        f"run={json.dumps(run)}": run, f"data={json.dumps(data)}": f"--data {data}",
        f"dream.gate={gate}": f"--gate {gate}", f"dream.yaw={yaw}": f"--yaw {yaw}",
    }  # fmt: skip
    config = load_config(StitchConfig, None, [*spelled, *overrides], spelled)
    click.echo(stitch_dream(config, Path(runs), device).table())
