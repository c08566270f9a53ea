"""From scores to figures: one system, one group of probes, every number with its interval and its count."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from pifr.core.errors import DataError
from pifr.evaluation.acquired import Acquired
from pifr.evaluation.measure import Measure
from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.search import Search, make_search
from pifr.metrics import (
    ErrorRates,
    FoldAccuracy,
    Interval,
    TarAtFar,
    area_under_curve,
    bootstrap_rate,
    bootstrap_verification,
    d_prime,
    equal_error_rate,
    fold_accuracy,
    rank_n_rate,
    roc_points,
    tar_at_far,
)


@dataclass(frozen=True)
class Figures:
    """What one system scored on one group of probes. Rates are shares in [0, 1].

    Attributes:
        group: Name of the group, for example ``45``; ``all`` for every probe.
        probes: Number of probes.
        people: Number of people they show.
        failures: Probes whose picture, or whose person's enrolled picture, gave no embedding; counted as missed. Of
            probes that are compared with other people alone, those of which no comparison got a score.
        rank: Rank N -> share found within it; empty where the protocol has no search.
        rank_interval: Rank N -> interval over people.
        mated: Mated comparisons.
        nonmated: Non-mated comparisons.
        eer: Equal error rate; NaN where the group has only one kind of comparison.
        eer_interval: Its interval; None where there is none.
        auc: Area under the ROC.
        auc_interval: Its interval; None where there is none.
        d_prime: Distance of the two score distributions.
        tar: True accept rate at each false accept rate.
        tar_interval: Its intervals.
    """

    group: str
    probes: int
    people: int
    failures: int
    rank: dict[int, float]
    rank_interval: dict[int, Interval]
    mated: int
    nonmated: int
    eer: float = math.nan
    eer_interval: Interval | None = None
    auc: float = math.nan
    auc_interval: Interval | None = None
    d_prime: float = math.nan
    tar: list[TarAtFar] = field(default_factory=list)
    tar_interval: dict[float, Interval] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values, rates in percent; the unknown is null."""
        return {
            "group": self.group,
            "probes": self.probes,
            "people": self.people,
            "failures_to_acquire": self.failures,
            **{f"rank{n}_percent": percent(rate) for n, rate in self.rank.items()},
            **{f"rank{n}_interval": interval.percent() for n, interval in self.rank_interval.items()},
            "mated_comparisons": self.mated,
            "nonmated_comparisons": self.nonmated,
            "eer_percent": percent(self.eer),
            "eer_interval": None if self.eer_interval is None else self.eer_interval.percent(),
            "auc_percent": percent(self.auc),
            "auc_interval": None if self.auc_interval is None else self.auc_interval.percent(),
            "d_prime": self.d_prime if math.isfinite(self.d_prime) else None,
            "tar_at_far": [
                {**tar.to_dict(), "interval": self.tar_interval[tar.far].percent()} for tar in self.tar
            ],
        }  # fmt: skip


