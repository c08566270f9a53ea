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

    Reads scores.parquet (or the summary of streamed scores), protocol.json and environment.json of each RUN, a folder
    that 'pifr benchmark --out' wrote, computes every table and plot from them alone and writes one self-contained
    page. Benchmarks of the same comparisons are put side by side, others below each other; results of the protocol
    preservation come last.

    \b
    Examples:
      pifr report bench --out report.html
      pifr report bench-a bench-b --out both.html --tables tables --by illumination
    """
    from pifr.evaluation.joining import join_results
    from pifr.evaluation.measuring import holds_benchmark, read_result
    from pifr.evaluation.preservation_result import RESULTS, read_preservation
    from pifr.evaluation.tables import save_tables
    from pifr.report import write_report

    folders = [Path(run) for run in runs]
    preserved = [folder for folder in folders if (folder / RESULTS).is_file()]
    # A folder may hold both; one that holds neither is refused as no benchmark.
    measured = [each for each in folders if each not in preserved or holds_benchmark(each)]
    results = join_results([read_result(each, by=by or None, rounds=rounds) for each in measured])
    for number, result in enumerate(results if tables else [], start=1):
        # Scores made elsewhere need no protocol beside them.
        name = result.protocol.get("name") or "scores"
        folder = Path(str(tables)) if len(results) == 1 else Path(str(tables)) / f"{number}-{name}"
        click.echo(f"tables: {save_tables(result, folder)}")
    preservation = [read_preservation(folder) for folder in preserved]
    click.echo(f"report: {write_report(results, Path(out), title=title, preservation=preservation)}")
