"""Benchmarks of the same comparisons put side by side: one table of scores with the systems of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pifr.evaluation.measuring import measure_scores, summarised
from pifr.evaluation.results import BenchmarkResult
from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.streamed import StreamedScores

_DRAWN = ("rounds", "seed", "bin_degrees", "drawn_from")
"""What of a measure decides whether stored rounds go together."""


def join_results(results: Sequence[BenchmarkResult]) -> list[BenchmarkResult]:
    """Put benchmarks that hold the same comparisons side by side; leave the others as they are.

    Figures of joined benchmarks are measured together, as the first of them was, so that all systems share one
    bootstrap and one page. Systems of one name get their folder's name too.

    Args:
        results: Benchmarks of any protocols.

    Returns:
        One benchmark for each different set of comparisons, in the order in which they first appear.
    """
    groups: list[list[BenchmarkResult]] = []
    for result in results:
        for group in groups:
            if _alike(group[0], result):
                group.append(result)
                break
        else:
            groups.append([result])
    return [group[0] if len(group) == 1 else _joined(group) for group in groups]


def join_tables(first: ScoreTable, others: Sequence[ScoreTable]) -> ScoreTable | None:
    """Put the systems of several tables into one; None where they do not hold the same comparisons.

    The order of the comparisons may differ. Names of systems must.
    """
    order = np.lexsort((first.search, first.reference, first.probe))
    scores = {name: values[order] for name, values in first.scores.items()}
    for other in others:
        theirs = _order_like(first, order, other)
        if theirs is None:
            return None
        scores.update({name: values[theirs] for name, values in other.scores.items()})
    fold = None if first.fold is None else first.fold[order]
    return ScoreTable(first.pictures, first.probe[order], first.reference[order], first.search[order], scores, fold)


def _order_like(first: ScoreTable, order: np.ndarray, other: ScoreTable) -> np.ndarray | None:
    """Return the order ``(C,)`` that lays ``other`` out as ``first`` in ``order``; None where they differ."""
    code = {path: index for index, path in enumerate(first.pictures["path"])}
    codes = np.array([code.get(path, -1) for path in other.pictures["path"]])
    probe, reference = codes[other.probe], codes[other.reference]
    theirs = np.lexsort((other.search, reference, probe))  # a pair of the search may be in the pose sample too
    same = (
        len(theirs) == len(order)
        and np.array_equal(first.probe[order], probe[theirs])
        and np.array_equal(first.reference[order], reference[theirs])
        and np.array_equal(first.search[order], other.search[theirs])
    )
    return theirs if same else None


def _alike(first: BenchmarkResult, second: BenchmarkResult) -> bool:
    """Return whether two benchmarks are of one protocol on one data set and hold the same comparisons."""
    if any(first.protocol.get(key) != second.protocol.get(key) for key in ("name", "folder")):
        return False
    if first.streamed is not None and second.streamed is not None:
        return streamed_alike(first, second)
    return first.streamed is second.streamed and join_tables(first.scores, [second.scores]) is not None


def streamed_alike(first: BenchmarkResult, second: BenchmarkResult) -> bool:
    """Return whether two streamed benchmarks compared the same pictures in the same groups and drew the same people."""
    found = {
        (each.digest, each.people, _groups(each), *(getattr(each.measure, key) for key in _DRAWN))
        for result in (first, second) for each in (result.streamed or {}).values()
    }  # fmt: skip
    return len(found) == 1 and first.systems[0].by_column.keys() == second.systems[0].by_column.keys()


def _groups(streamed: StreamedScores) -> tuple[tuple[str, tuple[str, ...], bytes], ...]:
    """Return who is in which group: yaws may have been corrected, or left out, between two benchmarks."""
    return tuple(
        (kind, tuple(names), np.ascontiguousarray(codes, np.int64).tobytes())
        for kind, (names, codes) in sorted(streamed.group_of.items())
    )


def _joined(group: Sequence[BenchmarkResult]) -> BenchmarkResult:
    tables, records, streamed = [], {}, {}
    for result, names in zip(group, _names(group), strict=True):
        records.update({names[system.name]: system.record for system in result.systems})
        scores = {names[name]: values for name, values in result.scores.scores.items()}
        tables.append(replace(result.scores, scores=scores))
        streamed.update({names[old]: each.renamed(names[old]) for old, each in (result.streamed or {}).items()})
    joined = join_tables(tables[0], tables[1:])
    assert joined is not None  # they were found alike
    first = group[0]
    notes = list(dict.fromkeys(note for result in group for note in result.protocol.get("notes", [])))
    protocol = {**first.protocol, "notes": notes}
    by = tuple(first.systems[0].by_column)
    if streamed:
        return summarised(streamed, joined, protocol, records, first.measure, first.environment, by, first.folder)
    return measure_scores(joined, protocol, records, first.measure, first.environment, by, first.folder)


def _names(group: Sequence[BenchmarkResult]) -> list[dict[str, str]]:
    """Return new names of each benchmark's systems; those that come twice get their folder's name, or a number."""
    counts = Counter(system.name for result in group for system in result.systems)
    taken: Counter[str] = Counter()
    renamed = []
    for number, result in enumerate(group, start=1):
        folder = result.folder.name if result.folder else f"run {number}"
        new = {}
        for system in result.systems:
            name = system.name if counts[system.name] == 1 else f"{system.name} ({folder})"
            taken[name] += 1
            new[system.name] = name if taken[name] == 1 else f"{name} {taken[name]}"
        renamed.append(new)
    return renamed
