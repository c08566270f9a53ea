"""The headline: what the benchmark found, said in one or two sentences that its intervals support."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pifr.evaluation.results import BenchmarkResult, SystemResult
from pifr.metrics import Interval, paired_difference


@dataclass(frozen=True)
class Headline:
    """What stands at the top of a report.

    Attributes:
        sentence: The finding.
        facts: Short labels with large numbers.
    """

    sentence: str
    facts: list[tuple[str, str]]


def headline(result: BenchmarkResult) -> Headline:
    """Say what the benchmark found.

    One system: how much it loses from the most frontal to the widest yaw. Several: how the last differs from the
    first at the widest yaw, with the paired interval of the difference, and whether that interval excludes zero.
    """
    first, last = result.systems[0], result.systems[-1]
    if first.folds is not None:
        rates = "; ".join(f"{s.name} {100 * s.folds.mean:.2f} %" for s in result.systems if s.folds is not None)
        errors = "; ".join(f"{s.name} {100 * s.overall.eer:.1f} %" for s in result.systems)
        return Headline(f"Accuracy over folds: {rates}. Equal error rate: {errors}.", _facts(result))
    if first.overall.rank and not _yaws(first):
        rates = "; ".join(f"{s.name} {100 * s.overall.rank[1]:.1f} %" for s in result.systems)
        return Headline(f"Found at rank 1: {rates}.", _facts(result))
    if not first.overall.rank:
        rates = "; ".join(f"{s.name} {100 * s.overall.eer:.1f} %" for s in result.systems)
        return Headline(f"Equal error rate: {rates}.", _facts(result))
    near, far = _yaws(first)[0], _yaws(first)[-1]
    if len(result.systems) == 1:
        return Headline(_loss(first, near, far), _facts(result))
    return Headline(f"{_difference(first, last, far)} {_loss(last, near, far)}", _facts(result))


def _yaws(system: SystemResult) -> list[str]:
    # At a yaw that shows strangers only nobody can be found.
    return sorted((name for name, f in system.by_abs_yaw.items() if name != "unknown" and f.rank), key=float)


def _loss(system: SystemResult, near: str, far: str) -> str:
    if near == far:
        return f"{system.name} finds {_rank1(system, far):.1f} % of probes at rank 1."
    return (
        f"{system.name}: rank-1 goes from {_rank1(system, near):.1f} % at {near}° to {_rank1(system, far):.1f} % "
        f"at {far}°."
    )


def _difference(first: SystemResult, last: SystemResult, far: str) -> str:
    gap = _rank1(last, far) - _rank1(first, far)
    found = paired_difference(first.by_abs_yaw[far].rank_interval[1], last.by_abs_yaw[far].rank_interval[1])
    return (
        f"At {far}° {last.name} finds {_rank1(last, far):.1f} % at rank 1 and {first.name} "
        f"{_rank1(first, far):.1f} %: {_signed(gap)} points, {_certainty(found)}."
    )


def _certainty(gap: Interval) -> str:
    """Say what the interval of a difference says, or that there is none."""
    if math.isnan(gap.low):
        return "too few people for an interval"
    sure = "" if gap.low > 0 or gap.high < 0 else ", which includes no difference at all"
    return f"95 % interval {_signed(100 * gap.low)} to {_signed(100 * gap.high)}{sure}"


def _signed(points: float) -> str:
    return f"{points:+.1f}".replace("-", "\u2212")


def _rank1(system: SystemResult, group: str) -> float:
    return 100 * system.by_abs_yaw[group].rank[1]


def _facts(result: BenchmarkResult) -> list[tuple[str, str]]:
    overall = result.systems[0].overall
    facts = [
        ("people", f"{overall.people:,}"),
        ("probes", f"{overall.probes:,}"),
        ("comparisons", f"{overall.mated + overall.nonmated:,}"),
    ]
    failures = sum(system.overall.failures for system in result.systems)
    if failures:
        facts.append(("failures to acquire", f"{failures:,}"))
    return facts
