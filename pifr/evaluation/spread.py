"""How far groups of a column lie apart: the best and the worst served, their difference and their ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pifr.evaluation.figures import Figures, percent
from pifr.metrics import Interval, paired_difference


@dataclass(frozen=True)
class Spread:
    """One figure over the groups of one column.

    Attributes:
        column: The column, for example ``sex``.
        figure: ``rank-1``, ``EER`` or ``TAR@FAR 0.01``.
        best_group: The group with the fewest errors.
        best: Its share.
        worst_group: The group with the most errors.
        worst: Its share.
        interval: Of ``best - worst`` (``worst - best`` for the EER), from rounds that drew the same people for both
            groups. That these two were picked because they came out best and worst is not in it.
        groups: Groups with a figure.
        left_out: Groups without one, for want of comparisons.
    """

    column: str
    figure: str
    best_group: str
    best: float
    worst_group: str
    worst: float
    interval: Interval
    groups: int
    left_out: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """Largest minus smallest share."""
        return abs(self.best - self.worst)

    @property
    def ratio(self) -> float:
        """Largest over smallest share; infinite where only the smallest is zero, NaN where both are."""
        low, high = sorted((self.best, self.worst))
        if low == 0:
            return math.inf if high > 0 else math.nan
        return high / low

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values in percent and percent points; the unknown is null."""
        return {
            "column": self.column, "figure": self.figure,
            "best_group": self.best_group, "best_percent": percent(self.best),
            "worst_group": self.worst_group, "worst_percent": percent(self.worst),
            "difference_points": percent(self.difference), "difference_interval": self.interval.percent(),
            "ratio": round(self.ratio, 4) if math.isfinite(self.ratio) else None,
            "groups": self.groups, "groups_without_figure": list(self.left_out),
        }  # fmt: skip

    def row(self, system: str) -> dict[str, str]:
        """Return a row of a table for people."""
        ends = self.interval.percent()
        return {
            "system": system, "by": self.column, "figure": self.figure,
            "best": f"{self.best_group} {100 * self.best:.1f}", "worst": f"{self.worst_group} {100 * self.worst:.1f}",
            "max - min": f"{100 * self.difference:.1f}" + ("" if ends is None else f" [{ends[0]:.1f}, {ends[1]:.1f}]"),
            "max / min": f"{self.ratio:.2f}" if math.isfinite(self.ratio) else "",
        }  # fmt: skip


def spread(column: str, groups: Mapping[str, Figures]) -> list[Spread]:
    """Return the spread of rank-1, EER and every TAR@FAR over the groups of a column.

    Groups whose comparisons are too few for a figure are named, not ranked; a figure that fewer than two groups
    have is left out.

    Args:
        column: Its name.
        groups: Group -> figures, all drawn with the same bootstrap weights.
    """
    found = []
    for figure, higher_is_better in _figure_names(groups):
        known = {name: pair for name, each in groups.items() if (pair := _figure(each, figure)) is not None}
        if len(known) < 2:
            continue
        ordered = sorted(known, key=lambda name: known[name][0], reverse=higher_is_better)
        best, worst = ordered[0], ordered[-1]
        upper, lower = (best, worst) if higher_is_better else (worst, best)
        found.append(Spread(
            column, figure, best, known[best][0], worst, known[worst][0],
            paired_difference(known[lower][1], known[upper][1]), len(known),
            tuple(name for name in groups if name not in known),
        ))  # fmt: skip
    return found


def _figure_names(groups: Mapping[str, Figures]) -> list[tuple[str, bool]]:
    """Return the figures that some group has, and whether more of it is better."""
    ranks = sorted({n for each in groups.values() for n in each.rank})
    fars = sorted({tar.far for each in groups.values() for tar in each.tar}, reverse=True)
    return [*((f"rank-{n}", True) for n in ranks), ("EER", False), *((f"TAR@FAR {far:g}", True) for far in fars)]


def _figure(figures: Figures, name: str) -> tuple[float, Interval] | None:
    if name == "EER":
        return None if figures.eer_interval is None else (figures.eer, figures.eer_interval)
    if name.startswith("rank-"):
        n = int(name.removeprefix("rank-"))
        return (figures.rank[n], figures.rank_interval[n]) if n in figures.rank else None
    for tar in figures.tar:
        if name == f"TAR@FAR {tar.far:g}" and not tar.too_few:
            return tar.tar, figures.tar_interval[tar.far]
    return None
