"""Who a view shows, in the eyes of a recogniser that took no part in training the generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pifr.core.errors import DataError
from pifr.data.pictures import resize_picture
from pifr.fidelity.estimate import Estimate, by_yaw, share_of
from pifr.fidelity.views import Views
from pifr.metrics import unit_length

if TYPE_CHECKING:
    from pifr.recognition.embedders import Embedder

_BATCH = 128


@dataclass(frozen=True)
class Judged:
    """Unit vectors of one judge; zero where it gave none.

    Attributes:
        gallery: ``(P, D)``.
        generated: ``(V, D)``.
        true: ``(V, D)``.
    """

    gallery: np.ndarray
    generated: np.ndarray
    true: np.ndarray


@dataclass(frozen=True)
class IdentityFigures:
    """What one judge says, by |yaw|; shares, not percent.

    Attributes:
        cosine: Of a generated view to its person's gallery picture.
        true_cosine: Of the true view to it.
        rank1: Share of generated views whose person's gallery picture is the nearest of all.
        true_rank1: The same of the true views.
        rank1_share: ``rank1 / true_rank1``.
        failures: Generated views that gave no embedding; they count as misses and have no cosine.
        true_failures: True views likewise.
    """

    cosine: dict[str, Estimate]
    true_cosine: dict[str, Estimate]
    rank1: dict[str, Estimate]
    true_rank1: dict[str, Estimate]
    rank1_share: dict[str, Estimate]
    failures: int
    true_failures: int


def judge_views(judge: Embedder, views: Views) -> Judged:
    """Embed gallery, generated and true views.

    Args:
        judge: A recogniser. Its figures mean little if the generator was trained with it.
        views: The trial.

    Raises:
        DataError: If it gives no vector of any gallery picture.
    """
    gallery, generated, true = (
        _unit_vectors(judge, pixels)
        for pixels in (views.store[views.gallery], views.generated, views.store[views.true])
    )
    if not gallery.any():
        raise DataError("not one gallery picture gave an embedding", where=judge.name, cure="check the judge")
    return Judged(gallery, generated, true)


def measure_identity(judged: Judged, views: Views, weights: np.ndarray) -> IdentityFigures:
    """Compare every view with every person's gallery picture.

    Args:
        judged: From :func:`judge_views`.
        views: The trial.
        weights: ``(R, P)`` of the bootstrap over people.
    """
    sides = []
    for vectors in (judged.generated, judged.true):
        cosine, hit = compare_to_gallery(vectors, judged.gallery, views.person)
        sides.append([by_yaw(each, views.yaw_degrees, views.person, weights) for each in (cosine, hit)])
    (cosine_by, rank1), (true_cosine, true_rank1) = sides
    share = {group: share_of(rank1[group], true_rank1[group]) for group in rank1}
    failures = [int((~vectors.any(axis=1)).sum()) for vectors in (judged.generated, judged.true)]
    return IdentityFigures(cosine_by, true_cosine, rank1, true_rank1, share, *failures)


def compare_to_gallery(vectors: np.ndarray, gallery: np.ndarray, person: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosine to the own gallery picture ``(V,)`` and whether it is the nearest ``(V,)`` as 0 or 1.

    Args:
        vectors: ``(V, D)`` unit vectors; zero for a failure, which is a miss with the cosine NaN.
        gallery: ``(P, D)`` likewise; a failed one is never found.
        person: ``(V,)`` indices into the gallery. A tie with another person is a miss.
    """
    scores = vectors @ gallery.T
    scores[:, ~gallery.any(axis=1)] = -np.inf
    rows = np.arange(len(vectors))
    own = scores[rows, person]
    scores[rows, person] = -np.inf
    known = vectors.any(axis=1) & np.isfinite(own)
    return np.where(known, own, np.nan), (known & (own > scores.max(axis=1))).astype(float)


def _unit_vectors(judge: Embedder, pixels: np.ndarray) -> np.ndarray:
    from pifr.recognition.embedders import embed_pixels

    parts = []
    for start in range(0, len(pixels), _BATCH):
        batch = pixels[start : start + _BATCH]
        parts.append(embed_pixels(judge, np.stack([resize_picture(one, judge.spec.size_px) for one in batch])))
    vectors = np.concatenate(parts).astype(float)
    vectors[~np.isfinite(vectors).all(axis=1)] = 0.0
    return unit_length(vectors)
