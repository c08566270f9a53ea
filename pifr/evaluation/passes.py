"""One system's comparisons, block by block, in two passes; memory does not grow with their number.

The first pass counts scores, searches galleries and keeps the worst pairs; the second counts what the bootstrap over
people needs between thresholds that the first one found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from pifr.core.errors import DataError
from pifr.core.progress import progress_bar
from pifr.evaluation.acquired import Acquired
from pifr.evaluation.blocks import ScoreBlock, ScoreSource
from pifr.evaluation.figures import yaw_groups
from pifr.evaluation.measure import Measure
from pifr.evaluation.scoring import refuse_constant
from pifr.evaluation.search import Enrolment, Search, gather
from pifr.evaluation.streamed import ABSOLUTE, ALL, BINS_PER_UNIT, DEV, SIGNED, GroupCounts, StreamedScores
from pifr.evaluation.thresholds import reported_part
from pifr.evaluation.worst import WorstPairs
from pifr.metrics import Answers
from pifr.metrics.streaming import FAILED, TAIL, StreamingScores
from pifr.metrics.verification_bootstrap import VerificationBootstrap

_Groups = tuple[list[str], np.ndarray]
"""Names of groups, and the index among them of each picture or probe; -1 in none."""


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


def _members(kinds: dict[str, _Groups], block: ScoreBlock) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield kind and name of every group with a comparison in a block, and the mask of these."""
    for kind, (names, group_of) in kinds.items():
        code = group_of[block.probe]
        for index in np.unique(code[code >= 0]).tolist():
            yield kind, names[index], code == index


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
        self.drawn = measure.columns(self.table.people)  # before the long work
        pictures = self.table.pictures
        part = reported_part(self.table)
        self.reported = np.ones(len(pictures), bool)
        self.dev: dict[str, _Groups] = {}
        if part is not None:
            self.reported = pictures["part"].to_numpy(dtype=str) == part
            self.dev[DEV] = ([DEV], np.where(self.reported, -1, 0))
        # Counted: groups that share no probe. The others are their unions.
        self.counted: dict[str, _Groups] = {}
        if "yaw" in pictures:
            self._group(SIGNED, yaw_groups(pictures["yaw"].to_numpy(float), measure.bin_degrees, signed=True))
        else:
            self._group(ALL, {ALL: np.ones(len(pictures), bool)})
        for column in by:
            if column == SIGNED and SIGNED in self.counted:
                continue  # grouped by absolute yaw, as a table is
            if column not in pictures:
                self.table.column(column)  # raises, naming the nearest column
            values = np.array([str(each) for each in pictures[column]])
            self._group(column, {name: values == name for name in sorted(set(values[self.reported].tolist()))})
        self.is_probe = np.zeros(len(pictures), bool)
        self.acquired = Acquired(len(pictures))
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
        failed = self.acquired.lost[rows]
        person = self.table.person[rows]
        return StreamedScores(
            self.system, self.measure, len(self.table.people), rows, person, failed, self._search(rows, failed),
            group_of, counts, self.worst.table(self.table.pictures, self.system), self.source.digest(), self.drawn,
        )  # fmt: skip

    def _group(self, kind: str, groups: dict[str, np.ndarray]) -> None:
        code = np.full(len(self.table.pictures), -1, np.int32)
        for index, mask in enumerate(groups.values()):
            code[mask] = index
        self.counted[kind] = (list(groups), np.where(self.reported, code, -1))

    def _blocks(self, what: str) -> Iterator[tuple[ScoreBlock, np.ndarray, np.ndarray]]:
        """Yield each block with its scores, NaN where failed, and whether comparisons are mated."""
        person = self.table.person
        with progress_bar(f"{self.system}: {what}", len(self.source)) as advance:
            for block in self.source.blocks([self.system]):
                yield block, block.scores[self.system], person[block.probe] == person[block.reference]
                advance(len(block.probe))

    def _count(self) -> dict[str, dict[str, GroupCounts]]:
        kinds = {**self.counted, **self.dev}
        counts = {
            kind: {name: GroupCounts(StreamingScores(*self.sizes)) for name in names}
            for kind, (names, _) in kinds.items()
        }
        lowest, highest = math.inf, -math.inf
        for block, raw, mated in self._blocks("counting scores"):
            lost = np.isnan(raw)
            if not lost.all():
                lowest, highest = min(lowest, float(np.nanmin(raw))), max(highest, float(np.nanmax(raw)))
            scores = np.where(lost, np.float32(FAILED), raw)
            self.is_probe[block.probe] = True
            self.acquired.add(block.probe, mated, lost)
            for kind, name, here in _members(kinds, block):
                counts[kind][name].scores.add(scores[here], mated[here])
                counts[kind][name].moments.add(raw[here & ~lost], mated[here & ~lost])
            self.worst.add(block, raw, mated, self.reported[block.probe] & ~lost)
            self._answer(block, scores)
        if not math.isfinite(lowest):
            raise DataError("not one comparison got a score", where=self.system, cure="check the embedder")
        refuse_constant(lowest, highest, self.system)
        return counts

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

    def _groups_of_probes(self, rows: np.ndarray) -> dict[str, _Groups]:
        """Return every kind of group with those names only that a probe has."""
        found: dict[str, _Groups] = {ALL: ([ALL], np.zeros(len(rows), np.int32))}
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
        self, counts: dict[str, dict[str, GroupCounts]], group_of: dict[str, _Groups]
    ) -> dict[str, dict[str, GroupCounts]]:
        """Add the groups that are unions of others; drop those without a probe."""
        if SIGNED in counts:
            counts[ABSOLUTE], counts[ALL] = {}, {}
            for name in group_of[SIGNED][0]:
                for kind, union in ((ABSOLUTE, name.removeprefix("-")), (ALL, ALL)):
                    known = counts[kind].get(union, GroupCounts(StreamingScores(*self.sizes)))
                    counts[kind][union] = known.merged(counts[SIGNED][name])
        kept = {kind: {name: counts[kind][name] for name in names} for kind, (names, _) in group_of.items()}
        return {**kept, **{kind: counts[kind] for kind in self.dev}}

    def _bootstrap(
        self, counts: dict[str, dict[str, GroupCounts]], group_of: dict[str, _Groups], rows: np.ndarray
    ) -> None:
        weights = self.measure.weights(len(self.table.people), self.drawn)
        pending = {
            (kind, name): VerificationBootstrap.for_scores(counts[kind][name].scores, weights)
            for kind, (names, _) in group_of.items() for name in names if counts[kind][name].both
        }  # fmt: skip
        of_pictures = {}
        for kind, (names, code) in group_of.items():
            code_of = np.full(len(self.table.pictures), -1, np.int32)
            code_of[rows] = code
            of_pictures[kind] = (names, code_of)
        person = self.table.person
        for block, raw, mated in self._blocks("drawing people"):
            scores = np.where(np.isnan(raw), np.float32(FAILED), raw)
            sides = person[block.probe], person[block.reference]
            for kind, name, here in _members(of_pictures, block):
                if (kind, name) in pending:
                    pending[kind, name].add(scores[here], mated[here], sides[0][here], sides[1][here])
        for (kind, name), counted in pending.items():
            group = counts[kind][name]
            tar = {far: group.scores.tar_at_far(far).tar for far in self.measure.fars}
            group.intervals = counted.intervals(group.scores.equal_error_rate(), group.scores.area_under_curve(), tar)
