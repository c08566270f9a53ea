"""A map of the embeddings: pictures that a system finds alike lie close together.

t-SNE (van der Maaten and Hinton, JMLR 9, 2008) on the cosines of the score table's pose sample, so that the map too
comes from the scores alone. It shows neighbourhoods; distances between far islands mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pifr.evaluation.scores import ScoreTable

_MOST_PICTURES = 400
_FEWEST_PICTURES = 12


@dataclass(frozen=True)
class EmbeddingMap:
    """Pictures on a plane.

    Attributes:
        places: ``(N, 2)``.
        person: ``(N,)`` index of each picture's person.
        yaw_degrees: ``(N,)``.
    """

    places: np.ndarray
    person: np.ndarray
    yaw_degrees: np.ndarray


def embedding_map(table: ScoreTable, system: str) -> EmbeddingMap | None:
    """Lay the pictures of the pose sample out on a plane; None where there are too few.

    Of a large sample a dozen pictures a person at least are kept, so that islands of a person stay visible.

    Args:
        table: Scores with pairs across poses.
        system: Name of the system.
    """
    pictures = _choose(table)
    if len(pictures) < _FEWEST_PICTURES:
        return None
    distances = _distances(table, system, pictures)
    # A picture that failed has no distance to anything.
    known = np.isfinite(distances).sum(axis=1) > 1
    distances, pictures = distances[np.ix_(known, known)], pictures[known]
    if len(pictures) < _FEWEST_PICTURES or not np.isfinite(distances).all():
        return None
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(pictures) - 1) / 3)
    layout = TSNE(metric="precomputed", init="random", perplexity=perplexity, random_state=0)
    with threadpool_limits(1):  # a few hundred points: more threads only wait for each other
        places = layout.fit_transform(np.maximum(distances, 0))
    return EmbeddingMap(places, table.person[pictures], table.pictures["yaw"].to_numpy(dtype=float)[pictures])


def _choose(table: ScoreTable) -> np.ndarray:
    """Choose pictures, all of a small sample; of a large one many people with pictures spread over their yaws."""
    across = ~table.search
    pictures = np.union1d(table.probe[across], table.reference[across])
    if len(pictures) <= _MOST_PICTURES:
        return pictures
    person, yaw = table.person[pictures], table.pictures["yaw"].to_numpy(dtype=float)[pictures]
    people = np.unique(person)
    each = max(_FEWEST_PICTURES, _MOST_PICTURES // len(people))
    kept = np.zeros(0, dtype=pictures.dtype)
    for name in people:
        theirs = pictures[person == name][np.argsort(yaw[person == name], kind="stable")]
        if len(theirs) > each:
            theirs = theirs[np.linspace(0, len(theirs) - 1, each).round().astype(int)]
        if len(kept) + len(theirs) > _MOST_PICTURES:
            break
        kept = np.concatenate([kept, theirs])
    return np.sort(kept)


def _distances(table: ScoreTable, system: str, pictures: np.ndarray) -> np.ndarray:
    """Return ``1 - cosine`` between the pictures, ``(N, N)``; NaN where a picture failed."""
    place = np.full(len(table.pictures), -1)
    place[pictures] = np.arange(len(pictures))
    rows = np.flatnonzero(~table.search & (place[table.probe] >= 0) & (place[table.reference] >= 0))
    distances = np.full((len(pictures), len(pictures)), np.nan, dtype=np.float32)
    np.fill_diagonal(distances, 0)
    first, second = place[table.probe[rows]], place[table.reference[rows]]
    distances[first, second] = distances[second, first] = 1 - table.scores[system][rows]
    return distances
