"""One-to-many searches read from a score table: ranks in a closed set, answers to strangers in an open one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pifr.evaluation.scores import ScoreTable
from pifr.metrics import NOT_FOUND, rank_of_mates


@dataclass(frozen=True)
class Search:
    """Every probe compared with every reference.

    Attributes:
        scores: ``(P, G)`` with failures below everything else.
        probe_person: ``(P,)`` as an index into the table's people.
        reference_person: ``(G,)`` likewise.
        gallery: ``(G,)`` name of the gallery of each reference. IJB has two, of different people; a probe is searched
            in each of them by itself.
        lost: ``(P,)`` probes that failed, or whose person could not be enrolled.
    """

    scores: np.ndarray
    probe_person: np.ndarray
    reference_person: np.ndarray
    gallery: np.ndarray
    lost: np.ndarray

    def galleries(self) -> Iterator[tuple[str, Search]]:
        """Yield each gallery's name and the search in it."""
        for name in np.unique(self.gallery).tolist():
            here = self.gallery == name
            yield (
                name,
                Search(
                    self.scores[:, here], self.probe_person, self.reference_person[here], self.gallery[here], self.lost
                ),
            )

    def ranks(self) -> np.ndarray:
        """Return the rank ``(P,)`` of each probe's person in their gallery; ``NOT_FOUND`` for the others."""
        found = np.full(len(self.scores), NOT_FOUND, dtype=np.int32)
        for _, each in self.galleries():
            here = rank_of_mates(each.scores, each.probe_person, each.reference_person)
            found = np.minimum(found, here)
        # A probe that failed, or whose person could not be enrolled, is missed at every rank.
        return np.where(self.lost, NOT_FOUND, found)


def make_search(table: ScoreTable, scores: np.ndarray, failed: np.ndarray) -> Search | None:
    """Lay comparisons out as probes times references.

    Args:
        table: The comparisons of the protocol.
        scores: ``(C,)`` of one system, failures below everything else.
        failed: ``(C,)`` comparisons in which a picture failed.

    Returns:
        The search; None where pairs have folds, not every probe was compared with every reference, or nobody is on
        both sides.
    """
    references, column = np.unique(table.reference, return_inverse=True)
    probes, row = np.unique(table.probe, return_inverse=True)
    if table.fold is not None or len(table) != len(probes) * len(references):
        return None
    matrix = np.full((len(probes), len(references)), np.nan, np.float32)
    matrix[row, column] = scores
    person = table.person
    if np.isnan(matrix).any() or not np.isin(person[probes], person[references]).any():
        return None
    some_failed, some_worked = np.zeros(len(probes), bool), np.zeros(len(probes), bool)
    some_failed[row[failed & table.mated]] = True
    some_worked[row[~failed & table.mated]] = True
    gallery = np.full(len(references), "", dtype=object)
    if "gallery" in table.pictures:
        gallery = table.pictures["gallery"].to_numpy(dtype=object)[references]
    return Search(matrix, person[probes], person[references], gallery.astype(str), some_failed & ~some_worked)
