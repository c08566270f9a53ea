"""Taking out of identity codes what a linear probe could read of the pose, in closed form.

References:
    N. Belrose et al., "LEACE: Perfect linear concept erasure in closed form", NeurIPS 2023, theorem 4.3: of all affine
    maps after which no linear classifier beats chance on the concept, the one that moves the codes least.
"""

from __future__ import annotations

import numpy as np

_YAW_BIN_DEGREES = 15.0
_RIDGE = 1e-4
_LEAST_PICTURES = 500
"""A condition of fewer pictures tells its yaw bins' means too badly to be treated by itself."""


def leace(codes: np.ndarray, concept: np.ndarray, least: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the affine map ``x -> A x + b`` that makes codes linearly uninformative of a concept.

    Args:
        codes: ``(N, F)``.
        concept: ``(N, Z)``, for classes one column each.
        least: Directions whose correlations with the concept's columns stay below this together (root of their summed
            squares) are left alone: many columns and few pictures make such by chance.

    Returns:
        A ``(F, F)`` and b ``(F,)``, float64.
    """
    codes, concept = codes.astype(np.float64), concept.astype(np.float64)
    mean = codes.mean(axis=0)
    centred, wanted = codes - mean, concept - concept.mean(axis=0)
    wanted = wanted / np.maximum(wanted.std(axis=0), 1e-12)
    covariance = centred.T @ centred / len(codes)
    values, vectors = np.linalg.eigh(covariance)
    # Directions in which the codes do not vary carry nothing; a ridge keeps their whitening finite.
    values = np.maximum(values, 0) + _RIDGE * max(values.max(), 1e-12)
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    colour = (vectors * np.sqrt(values)) @ vectors.T
    cross = whiten @ (centred.T @ wanted / len(codes))
    left, strength, _ = np.linalg.svd(cross, full_matrices=False)
    basis = left[:, strength > max(least, 1e-8 * strength.max(initial=0.0), 1e-12)]
    matrix = np.eye(len(mean)) - colour @ basis @ basis.T @ whiten
    return matrix, mean - matrix @ mean


def yaw_concept(yaw_degrees: np.ndarray, conditions: np.ndarray | None = None) -> np.ndarray:
    """Return which bin each yaw falls into: what is erased where yaw is known.

    Light changes how a turn shows in a code. Means that agree over all lights together may differ within each, and a
    probe of pictures in one light then finds the yaw. So each condition has columns of its own.

    Args:
        yaw_degrees: ``(N,)``.
        conditions: ``(N,)`` numbers of the condition each picture was taken in, such as light and session; None for
            one. Rare ones are taken together.

    Returns:
        ``(N, conditions * bins)``: 1 - p in a picture's own bin and condition and -p in that condition's other bins,
        where p is a bin's share; 0 in other conditions.
    """
    bins = np.unique(np.round(yaw_degrees / _YAW_BIN_DEGREES), return_inverse=True)[1]
    own = np.eye(bins.max() + 1)[bins]
    groups = np.zeros(len(bins), int) if conditions is None else np.unique(conditions, return_inverse=True)[1] + 1
    groups[np.bincount(groups)[groups] < _LEAST_PICTURES] = 0
    columns = []
    for group in np.unique(groups):
        inside = groups == group
        columns.append(np.where(inside[:, None], own - own[inside].mean(axis=0), 0.0))
    return np.concatenate(columns, axis=1)


def pose_concept(pose_codes: np.ndarray) -> np.ndarray:
    """Return pose codes ``(N, P)`` and their squares, ``(N, 2 P)``: what is erased where yaw is not known."""
    return np.concatenate([pose_codes, pose_codes**2], axis=1)
