"""The door: the ``pifr`` command. Each command parses, calls one public function and prints its result."""

from __future__ import annotations

import rich_click as click

import pifr
from pifr.core.commandline import LazyGroup, run

COMMANDS = {
    "data": ("pifr.cli.data:data", "Validate, import, split and align picture sets."),
    "augment": ("pifr.cli.augment:augment", "Make multi-view pictures from single views."),
    "augment-merge": ("pifr.cli.augment:augment_merge", "Join the parts of 'pifr augment --shard i/n'."),
    "train-recognizer": ("pifr.cli.train_recognizer:train_recognizer", "Train a face recogniser."),
    "train-dream": ("pifr.cli.train_dream:train_dream", "Teach a trained recogniser to undo yaw (DREAM)."),
    "backbones": ("pifr.cli.backbones:backbones", "List the networks and what they cost."),
    "export": ("pifr.cli.export:export", "Write a trained recogniser as ONNX or torch.export."),
    "train-baseline": ("pifr.cli.train_baseline:train_baseline", "Train a classical baseline, for scale."),
    "benchmark": ("pifr.cli.benchmark:benchmark", "Measure any embedder, pose by pose."),
    "search": ("pifr.cli.search:search", "Enrol a gallery of faces and find people in it."),
    "report": ("pifr.cli.report:report", "Write the HTML report of finished benchmarks again."),
    "compare": ("pifr.cli.compare:compare", "Compare two systems on the same people."),
    "chain": ("pifr.cli.chain:chain", "Run the whole story from pictures to report."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(pifr.__version__, prog_name="pifr")
def pifr_command() -> None:
    """Measure how much a face recogniser loses when the face turns, and win it back with generated views.

    \b
    Examples:
      pifr data validate faces/manifest.csv
      pifr augment faces/manifest.csv --model runs/00000-train-ipgan-tiny-64 --yaws=-60,-30,30,60 --out views
      pifr train-recognizer configs/recognizer.yaml --set data.extra=[views/accepted.csv]
      pifr benchmark --protocol posegrid --data faces/test.csv --embedder runs/00001-train-recognizer-ir18
    """


def main() -> None:
    """Entry point of the ``pifr`` command."""
    run(pifr_command)
