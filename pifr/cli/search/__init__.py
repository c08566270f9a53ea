"""``pifr search``: enrol people once, find them in milliseconds."""

from __future__ import annotations

import rich_click as click

from pifr.core.commandline import LazyGroup

COMMANDS = {
    "build": ("pifr.cli.search.build:build", "Embed a gallery and write a search index."),
    "query": ("pifr.cli.search.query:query", "Find who is on pictures."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def search() -> None:
    """Enrol a gallery of faces and find people in it.

    \b
    Examples:
      pifr search build --data staff.csv --embedder runs/00001-train-recognizer-ir18 --out gallery
      pifr search query gallery --data visitors.csv --top 3
    """
