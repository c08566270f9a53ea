"""``pifr compare``: two systems on the same people."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from pifr.core.errors import ConfigError


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B", required=False)
@click.option("--systems", help="Names of two systems of benchmark A, as 'one,other'; its first and last if absent.")
@click.option("--bootstrap", "rounds", type=click.IntRange(min=2),
              help="Rounds that draw people; as the benchmark was run where absent.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(), help="Write the differences as JSON to this file.")
def compare(first: str, second: str | None, systems: str | None, rounds: int | None, json_file: str | None) -> None:
    """Compare two systems pair by pair: is B better than A by more than chance?

    A and B are folders that 'pifr benchmark --out' wrote with one protocol on one data set; of each the first system
    is taken. With A alone, two of its own systems are compared. Intervals are paired: every round draws one set of
    people for both. DeLong's test of the AUC stands beside them; it takes comparisons as independent.

    \b
    Examples:
      pifr compare bench-without bench-with
      pifr compare bench --systems "frontal only,with generated views" --json difference.json
    """
    from pifr.evaluation.comparison import compare, pair_results
    from pifr.evaluation.measuring import read_result

    a = read_result(Path(first), rounds=rounds)
    if second is not None:
        if systems:
            raise ConfigError("--systems names two systems of one benchmark", cure="leave B or --systems away")
        paired = pair_results(a, read_result(Path(second), rounds=rounds))
        pair = paired.systems[0], paired.systems[1]
    else:
        paired = a
        names = systems.split(",") if systems else [a.systems[0].name, a.systems[-1].name]
        if len(names) != 2 or names[0] == names[1]:
            raise ConfigError("a comparison needs two systems", where=first, found=", ".join(names))
        pair = a.system(names[0].strip()), a.system(names[1].strip())
    found = compare(*pair, None if paired.streamed is not None else paired.scores)
    if json_file:
        found.save(Path(json_file))
    click.echo(found.table().to_string(index=False))
    drawn = paired.measure.rounds
    click.echo(f"95 % intervals of a paired bootstrap over {found.people} people, {drawn:,} rounds")
    click.echo(found.delong or "no DeLong test of the AUC: the scores were streamed, and not two systems' together")
