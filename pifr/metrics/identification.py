"""One-to-many search: ranks of mates, CMC, and open-set FPIR / FNIR.

Ties count against the system: a recogniser that gives everybody the same score must not look perfect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pifr.core.errors import DataError

NOT_FOUND = np.iinfo(np.int32).max
"""Rank of a probe whose picture failed, or whose person is not enrolled: never within any rank N."""


def rank_of_mates(scores: np.ndarray, probe_subjects: np.ndarray, gallery_subjects: np.ndarray) -> np.ndarray:
    """Return the rank of each probe's own person among all enrolled people.

    A person scores by their best enrolled picture. The rank is 1 + the number of other people who score at
    least as high.

    Args:
        scores: ``(P, G)`` similarities of probes with enrolled pictures.
        probe_subjects: ``(P,)`` names.
        gallery_subjects: ``(G,)`` names.

    Returns:
        ``(P,)`` int32 ranks from 1; :data:`NOT_FOUND` where the person is not enrolled.

    Raises:
        DataError: If shapes disagree, the gallery is empty or a score is NaN.

    Example:
        >>> scores = np.array([[0.9, 0.2], [0.4, 0.4], [0.1, 0.8]])
        >>> rank_of_mates(scores, np.array(["a", "a", "c"]), np.array(["a", "b"])).tolist()[:2]
        [1, 2]
    """
    return search_answers(scores, probe_subjects, gallery_subjects).ranks


@dataclass(frozen=True)
class Answers:
    """What a gallery answers to each probe; all that figures of identification need of a row of scores.

    Attributes:
        ranks: ``(P,)`` int32, see :func:`rank_of_mates`.
        own: ``(P,)`` best score with the probe's own person; -inf where the person is not enrolled.
        best: ``(P,)`` best score with anybody.
    """

    ranks: np.ndarray
    own: np.ndarray
    best: np.ndarray


def search_answers(scores: np.ndarray, probe_subjects: np.ndarray, gallery_subjects: np.ndarray) -> Answers:
    """Return ranks, mate scores and best scores of probes; rows may come block by block, each with all columns.

    Args and errors are those of :func:`rank_of_mates`.
    """
    scores = np.asarray(scores)
    if scores.shape != (len(probe_subjects), len(gallery_subjects)):
        raise DataError(
            "scores must be (probes, gallery)", found=scores.shape, where=(len(probe_subjects), len(gallery_subjects))
        )
    if not len(gallery_subjects):
        raise DataError("the gallery is empty", cure="enrol at least one picture")
    if np.isnan(scores).any():
        raise DataError("scores must not be NaN", cure="check the embeddings")
    people, person_of_picture = np.unique(np.asarray(gallery_subjects), return_inverse=True)
    order = np.argsort(person_of_picture, kind="stable")
    starts = np.searchsorted(person_of_picture[order], np.arange(len(people)))
    by_person = np.maximum.reduceat(scores[:, order], starts, axis=1)
    mate = np.searchsorted(people, probe_subjects)
    mate = np.minimum(mate, len(people) - 1)
    enrolled = people[mate] == np.asarray(probe_subjects)
    mate_scores = by_person[np.arange(len(scores)), mate]
    # The mate itself is counted by >=, which makes the rank start at 1.
    ranks = (by_person >= mate_scores[:, None]).sum(axis=1)
    return Answers(
        np.where(enrolled, ranks, NOT_FOUND).astype(np.int32),
        np.where(enrolled, mate_scores, -np.inf).astype(scores.dtype),
        by_person.max(axis=1),
    )


def rank_n_rate(ranks: np.ndarray, n: int = 1) -> float:
    """Return the share of probes whose own person is among the ``n`` best.

    Args:
        ranks: ``(P,)`` from :func:`rank_of_mates`.
        n: The rank, from 1.

    Raises:
        DataError: If there is no probe.

    Example:
        >>> rank_n_rate(np.array([1, 2, 1, 5]), 1), rank_n_rate(np.array([1, 2, 1, 5]), 2)
        (0.5, 0.75)
    """
    ranks = np.asarray(ranks)
    if not ranks.size:
        raise DataError("there is no probe", cure="check the protocol's probe rows")
    return float(np.mean(ranks <= n))


def cumulative_match(ranks: np.ndarray, maximum: int) -> np.ndarray:
    """Return the cumulative match characteristic: rank-1 to rank-``maximum`` rates, ``(maximum,)``.

    Example:
        >>> cumulative_match(np.array([1, 3, NOT_FOUND]), 3).round(2).tolist()
        [0.33, 0.33, 0.67]
    """
    ranks = np.asarray(ranks)
    if not ranks.size:
        raise DataError("there is no probe", cure="check the protocol's probe rows")
    counts = np.bincount(ranks[ranks <= maximum], minlength=maximum + 1)[1:]
    return np.cumsum(counts) / len(ranks)


def open_set_rates(
    mate_scores: np.ndarray,
    mate_ranks: np.ndarray,
    stranger_best_scores: np.ndarray,
    thresholds: np.ndarray,
    rank: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Return FPIR and FNIR of a search that answers only at or above a threshold (IJB-A terms, N, R, T).

    Args:
        mate_scores: ``(P,)`` each enrolled probe's score with its own person.
        mate_ranks: ``(P,)`` that person's rank.
        stranger_best_scores: ``(Q,)`` best score of each probe whose person is not enrolled.
        thresholds: ``(T,)``.
        rank: A mate counts as found within this rank only.

    Returns:
        ``(T,)`` FPIR, the share of strangers who get an answer; ``(T,)`` FNIR, the share of enrolled probes whose
        person is not among the first ``rank`` at or above the threshold.

    Raises:
        DataError: If there is no enrolled probe or no stranger.

    Example:
        >>> fpir, fnir = open_set_rates(
        ...     np.array([0.9, 0.4]), np.array([1, 1]), np.array([0.3, 0.5]), np.array([0.35, 0.6]))
        >>> fpir.tolist(), fnir.tolist()
        ([0.5, 0.0], [0.0, 0.5])
    """
    if not len(mate_scores) or not len(stranger_best_scores):
        raise DataError("an open-set search needs probes of enrolled people and of strangers")
    strangers = np.sort(stranger_best_scores)
    found = np.sort(np.where(np.asarray(mate_ranks) <= rank, mate_scores, -np.inf))
    fpir = 1.0 - np.searchsorted(strangers, thresholds, side="left") / len(strangers)
    fnir = np.searchsorted(found, thresholds, side="left") / len(found)
    return fpir, fnir


