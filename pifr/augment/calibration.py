"""Who is who to the judge: every person's reference embedding, and the threshold set on pairs of different people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pifr.augment.config import AcceptanceConfig
from pifr.augment.sources import Candidates
from pifr.core.errors import DataError
from pifr.core.seeds import numpy_generator
from pifr.metrics import unit_length

if TYPE_CHECKING:
    from pifr.recognition import Embedder

_PER_PERSON = 2
"""Pictures of a person that take part in the calibration at least, so that mated pairs show what is lost."""
_MOST_PICTURES = 4000
"""More say no more about an FMR of 1e-6, and the pairs grow with the square."""

_ROUNDING = 1e6


@dataclass(frozen=True)
class Calibration:
    """The threshold of the identity check and what stands behind it.

    Attributes:
        threshold: Cosine from which a view is the person's; None where nothing is rejected by it.
        fmr: The false match rate it was set for; None where it was given.
        impostor_pairs: Pairs of pictures of two people.
        mated_pairs: Pairs of two sources of one person.
        mated_accepted: Share of the mated pairs at or above the threshold; None without any.
        judge: The embedder's name.
        judge_sha256: Its digest.
    """

    threshold: float | None
    fmr: float | None
    impostor_pairs: int
    mated_pairs: int
    mated_accepted: float | None
    judge: str
    judge_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return dict(vars(self))


@dataclass(frozen=True)
class References:
    """What the judge compares with.

    Attributes:
        subjects: People, sorted.
        vectors: ``(P, D)`` unit mean embeddings of their sources.
        threshold: See :class:`Calibration`.
        test_subjects: People of the test manifest; empty without one.
        test_vectors: ``(T, D)`` unit mean embeddings.
    """

    subjects: tuple[str, ...]
    vectors: np.ndarray
    threshold: float | None
    test_subjects: tuple[str, ...] = ()
    test_vectors: np.ndarray | None = None


def calibrate(
    candidates: Candidates, judge: Embedder, config: AcceptanceConfig, used_per_person: int, seed: int
) -> tuple[Calibration, References]:
    """Embed the sources, and set the threshold on pairs of pictures of different people.

    The threshold is the least cosine that at most a share ``fmr`` of the impostor pairs reaches.

    Args:
        candidates: Sources, best first.
        judge: The embedder.
        config: ``fmr``, or an explicit cosine.
        used_per_person: Sources of a person whose mean is the person's reference.
        seed: Of the draw of calibration pictures, where there are more than 4,000.

    Raises:
        DataError: If the impostor pairs are too few for the rate, or the judge can't tell the sources apart.
    """
    from pifr.recognition.embedders import embed_manifest

    taken = {who: rows[: max(_PER_PERSON, used_per_person)] for who, rows in candidates.ranked.items()}
    rows = np.sort(np.concatenate(list(taken.values())))
    mask = np.zeros(len(candidates.manifest), bool)
    mask[rows] = True
    found = embed_manifest(judge, candidates.manifest.select(mask))
    if found.failed.all():
        raise DataError("the judge embeds not one of the sources", where=judge.name, cure="choose another judge")
    vectors = unit_length(found.vectors)
    place = {int(row): index for index, row in enumerate(rows)}
    means = [vectors[[place[int(row)] for row in own[:used_per_person]]].mean(axis=0) for own in taken.values()]
    people = candidates.manifest.table["subject"].to_numpy()[rows]
    calibration = _set_threshold(vectors[~found.failed], people[~found.failed], judge, config, seed)
    return calibration, References(tuple(taken), unit_length(np.stack(means)), calibration.threshold)


def _set_threshold(
    vectors: np.ndarray, people: np.ndarray, judge: Embedder, config: AcceptanceConfig, seed: int
) -> Calibration:
    if len(vectors) > _MOST_PICTURES:
        rows = numpy_generator(seed, "calibration").choice(len(vectors), _MOST_PICTURES, replace=False)
        vectors, people = vectors[np.sort(rows)], people[np.sort(rows)]
    mated, impostors = _pair_cosines(vectors, people)
    threshold, fmr = config.min_identity_cosine, None
    if threshold is None and config.fmr is not None:
        fmr = config.fmr
        threshold = threshold_at_fmr(impostors, fmr, judge.name)
        _require_told_apart(mated, threshold, fmr, judge.name)
    accepted = float((mated >= threshold).mean()) if len(mated) and threshold is not None else None
    return Calibration(threshold, fmr, len(impostors), len(mated), accepted, judge.name, judge.sha256)


def threshold_at_fmr(impostors: np.ndarray, fmr: float, judge: str) -> float:
    """Return the least threshold, in steps of 1e-6, that at most a share ``fmr`` of impostor cosines ``(K,)`` reaches.

    Args:
        impostors: Cosines of pictures of different people.
        fmr: False match rate, in (0, 1).
        judge: Name, for messages.

    Raises:
        DataError: If one false match alone would be more than ``fmr``, or different people look the same.
    """
    if fmr * len(impostors) < 1 - 1e-9:
        raise DataError(
            f"FMR {fmr:g} needs at least {math.ceil(round(1 / fmr, 6)):,} pairs of different people's sources",
            where=judge, found=f"{len(impostors):,}", cure="give more people, a larger --fmr, or --min-cosine",
        )  # fmt: skip
    allowed = math.floor(fmr * len(impostors) + 1e-9)
    highest_refused = float(np.partition(impostors, len(impostors) - allowed - 1)[len(impostors) - allowed - 1])
    if highest_refused >= 1 - 1e-6:
        raise DataError(
            f"this embedder can't tell the sources apart: the threshold of FMR {fmr:g} is not reachable", where=judge,
            found=f"cosine {highest_refused:.6f} between different people", cure="choose another judge",
        )  # fmt: skip
    # Rounded up, so that machines whose sums differ in the last bit agree on the threshold.
    return math.floor(highest_refused * _ROUNDING + 1) / _ROUNDING


def _require_told_apart(mated: np.ndarray, threshold: float, fmr: float, judge: str) -> None:
    """Refuse a judge that accepts two pictures of one person no more often than those of two people."""
    if len(mated) and (mated >= threshold).mean() <= fmr:
        raise DataError(
            f"this embedder can't tell the sources apart: the threshold of FMR {fmr:g}, cosine {threshold:.3f}, "
            "is not reachable",
            where=judge, found=f"{int((mated >= threshold).sum())} of {len(mated)} pairs of one person reach it",
            cure="choose another judge, or a larger --fmr",
        )  # fmt: skip


def _pair_cosines(vectors: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosines of all pairs of one person and of all pairs of two, as float64."""
    cosines = (vectors @ vectors.T).astype(np.float64)
    upper = np.triu_indices(len(vectors), 1)
    same = people[upper[0]] == people[upper[1]]
    return cosines[upper][same], cosines[upper][~same]