class SystemScores:
    """One system's view of a score table: the search of the protocol, prepared once for every group.

    Args:
        table: The scores.
        system: Name of the system.
        measure: How to compute.
        part: ``eval`` or ``dev``; None takes every comparison.
    """

    def __init__(self, table: ScoreTable, system: str, measure: Measure, part: str | None = None) -> None:
        self.table, self.system, self.measure = table.searched(part), system, measure
        if not len(self.table):
            raise DataError("there is no comparison to report", where=system)
        self.scores = self.table.with_floor(system)
        self.failed = np.isnan(self.table.scores[system])
        self.weights = measure.weights(len(table.people), measure.columns(table.people))

    @cached_property
    def probe_rows(self) -> np.ndarray:
        """The probes ``(P,)`` as rows of the pictures, ascending."""
        return np.unique(self.table.probe)

    @cached_property
    def lost(self) -> np.ndarray:
        """Probes ``(P,)`` that failed, or whose person could not be enrolled; see :mod:`pifr.evaluation.acquired`."""
        seen = Acquired(len(self.table.pictures))
        seen.add(self.table.probe, self.table.mated, self.failed)
        return seen.lost[self.probe_rows]

    @cached_property
    def search(self) -> Search | None:
        """The search behind the ranks; None where probes are not all compared with one set of references."""
        return make_search(self.table, self.scores, self.lost)

    @cached_property
    def ranks(self) -> np.ndarray | None:
        """Rank of each probe's person ``(P,)``; None where there is no search."""
        return None if self.search is None else self.search.ranks()

    @cached_property
    def enrolled(self) -> np.ndarray:
        """Whether each probe's person is enrolled ``(P,)``; the closed set is these probes."""
        return np.isin(self.table.person[self.probe_rows], self.table.person[self.table.reference])

    def groups(self, by: str, signed: bool = False) -> dict[str, np.ndarray]:
        """Group probes by a column: name -> mask over :attr:`probe_rows`.

        Args:
            by: ``yaw`` is put into bins; any other column is taken as it is.
            signed: Keep left and right apart.
        """
        if by not in self.table.pictures:
            self.table.column(by)  # raises, naming the nearest column
        values = self.table.pictures[by].to_numpy()[self.probe_rows]
        if by == "yaw":
            return yaw_groups(values.astype(float), self.measure.bin_degrees, signed)
        names = np.array([str(value) for value in values])
        return {name: names == name for name in sorted(set(names))}

    def figures(self, group: str = "all", mask: np.ndarray | None = None) -> Figures:
        """Return the figures of the probes where ``mask`` ``(P,)`` is true; of all probes without it."""
        chosen = np.ones(len(self.probe_rows), bool) if mask is None else mask
        rows = self.probe_rows[chosen]
        person = self.table.person[rows]
        closed = chosen & self.enrolled
        ranks = None if self.ranks is None else self.ranks[closed]
        searched = self.table.person[self.probe_rows[closed]]
        rank, rank_interval = identification_figures(ranks, searched, self.weights, self.measure.ranks)
        in_group = np.zeros(len(self.table.pictures), bool)
        in_group[rows] = True
        return Figures(
            group=group, probes=len(rows), people=len(np.unique(person)), failures=int(self.lost[chosen].sum()),
            rank=rank, rank_interval=rank_interval, **self._verification(in_group[self.table.probe]),
        )  # fmt: skip

    @property
    def worst(self) -> ScoreTable:
        """A table in which the comparisons that went most wrong are found: here all of them."""
        return self.table

    def curve(self, points: int = 600) -> ErrorRates:
        """Return FMR and FNMR of all comparisons, thinned for a plot."""
        return roc_points(self.scores[self.table.mated], self.scores[~self.table.mated], points)

    def folds(self, legacy_grid: bool = False) -> FoldAccuracy | None:
        """Return the accuracy over folds; None where the protocol has none."""
        if self.table.fold is None:
            return None
        return fold_accuracy(self.scores, self.table.mated, self.table.fold, legacy_grid)

    def by(self, column: str, signed: bool = False) -> dict[str, Figures]:
        """Return the figures of every group of ``column``."""
        return {name: self.figures(name, mask) for name, mask in self.groups(column, signed).items()}

    def _verification(self, comparisons: np.ndarray) -> dict[str, Any]:
        person, table = self.table.person, self.table
        return verification_figures(
            self.scores[comparisons], table.mated[comparisons], person[table.probe[comparisons]],
            person[table.reference[comparisons]], self.weights, self.measure.fars, ~self.failed[comparisons],
        )  # fmt: skip


def identification_figures(
    ranks: np.ndarray | None, person: np.ndarray, weights: np.ndarray, wanted: tuple[int, ...]
) -> tuple[dict[int, float], dict[int, Interval]]:
    """Return rank-N rates and their intervals; nothing where there is no search, or no probe's person is enrolled.

    Args:
        ranks: ``(P,)`` of the probes whose person is enrolled.
        person: ``(P,)`` that person, a column of ``weights``.
        weights: ``(rounds, people)`` of the bootstrap.
        wanted: The N.
    """
    if ranks is None or not len(ranks):
        return {}, {}
    return (
        {n: rank_n_rate(ranks, n) for n in wanted}, {n: bootstrap_rate(ranks <= n, person, weights) for n in wanted}
    )  # fmt: skip


