"""``pifr report``: write the page again from scores."""

from __future__ import annotations

from pathlib import Path

import rich_click as click


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--out", default="report.html", show_default=True, help="Where to write the page.")
@click.option("--tables", type=click.Path(), help="Folder for results.json and CSV tables of every figure and curve.")
@click.option("--title", default="Face recognition across pose", show_default=True, help="Its heading.")
@click.option("--by", multiple=True, help="Report by this column of the scores; as the benchmark did where absent.")
@click.option("--bootstrap", "rounds", type=click.IntRange(min=2),
              help="Rounds behind each interval; as the benchmark was run where absent.")  # fmt: skip
def report(
    runs: tuple[str, ...], out: str, tables: str | None, title: str, by: tuple[str, ...], rounds: int | None
) -> None:
    """Write the HTML report of finished benchmarks again.

    Reads scores.parquet, protocol.json and environment.json of each RUN, a folder that 'pifr benchmark --out' wrote,
    computes every table and plot from them alone and writes one self-contained page. Benchmarks of the same
    comparisons are put side by side, others below each other.

    \b
    Examples:
      pifr report bench --out report.html
      pifr report bench-a bench-b --out both.html --tables tables --by illumination
    """
    from pifr.evaluation.joining import join_results
    from pifr.evaluation.results import read_result
    from pifr.evaluation.tables import save_tables
    from pifr.report import write_report

    results = join_results([read_result(Path(run), by=by or None, rounds=rounds) for run in runs])
    for number, result in enumerate(results if tables else [], start=1):
        folder = Path(str(tables)) if len(results) == 1 else Path(str(tables)) / f"{number}-{result.protocol['name']}"
        click.echo(f"tables: {save_tables(result, folder)}")
    click.echo(f"report: {write_report(results, Path(out), title=title)}")
