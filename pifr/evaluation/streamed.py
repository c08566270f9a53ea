"""What is left of a system's scores once they have streamed past, and the figures that come from it.

Where a group has no more mated and no more non-mated comparisons than the tail keeps
(:class:`pifr.metrics.streaming.StreamingScores`), its figures are those of a table of all scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from pifr.core.errors import DataError
from pifr.evaluation.figures import Figures, identification_figures
from pifr.evaluation.measure import Measure
from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.search import Search
from pifr.metrics import ErrorRates
from pifr.metrics.streaming import StreamingScores
from pifr.metrics.verification_bootstrap import VerificationIntervals

BINS_PER_UNIT = 1 << 16
"""Bins of a group: 2 MiB, and a 65,536th of a cosine wide."""
ALL, SIGNED, ABSOLUTE, DEV = "all", "yaw", "abs_yaw", "dev"


@dataclass
class Moments:
    """Count, sum and sum of squares of scores, mated and not: all that d-prime needs."""

    sums: np.ndarray = field(default_factory=lambda: np.zeros((2, 3)))

    def add(self, scores: np.ndarray, mated: np.ndarray) -> None:
        """Take scores of pictures that gave an embedding."""
        for row, side in enumerate((scores[mated], scores[~mated])):
            exact = side.astype(float)
            self.sums[row] += len(side), exact.sum(), np.square(exact).sum()

    def d_prime(self) -> float:
        """Return d-prime, see :func:`pifr.metrics.d_prime`; NaN where a side is empty."""
        count, total, squares = self.sums.T
        if not count.all():
            return math.nan
        mean = total / count
        spread = math.sqrt(max(float((squares / count - mean**2).sum()) / 2, 0.0))
        gap = float(mean[0] - mean[1])
        if spread == 0:
            return math.copysign(math.inf, gap) if gap else 0.0
        return gap / spread


@dataclass
class GroupCounts:
    """What one group of probes leaves behind.

    Attributes:
        scores: Its comparisons, failures at :data:`pifr.metrics.streaming.FAILED`.
        moments: Of the scores that are real.
        intervals: Over people; None before the second pass, and where there is one kind of comparison only.
    """

    scores: StreamingScores
    moments: Moments = field(default_factory=Moments)
    intervals: VerificationIntervals | None = None

    def merged(self, other: GroupCounts) -> GroupCounts:
        """Return both together, without intervals."""
        scores = StreamingScores(self.scores.tail, self.scores.bins_per_unit)
        scores.merge(self.scores)
        scores.merge(other.scores)
        return GroupCounts(scores, Moments(self.moments.sums + other.moments.sums))

    @property
    def both(self) -> bool:
        """Whether there are comparisons of one person and of two."""
        return bool(self.scores.mated and self.scores.nonmated)

    def figures(self, fars: tuple[float, ...]) -> dict[str, Any]:
        """Return the one-to-one entries of :class:`~pifr.evaluation.figures.Figures`."""
        counts = {"mated": self.scores.mated, "nonmated": self.scores.nonmated}
        if self.intervals is None:
            return counts
        return {
            **counts, "eer": self.scores.equal_error_rate(), "eer_interval": self.intervals.eer,
            "auc": self.scores.area_under_curve(), "auc_interval": self.intervals.auc,
            "d_prime": self.moments.d_prime(), "tar": [self.scores.tar_at_far(far) for far in fars],
            "tar_interval": self.intervals.tar,
        }  # fmt: skip


@dataclass(frozen=True)
class StreamedScores:
    """One system's comparisons, reduced; it answers what :class:`~pifr.evaluation.figures.SystemScores` answers.

    Attributes:
        system: Its name.
        measure: How to compute.
        people: Number of people of the test, on both parts.
        probe_rows: ``(P,)`` the reported probes as rows of the pictures, ascending.
        probe_person: ``(P,)``.
        failed: ``(P,)`` probes that failed, or whose person could not be enrolled.
        search: The searches; None where the protocol lists pairs.
        group_of: Kind of group -> names, and ``(P,)`` each probe's index among them.
        counts: Kind -> name -> what is left of its comparisons. Kinds are ``all``, ``yaw``, ``abs_yaw``, other
            columns, and ``dev`` where thresholds are set on a part of its own.
        worst: A small table of the comparisons that went most wrong.
        digest: Of what is compared with what.
        drawn: ``(people,)`` where they stand among those that a round draws from; None where these are all.
    """

    system: str
    measure: Measure
    people: int
    probe_rows: np.ndarray
    probe_person: np.ndarray
    failed: np.ndarray
    search: Search | None
    group_of: dict[str, tuple[list[str], np.ndarray]]
    counts: dict[str, dict[str, GroupCounts]]
    worst: ScoreTable
    digest: str
    drawn: np.ndarray | None = None

    @cached_property
    def weights(self) -> np.ndarray:
        """Weights of the bootstrap ``(R, people)``."""
        return self.measure.weights(self.people, self.drawn)

    @cached_property
    def ranks(self) -> np.ndarray | None:
        """Rank of each probe's person ``(P,)``; None where there is no search."""
        return None if self.search is None else self.search.ranks()

    @cached_property
    def enrolled(self) -> np.ndarray:
        """Whether each probe's person is enrolled ``(P,)``."""
        if self.search is None:
            return np.ones(len(self.probe_rows), bool)
        return np.isin(self.probe_person, self.search.people)

    def figures(self, kind: str = ALL, name: str = ALL) -> Figures:
        """Return the figures of one group of probes."""
        names, code = self.group_of[kind]
        chosen = code == names.index(name)
        closed = chosen & self.enrolled
        ranks = None if self.ranks is None else self.ranks[closed]
        rank, interval = identification_figures(ranks, self.probe_person[closed], self.weights, self.measure.ranks)
        return Figures(
            group=name, probes=int(chosen.sum()), people=len(np.unique(self.probe_person[chosen])),
            failures=int((chosen & self.failed).sum()), rank=rank, rank_interval=interval,
            **self.counts[kind][name].figures(self.measure.fars),
        )  # fmt: skip

    def by(self, column: str, signed: bool = False) -> dict[str, Figures]:
        """Return the figures of every group of a column."""
        kind = ABSOLUTE if column == SIGNED and not signed else column
        if kind not in self.group_of:
            raise DataError(f"the streamed scores were not grouped by {column!r}", cure="benchmark with --by")
        return {name: self.figures(kind, name) for name in self.group_of[kind][0]}

    def curve(self, points: int = 600) -> ErrorRates:
        """Return FMR and FNMR of all comparisons, thinned for a plot."""
        return self.counts[ALL][ALL].scores.error_rates().thin(points)

    def renamed(self, name: str) -> StreamedScores:
        """Return the same under another name."""
        worst = replace(self.worst, scores={name: self.worst.scores[self.system]})
        return replace(self, system=name, worst=worst)