def verification_figures(
    scores: np.ndarray, mated: np.ndarray, first: np.ndarray, second: np.ndarray, weights: np.ndarray,
    fars: tuple[float, ...], acquired: np.ndarray | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return the one-to-one entries of :class:`Figures`.

    Args:
        scores: ``(C,)``.
        mated: ``(C,)`` bool.
        first: ``(C,)`` person of the one side, as a column of ``weights``.
        second: ``(C,)`` person of the other.
        weights: ``(rounds, people)`` of the bootstrap.
        fars: False accept rates.
        acquired: ``(C,)`` comparisons whose score is a real one; all where absent.
    """
    count = int(mated.sum())
    found: dict[str, Any] = {"mated": count, "nonmated": len(mated) - count}
    if not count or count == len(mated):
        return found
    intervals = bootstrap_verification(scores, mated, first, second, weights, fars)
    genuine, impostor = scores[mated], scores[~mated]
    return {
        **found,
        "eer": equal_error_rate(genuine, impostor),
        "eer_interval": intervals.eer,
        "auc": area_under_curve(genuine, impostor),
        "auc_interval": intervals.auc,
        "d_prime": _d_prime(scores, mated, np.ones(len(mated), bool) if acquired is None else acquired),
        "tar": _tars(genuine, impostor, fars, acquired),
        "tar_interval": intervals.tar,
    }


def yaw_groups(yaw_degrees: np.ndarray, bin_degrees: float, signed: bool = False) -> dict[str, np.ndarray]:
    """Group pictures by the nearest multiple of ``bin_degrees``: name -> mask, in order of the angle.

    Example:
        >>> list(yaw_groups(np.array([-44.0, 2.0, 45.0]), 15))
        ['0', '45']
        >>> list(yaw_groups(np.array([-44.0, 2.0, 45.0]), 15, signed=True))
        ['-45', '0', '45']
    """
    centres = nearest_multiples(yaw_degrees if signed else np.abs(yaw_degrees), bin_degrees)
    known = sorted(set(centres[~np.isnan(centres)]))
    groups = {f"{centre:g}": centres == centre for centre in known}
    if np.isnan(centres).any():
        groups["unknown"] = np.isnan(centres)
    return groups


def nearest_multiples(yaw_degrees: np.ndarray, bin_degrees: float) -> np.ndarray:
    """Return the nearest multiples of ``bin_degrees`` ``(N,)``; half-way angles go away from zero on both sides.

    So left and right are treated alike.

    Example:
        >>> nearest_multiples(np.array([-58.4, 7.5, -7.5, 7.4]), 15).tolist()
        [-60.0, 15.0, -15.0, 0.0]
    """
    turns = np.floor(np.abs(yaw_degrees) / bin_degrees + 0.5)
    return np.asarray(np.sign(yaw_degrees) * turns * bin_degrees + 0.0)


def percent(rate: float) -> float | None:
    """Return a share as percent with four decimals; None for NaN, since JSON has none."""
    return None if math.isnan(rate) else round(100 * rate, 4)


def _tars(
    genuine: np.ndarray, impostor: np.ndarray, fars: tuple[float, ...], acquired: np.ndarray | None
) -> list[TarAtFar]:
    """Return TAR at each FAR. Where every picture failed no threshold is one: all scores are the failures' place."""
    found = [tar_at_far(genuine, impostor, far) for far in fars]
    if acquired is None or acquired.any():
        return found
    return [each if each.too_few else replace(each, threshold=math.inf) for each in found]


def _d_prime(scores: np.ndarray, mated: np.ndarray, acquired: np.ndarray) -> float:
    """Return d-prime over the pictures that gave an embedding: a made-up floor has no distance."""
    genuine, impostor = scores[mated & acquired], scores[~mated & acquired]
    if not len(genuine) or not len(impostor):
        return math.nan
    return d_prime(genuine, impostor)