@dataclass(frozen=True)
class DirAtFpir:
    """The detection and identification rate at one false positive identification rate, and what stands behind it.

    Attributes:
        fpir: The allowed share of strangers who get an answer.
        rate: 1 - FNIR at rank 1; NaN where the strangers are too few to say.
        hits: ``(P,)`` which probes of enrolled people are found first and above the threshold; all false where the
            strangers are too few.
        strangers: Number of their searches.
    """

    fpir: float
    rate: float
    hits: np.ndarray = field(repr=False, compare=False)
    strangers: int

    @property
    def too_few(self) -> bool:
        """Whether one answer to a stranger would already be more than ``fpir`` allows."""
        return math.isnan(self.rate)

    def __str__(self) -> str:
        return dir_text(self.fpir, self.rate)


def dir_text(fpir: float, rate: float) -> str:
    """Say a detection and identification rate, or that strangers are too few for it, in words.

    Example:
        >>> dir_text(0.01, math.nan)
        'too few strangers: FPIR 0.01 needs at least 100 of their searches'
    """
    if math.isnan(rate):
        return f"too few strangers: FPIR {fpir:g} needs at least {math.ceil(round(1 / fpir, 6)):,} of their searches"
    return f"DIR {100 * rate:.2f} % at FPIR {fpir:g}"


def detection_identification_rate(
    mate_scores: np.ndarray, mate_ranks: np.ndarray, stranger_best_scores: np.ndarray, fpirs: Sequence[float]
) -> list[DirAtFpir]:
    """Return DIR (1 - FNIR at rank 1) at each allowed FPIR, as ISO/IEC 19795-1 defines them.

    Args:
        mate_scores: ``(P,)`` each enrolled probe's best score with its own person.
        mate_ranks: ``(P,)`` that person's rank.
        stranger_best_scores: ``(Q,)`` best score of each probe whose person is not enrolled.
        fpirs: Allowed shares of strangers who get an answer.

    Example:
        >>> half, hundredth = detection_identification_rate(
        ...     np.array([0.9, 0.4]), np.array([1, 1]), np.array([0.3, 0.5]), [0.5, 0.01])
        >>> half.rate
        1.0
        >>> print(hundredth)
        too few strangers: FPIR 0.01 needs at least 100 of their searches
    """
    strangers = np.sort(stranger_best_scores)
    first = np.asarray(mate_ranks) <= 1
    found = []
    for fpir in fpirs:
        allowed = math.floor(fpir * len(strangers) + 1e-9)
        if allowed < 1:
            found.append(DirAtFpir(fpir, math.nan, np.zeros(len(first), bool), len(strangers)))
            continue
        refused = strangers[len(strangers) - allowed - 1] if allowed < len(strangers) else -np.inf
        hits = (np.asarray(mate_scores) > refused) & first
        found.append(DirAtFpir(fpir, float(hits.mean()), hits, len(strangers)))
    return found
