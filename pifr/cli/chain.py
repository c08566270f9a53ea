"""``pifr chain``: the whole story from pictures to report."""

from __future__ import annotations

import rich_click as click

from pifr.core.commandline import device_option, set_option


@click.command()
@click.argument("config")
@click.option("--out", required=True, help="Folder for everything the chain makes.")
@set_option
@device_option
def chain(config: str, out: str, overrides: tuple[str, ...], device: str) -> None:
    """Run the whole story: pictures, generator, views, recognisers without and with them, benchmark, report.

    CONFIG is a YAML file or the name of a shipped recipe. Interrupted? Run the same command again: finished stages
    are kept, a training run goes on from its last checkpoint.

    \b
    Examples:
      pifr chain demo --out runs/demo
      pifr chain configs/london.yaml --set pictures.manifest=london/index.csv --out runs/london
    """
    from pathlib import Path

    from pifr.chain import ChainConfig, run_chain
    from pifr.core.config import load_config

    result = run_chain(load_config(ChainConfig, config, overrides), Path(out), device)
    click.echo(result.table())
    click.echo(f"report: {result.report}")
