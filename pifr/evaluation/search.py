"""One-to-many searches: ranks in a closed set, answers to strangers in an open one.

Only what a gallery answers to each probe is kept, never the matrix of scores, so a large gallery may be searched in
blocks of probes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pifr.evaluation.scores import ScoreTable
from pifr.metrics import NOT_FOUND, Answers, search_answers


@dataclass(frozen=True)
class Gallery:
    """One gallery and its answers.

    Attributes:
        name: Its name; IJB has two, of different people, and a probe is searched in each of them by itself.
        people: ``(K,)`` the enrolled people as indices into the table's people, ascending.
        answers: To each probe. A probe that failed, or whose person could not be enrolled, has no rank.
    """

    name: str
    people: np.ndarray
    answers: Answers


@dataclass(frozen=True)
class Search:
    """Every probe searched in every gallery.

    Attributes:
        probe_person: ``(P,)`` as an index into the table's people.
        galleries: One or several.
    """

    probe_person: np.ndarray
    galleries: list[Gallery]

    @property
    def people(self) -> np.ndarray:
        """The enrolled people ``(K,)``, ascending."""
        return np.unique(np.concatenate([each.people for each in self.galleries]))

    def ranks(self) -> np.ndarray:
        """Return the rank ``(P,)`` of each probe's person in their gallery; ``NOT_FOUND`` for the others."""
        return np.minimum.reduce([each.answers.ranks for each in self.galleries])


@dataclass(frozen=True)
class Enrolment:
    """What is enrolled, in the order of the columns of a block of scores.

    Attributes:
        person: ``(G,)`` as an index into the table's people.
        gallery: ``(G,)`` name of the gallery of each reference.
    """

    person: np.ndarray
    gallery: np.ndarray

    @classmethod
    def of(cls, table: ScoreTable, references: np.ndarray) -> Enrolment:
        """Read it from the metadata of the pictures (or templates) at the rows ``references`` ``(G,)``."""
        gallery = np.full(len(references), "", dtype=object)
        if "gallery" in table.pictures:
            gallery = table.pictures["gallery"].to_numpy(dtype=object)[references]
        return cls(table.person[references], gallery.astype(str))

    def answers(self, scores: np.ndarray, probe_person: np.ndarray) -> list[tuple[str, np.ndarray, Answers]]:
        """Return name, people and answers of every gallery to a block of probes.

        Args:
            scores: ``(P, G)``, failures below everything else.
            probe_person: ``(P,)``.
        """
        found = []
        for name in np.unique(self.gallery).tolist():
            here = self.gallery == name
            columns = scores if here.all() else scores[:, here]
            found.append((name, np.unique(self.person[here]), search_answers(columns, probe_person, self.person[here])))
        return found


def gather(
    blocks: list[list[tuple[str, np.ndarray, Answers]]], probe_person: np.ndarray, order: np.ndarray, lost: np.ndarray
) -> Search | None:
    """Join the answers to blocks of probes; None where nobody is on both sides.

    Args:
        blocks: One entry a block, from :meth:`Enrolment.answers`.
        probe_person: ``(P,)`` in the order wanted.
        order: ``(P,)`` place of each of these probes in the blocks, one after the other.
        lost: ``(P,)`` probes that failed, or whose person could not be enrolled; missed at every rank.
    """
    galleries = []
    for number, (name, people, _) in enumerate(blocks[0]):
        joined = Answers(*(
            np.concatenate([getattr(block[number][2], part) for block in blocks])[order]
            for part in ("ranks", "own", "best")
        ))  # fmt: skip
        ranks = np.where(lost, NOT_FOUND, joined.ranks).astype(np.int32)
        galleries.append(Gallery(name, people, Answers(ranks, joined.own, joined.best)))
    found = Search(probe_person, galleries)
    return found if np.isin(probe_person, found.people).any() else None


def make_search(table: ScoreTable, scores: np.ndarray, lost: np.ndarray) -> Search | None:
    """Lay comparisons out as probes times references and search.

    Args:
        table: The comparisons of the protocol.
        scores: ``(C,)`` of one system, failures below everything else.
        lost: ``(P,)`` probes, by their row, that failed or whose person could not be enrolled.

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
    if np.isnan(matrix).any():
        return None
    person = table.person[probes]
    answers = Enrolment.of(table, references).answers(matrix, person)
    return gather([answers], person, np.arange(len(probes)), lost)
