"""``pifr report``: write the page again from scores."""

from __future__ import annotations

from pathlib import Path

import rich_click as click


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--out", default="report.html", show_default=True, help="Where to write the page.")
@click.option("--title", default="Face recognition across pose", show_default=True, help="Its heading.")
@click.option("--by", multiple=True, help="Also report by this column of the scores; repeatable.")
@click.option("--bootstrap", "rounds", type=click.IntRange(min=2),
              help="Rounds behind each interval; as the benchmark was run where absent.")  # fmt: skip
def report(runs: tuple[str, ...], out: str, title: str, by: tuple[str, ...], rounds: int | None) -> None:
    """Write the HTML report of finished benchmarks again.

    Reads scores.parquet and protocol.json of each RUN, a folder that 'pifr benchmark --out' wrote, computes every
    table and plot from them alone and writes one self-contained page.

    \b
    Examples:
      pifr report bench --out report.html
      pifr report bench-a bench-b --out both.html --by illumination
    """
    from pifr.evaluation.figures import Measure
    from pifr.evaluation.results import read_result
    from pifr.report import write_report

    measure = Measure(rounds=rounds) if rounds else None
    results = [read_result(Path(run), measure, by) for run in runs]
    click.echo(f"report: {write_report(results, Path(out), title=title)}")
