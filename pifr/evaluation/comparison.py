"""Two systems on the same people: is the difference more than chance?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from pifr.core.errors import DataError
from pifr.core.files import write_json
from pifr.evaluation.figures import Figures
from pifr.evaluation.joining import join_tables, streamed_alike
from pifr.evaluation.measure import Measure
from pifr.evaluation.measuring import measure_scores, summarised
from pifr.evaluation.results import BenchmarkResult, SystemResult
from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.thresholds import reported_part
from pifr.metrics import DeLong, Interval, delong_test, paired_difference

_ALIKE = "run both with one protocol on one data set, best in one call of pifr benchmark"


@dataclass(frozen=True)
class Difference:
    """Second minus first, for one figure of one group of probes.

    Attributes:
        group: ``all`` or an absolute yaw.
        figure: ``rank-1``, ``EER``, ``TAR@FAR 0.01`` or ``AUC``.
        first: Share of the first system.
        second: Share of the second system.
        interval: Of the difference, from rounds that drew the same people for both.
    """

    group: str
    figure: str
    first: float
    second: float
    interval: Interval

    @property
    def settled(self) -> bool:
        """Whether the interval excludes no difference."""
        return self.interval.low > 0 or self.interval.high < 0

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values in percent and percent points."""
        return {
            "group": self.group,
            "figure": self.figure,
            "first_percent": round(100 * self.first, 4),
            "second_percent": round(100 * self.second, 4),
            "difference_points": round(100 * (self.second - self.first), 4),
            "difference_interval": self.interval.percent(),
            "settled": self.settled,
        }


@dataclass(frozen=True)
class Comparison:
    """All differences between two systems.

    Attributes:
        first: Name of the one.
        second: Name of the other.
        differences: One entry a group and figure.
        people: Number of people behind the bootstrap.
        delong: Test of the two areas under the ROC; None where the scores themselves are not at hand.
    """

    first: str
    second: str
    differences: list[Difference]
    people: int
    delong: DeLong | None = None

    def table(self) -> pd.DataFrame:
        """Return one row a difference: both rates, the difference with its 95 % interval, and whether it is settled."""
        rows = []
        for each in self.differences:
            found = each.to_dict()
            ends = found["difference_interval"]
            rows.append({
                "|yaw|": each.group, "figure": each.figure, self.first: f"{found['first_percent']:.1f}",
                self.second: f"{found['second_percent']:.1f}", "difference": f"{found['difference_points']:+.1f}",
                "95 % interval": "" if ends is None else f"{ends[0]:+.1f} to {ends[1]:+.1f}",
                "settled": "yes" if each.settled else "no",
            })  # fmt: skip
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "first": self.first,
            "second": self.second,
            "people": self.people,
            "delong_auc": None if self.delong is None else self.delong.to_dict(),
            "differences": [each.to_dict() for each in self.differences],
        }

    def save(self, path: Path) -> Path:
        """Write :meth:`to_dict` as JSON."""
        write_json(Path(path), self.to_dict())
        return Path(path)


def compare(first: SystemResult, second: SystemResult, scores: ScoreTable | None = None) -> Comparison:
    """Compare two systems of one :class:`~pifr.evaluation.BenchmarkResult`.

    Intervals are paired: every bootstrap round draws one set of people and both systems are measured on it, so what
    makes a person hard for both cancels out. An interval that excludes zero is called settled.

    Args:
        first: The system compared with.
        second: The system in question.
        scores: Every comparison of both, for DeLong's test of the AUC.
    """
    groups = [("all", first.overall, second.overall)]
    groups += [(name, figures, second.by_abs_yaw[name]) for name, figures in first.by_abs_yaw.items()]
    differences = [each for group, a, b in groups for each in _differences(group, a, b)]
    delong = None if scores is None else _delong(scores, first.name, second.name)
    return Comparison(first.name, second.name, differences, first.overall.people, delong)


def side_by_side(
    first: BenchmarkResult, second: BenchmarkResult, measure: Measure | None = None
) -> tuple[SystemResult, SystemResult]:
    """Return the first system of two benchmarks, see :func:`pair_results`."""
    systems = pair_results(first, second, measure).systems
    return systems[0], systems[1]


def pair_results(first: BenchmarkResult, second: BenchmarkResult, measure: Measure | None = None) -> BenchmarkResult:
    """Return one benchmark of the first systems of two, measured on the comparisons that both hold.

    Args:
        first: A benchmark.
        second: Another one of the same protocol on the same data.
        measure: How to compute; as the first was where absent.

    Raises:
        DataError: If they do not hold the same comparisons.
    """
    names = (first.systems[0].name, second.systems[0].name)
    if names[0] == names[1]:
        names = (f"{names[0]} (first)", f"{names[1]} (second)")
    if first.streamed is not None or second.streamed is not None:
        return _pair_streams(first, second, names)
    tables = [_only_first(result.scores, name) for result, name in zip((first, second), names, strict=True)]
    joined = join_tables(tables[0], tables[1:])
    if joined is None:
        raise DataError(
            "the two benchmarks do not hold the same comparisons",
            found=f"{len(first.scores):,} and {len(second.scores):,} comparisons", cure=_ALIKE,
        )  # fmt: skip
    return measure_scores(joined, first.protocol, measure=measure or first.measure)


def _pair_streams(first: BenchmarkResult, second: BenchmarkResult, names: tuple[str, str]) -> BenchmarkResult:
    """Pair the stored rounds of two streamed benchmarks: both drew the same people."""
    if first.streamed is None or second.streamed is None:
        raise DataError("one benchmark was streamed and the other was not", cure="give both one --max-score-rows")
    if not streamed_alike(first, second):
        raise DataError(
            "the two benchmarks do not hold the same comparisons in the same groups, or drew other people for their "
            "intervals",
            cure=_ALIKE,
        )
    pair = [next(iter(each.streamed.values())) for each in (first, second) if each.streamed is not None]
    streamed = {name: each.renamed(name) for name, each in zip(names, pair, strict=True)}
    return summarised(streamed, first.scores, first.protocol, None, first.measure, None, ())


def _delong(scores: ScoreTable, first: str, second: str) -> DeLong | None:
    table = scores.searched(reported_part(scores))
    if table.mated.sum() < 2 or (~table.mated).sum() < 2:
        return None
    return delong_test(table.with_floor(first), table.with_floor(second), table.mated)


def _differences(group: str, first: Figures, second: Figures) -> list[Difference]:
    found = [
        Difference(group, f"rank-{n}", rate, second.rank[n],
                   paired_difference(first.rank_interval[n], second.rank_interval[n]))
        for n, rate in first.rank.items()
    ]  # fmt: skip
    if first.eer_interval is not None and second.eer_interval is not None:
        interval = paired_difference(first.eer_interval, second.eer_interval)
        found.append(Difference(group, "EER", first.eer, second.eer, interval))
    for a, b in zip(first.tar, second.tar, strict=True):
        if not a.too_few:
            interval = paired_difference(first.tar_interval[a.far], second.tar_interval[b.far])
            found.append(Difference(group, f"TAR@FAR {a.far:g}", a.tar, b.tar, interval))
    if first.auc_interval is not None and second.auc_interval is not None:
        interval = paired_difference(first.auc_interval, second.auc_interval)
        found.append(Difference(group, "AUC", first.auc, second.auc, interval))
    return found


def _only_first(table: ScoreTable, name: str) -> ScoreTable:
    """Keep the first system of a table, under another name."""
    return replace(table, scores={name: table.scores[table.systems[0]]})
