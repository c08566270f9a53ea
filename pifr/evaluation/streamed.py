"""Every figure of one system from comparisons that come block by block; memory does not grow with their number.

Two passes: the first counts scores (:class:`pifr.metrics.streaming.StreamingScores`), searches galleries and keeps the
worst pairs; the second counts what the bootstrap over people needs between thresholds that the first one found. Where a
group has no more mated and no more non-mated comparisons than the tail keeps, its figures are those of a whole table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from pifr.core.errors import DataError
from pifr.core.progress import progress_bar
from pifr.evaluation.blocks import ScoreBlock, ScoreSource
from pifr.evaluation.figures import Figures, Measure, identification_figures, yaw_groups
from pifr.evaluation.protocols.protocol import DEVELOPMENT, EVALUATION
from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.scoring import refuse_constant
from pifr.evaluation.search import Enrolment, Search, gather
from pifr.evaluation.worst import WorstPairs
from pifr.metrics import Answers, ErrorRates, person_weights
from pifr.metrics.streaming import FAILED, TAIL, StreamingScores
from pifr.metrics.verification_bootstrap import VerificationBootstrap, VerificationIntervals

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

    @cached_property
    def weights(self) -> np.ndarray:
        """Weights of the bootstrap ``(R, people)``."""
        return person_weights(self.people, self.measure.rounds, self.measure.seed)

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


def stream_system(
    source: ScoreSource, system: str, measure: Measure, by: tuple[str, ...] = (), tail: int = TAIL,
    bins_per_unit: int = BINS_PER_UNIT,
) -> StreamedScores:  # fmt: skip
    """Measure one system in two passes over its comparisons.

    Args:
        source: Where they come from.
        system: Name of the system.
        measure: How to compute.
        by: Further columns to group probes by.
        tail: Scores of each kind and group kept as they are.
        bins_per_unit: Bins a unit of cosine, a power of two.

    Raises:
        DataError: If there is no comparison, none got a score, or all got the same.
    """
    return _Stream(source, system, measure, by, tail, bins_per_unit).run()


class _Stream:
    """The two passes, and what they share."""

    def __init__(
        self, source: ScoreSource, system: str, measure: Measure, by: tuple[str, ...], tail: int, bins: int
    ) -> None:
        if not len(source):
            raise DataError("there is no comparison to report", where=system)
        self.source, self.system, self.measure = source, system, measure
        self.sizes = (tail, bins)
        self.table = source.outline
        pictures = self.table.pictures
        part = pictures["part"].to_numpy(dtype=str) if "part" in pictures else np.full(len(pictures), "")
        self.dev = {DEVELOPMENT, EVALUATION} <= set(part.tolist())
        self.reported = part == EVALUATION if self.dev else np.ones(len(pictures), bool)
        # Counted: groups that share no probe. The others are their unions.
        self.counted: dict[str, tuple[list[str], np.ndarray]] = {}
        if "yaw" in pictures:
            self._group(SIGNED, yaw_groups(pictures["yaw"].to_numpy(float), measure.bin_degrees, signed=True))
        else:
            self._group(ALL, {ALL: np.ones(len(pictures), bool)})
        for column in by:
            values = np.array([str(each) for each in pictures[column]]) if column in pictures else (
                self.table.column(column))  # fmt: skip
            self._group(column, {name: values == name for name in sorted(set(values[self.reported].tolist()))})
        self.is_probe = np.zeros(len(pictures), bool)
        self.some_failed, self.some_worked = np.zeros((2, len(pictures)), bool)
        self.worst = WorstPairs(self.table.person)
        self.answers: list[list[tuple[str, np.ndarray, Answers]]] = []
        self.searched: list[np.ndarray] = []
        self.is_search = True

    def run(self) -> StreamedScores:
        counts = self._count()
        rows = np.flatnonzero(self.is_probe & self.reported)
        group_of = self._groups_of_probes(rows)
        counts = self._unions(counts, group_of)
        self._bootstrap(counts, group_of, rows)
        failed = (self.some_failed & ~self.some_worked)[rows]
        person = self.table.person[rows]
        return StreamedScores(
            self.system, self.measure, len(self.table.people), rows, person, failed, self._search(rows, failed),
            group_of, counts, self.worst.table(self.table.pictures, self.system), self.source.digest(),
        )  # fmt: skip

    def _group(self, kind: str, groups: dict[str, np.ndarray]) -> None:
        code = np.full(len(self.table.pictures), -1, np.int32)
        for index, mask in enumerate(groups.values()):
            code[mask] = index
        self.counted[kind] = (list(groups), np.where(self.reported, code, -1))

    def _blocks(self, what: str) -> Iterator[tuple[ScoreBlock, np.ndarray, np.ndarray]]:
        """Yield each block with its scores, NaN where failed, and whether comparisons are mated."""
        person, done = self.table.person, 0
        with progress_bar(f"{self.system}: {what}", len(self.source)) as advance:
            for block in self.source.blocks([self.system]):
                yield block, block.scores[self.system], person[block.probe] == person[block.reference]
                done += len(block.probe)
                advance(len(block.probe))

    def _count(self) -> dict[str, dict[str, GroupCounts]]:
        counts: dict[str, dict[str, GroupCounts]] = {
            kind: {name: GroupCounts(StreamingScores(*self.sizes)) for name in names}
            for kind, (names, _) in self.counted.items()
        }
        if self.dev:
            counts[DEV] = {DEV: GroupCounts(StreamingScores(*self.sizes))}
        lowest, highest = math.inf, -math.inf
        for block, raw, mated in self._blocks("counting scores"):
            lost = np.isnan(raw)
            if not lost.all():
                lowest, highest = min(lowest, float(np.nanmin(raw))), max(highest, float(np.nanmax(raw)))
            scores = np.where(lost, np.float32(FAILED), raw)
            self.is_probe[block.probe] = True
            self.some_failed[block.probe[lost & mated]] = True
            self.some_worked[block.probe[~lost & mated]] = True
            reported = self.reported[block.probe]
            for group, here in self._members(counts, block, reported):
                group.scores.add(scores[here], mated[here])
                group.moments.add(raw[here & ~lost], mated[here & ~lost])
            self.worst.add(block, raw, mated, reported & ~lost)
            self._answer(block, scores)
        if not math.isfinite(lowest):
            raise DataError("not one comparison got a score", where=self.system, cure="check the embedder")
        refuse_constant(lowest, highest, self.system)
        return counts

    def _members(
        self, counts: dict[str, dict[str, GroupCounts]], block: ScoreBlock, reported: np.ndarray
    ) -> Iterator[tuple[GroupCounts, np.ndarray]]:
        """Yield every group with a comparison in a block, and the mask of these."""
        for kind, (names, group_of) in self.counted.items():
            code = group_of[block.probe]
            for index in np.unique(code[code >= 0]).tolist():
                yield counts[kind][names[index]], code == index
        if self.dev and not reported.all():
            yield counts[DEV][DEV], ~reported

    def _answer(self, block: ScoreBlock, scores: np.ndarray) -> None:
        """Search the probes of a block, where it compares them with all that is enrolled."""
        self.is_search &= block.shape is not None
        if block.shape is None or not self.is_search:
            return
        probes, references = block.probe[:: block.shape[1]], block.reference[: block.shape[1]]
        if not self.reported[probes].all():
            return
        enrolment = Enrolment.of(self.table, references)
        self.answers.append(enrolment.answers(scores.reshape(block.shape), self.table.person[probes]))
        self.searched.append(probes)

    def _search(self, rows: np.ndarray, failed: np.ndarray) -> Search | None:
        if not self.is_search or not self.answers:
            return None
        order = np.argsort(np.concatenate(self.searched), kind="stable")
        return gather(self.answers, self.table.person[rows], order, failed)

    def _groups_of_probes(self, rows: np.ndarray) -> dict[str, tuple[list[str], np.ndarray]]:
        """Return every kind of group with those names only that a probe has."""
        found = {ALL: ([ALL], np.zeros(len(rows), np.int32))}
        for kind, (names, group_of) in self.counted.items():
            present, code = np.unique(group_of[rows], return_inverse=True)
            found[kind] = ([names[index] for index in present.tolist()], code.astype(np.int32))
        if SIGNED in found:
            names, code = found[SIGNED]
            absolute = [name.removeprefix("-") for name in names]
            ordered = sorted(set(absolute) - {"unknown"}, key=float) + ["unknown"] * ("unknown" in absolute)
            place = np.array([ordered.index(name) for name in absolute], np.int32)
            found[ABSOLUTE] = (ordered, place[code])
        return found

    def _unions(
        self, counts: dict[str, dict[str, GroupCounts]], group_of: dict[str, tuple[list[str], np.ndarray]]
    ) -> dict[str, dict[str, GroupCounts]]:
        """Add the groups that are unions of others; drop those without a probe."""
        if SIGNED in counts:
            counts[ABSOLUTE], counts[ALL] = {}, {}
            for name in group_of[SIGNED][0]:
                for kind, union in ((ABSOLUTE, name.removeprefix("-")), (ALL, ALL)):
                    known = counts[kind].get(union, GroupCounts(StreamingScores(*self.sizes)))
                    counts[kind][union] = known.merged(counts[SIGNED][name])
        kept = {kind: {name: counts[kind][name] for name in names} for kind, (names, _) in group_of.items()}
        return {**kept, **({DEV: counts[DEV]} if self.dev else {})}

    def _bootstrap(
        self, counts: dict[str, dict[str, GroupCounts]], group_of: dict[str, tuple[list[str], np.ndarray]],
        rows: np.ndarray,
    ) -> None:  # fmt: skip
        weights = person_weights(len(self.table.people), self.measure.rounds, self.measure.seed)
        pending = {
            (kind, name): VerificationBootstrap.for_scores(counts[kind][name].scores, weights)
            for kind, (names, _) in group_of.items() for name in names if counts[kind][name].both
        }  # fmt: skip
        code_of = {kind: np.full(len(self.table.pictures), -1, np.int32) for kind in group_of}
        for kind, (_, code) in group_of.items():
            code_of[kind][rows] = code
        person = self.table.person
        for block, raw, mated in self._blocks("drawing people"):
            scores = np.where(np.isnan(raw), np.float32(FAILED), raw)
            sides = person[block.probe], person[block.reference]
            for kind, (names, _) in group_of.items():
                code = code_of[kind][block.probe]
                for index in np.unique(code[code >= 0]).tolist():
                    if (kind, names[index]) in pending:
                        here = code == index
                        pending[kind, names[index]].add(scores[here], mated[here], sides[0][here], sides[1][here])
        for (kind, name), counted in pending.items():
            group = counts[kind][name]
            tar = {far: group.scores.tar_at_far(far).tar for far in self.measure.fars}
            group.intervals = counted.intervals(group.scores.equal_error_rate(), group.scores.area_under_curve(), tar)
