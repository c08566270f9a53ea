"""``pifr data``: commands on picture sets."""

from __future__ import annotations

import rich_click as click

from pifr.core.commandline import LazyGroup

COMMANDS = {
    "validate": ("pifr.cli.data.validate:validate", "Look for everything that is wrong with a picture set."),
    "import": (
        "pifr.cli.data.importing:import_group",
        "Make a manifest of a folder, its layout recognised; or of a table.",
    ),
    "split": ("pifr.cli.data.split:split", "Divide the people into training, validation and test."),
    "twin": ("pifr.cli.data.twin:twin", "Render Multi-PIE's twin: people who do not exist, in its room."),
    "pose": ("pifr.cli.data.pose:pose", "Estimate yaw and pitch of pictures that have none."),
    "train-pose": ("pifr.cli.data.pose:train_pose", "Train that estimator on rendered people."),
    "align": ("pifr.cli.data.align:align", "Cut the faces out as aligned squares."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def data() -> None:
    """Validate, import, split and align picture sets.

    A picture set is a manifest: a CSV or Parquet table with one row a picture and the columns path and subject.

    \b
    Examples:
      pifr data import folder photographs --out faces.csv
      pifr data validate faces.csv
      pifr data align faces.csv --template arcface-112 --out aligned
      pifr data split aligned/manifest.csv --parts train=44,val=8,test=20 --out aligned/split.csv
    """
