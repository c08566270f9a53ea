"""Error rates of groups at one threshold for all, as an operator sets it (differential performance, ISO/IEC 19795-10).

    python benchmarks/shared_threshold.py bench --by sex --by skin --fmr 0.001 --json threshold.json

'pifr benchmark --by' reads TAR at a threshold of each group's own. Here the threshold is that of all comparisons; a
group's FNMR counts its probes against their own people, its FMR its probes against others, and once more against others
of the same group alone, whom it resembles most. Intervals are a bootstrap over people, of a false match over both of
them, the threshold held fixed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pifr.core.errors import DataError, PifrError
from pifr.core.files import write_json
from pifr.evaluation.scores import ScoreTable, read_scores
from pifr.metrics import bootstrap_pair_rate, bootstrap_rate, person_weights, tar_at_far

KINDS = ("fnmr", "fmr", "fmr_within_group")


def rates_at_one_threshold(
    table: ScoreTable, system: str, columns: list[str], fmr: float, rounds: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Return FNMR and FMR of every group at the threshold of all comparisons, in percent.

    Args:
        table: The scores of a benchmark.
        system: Name of the system.
        columns: Columns to group by.
        fmr: False match rate that sets the threshold, over all comparisons.
        rounds: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        DataError: If there is no such column, or too few pairs of different people for the rate.
    """
    table = table.searched()
    scores, mated = table.with_floor(system), table.mated
    operating = tar_at_far(scores[mated], scores[~mated], fmr)
    if operating.too_few:
        raise DataError(str(operating))
    matched = scores >= operating.threshold
    person, other = table.person[table.probe], table.person[table.reference]
    weights = person_weights(len(table.people), rounds, seed)

    def rate(hits: np.ndarray, chosen: np.ndarray) -> dict[str, Any] | None:
        if not chosen.any():
            return None
        if mated[chosen].all():
            interval = bootstrap_rate(hits[chosen], person[chosen], weights)
        else:
            interval = bootstrap_pair_rate(hits[chosen], person[chosen], other[chosen], weights)
        value = float(100 * hits[chosen].mean())
        return {"percent": round(value, 4), "interval": interval.percent(), "comparisons": int(chosen.sum())}

    by_column: dict[str, Any] = {}
    for column in columns:
        probe, reference = table.column(column).astype(str), table.column(column, "reference").astype(str)
        by_column[column] = {
            name: {
                "people": len(np.unique(person[probe == name])),
                "fnmr": rate(~matched, mated & (probe == name)),
                "fmr": rate(matched, ~mated & (probe == name)),
                "fmr_within_group": rate(matched, ~mated & (probe == name) & (reference == name)),
            }
            for name in sorted(set(probe))
        }
    return {
        "system": system,
        "fmr_of_all": fmr,
        "threshold": operating.threshold,
        "rounds": rounds,
        "by_column": by_column,
    }


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    made.add_argument("benchmark", type=Path, help="folder that 'pifr benchmark --out' wrote")
    made.add_argument("--by", action="append", required=True, help="column; repeatable")
    made.add_argument("--fmr", type=float, default=1e-3)
    made.add_argument("--json", type=Path, required=True)
    return made


def main() -> int:
    """Read a benchmark's scores, print and store the rates; return the exit status."""
    options = parser().parse_args()
    try:
        table = read_scores(options.benchmark / "scores.parquet")
        found = rates_at_one_threshold(table, table.systems[0], options.by, options.fmr)
    except PifrError as error:
        print(error, file=sys.stderr)
        return 1
    write_json(options.json, found)
    for column, groups in found["by_column"].items():
        for name, rates in groups.items():
            shown = [
                f"{key} {rates[key]['percent']} {rates[key]['interval']}"
                for key in rates
                if key in KINDS and rates[key]
            ]
            print(f"{column}, {name}: {', '.join(shown)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
