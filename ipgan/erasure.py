"""Taking out of identity codes what a linear probe could read of the pose, in closed form.

References:
    N. Belrose et al., "LEACE: Perfect linear concept erasure in closed form", NeurIPS 2023, theorem 4.3: of all affine
    maps after which no linear classifier beats chance on the concept, the one that moves the codes least.
"""

from __future__ import annotations

import numpy as np

_YAW_BIN_DEGREES = 15.0
_RIDGE = 1e-4


def leace(codes: np.ndarray, concept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the affine map ``x -> A x + b`` that makes codes linearly uninformative of a concept.

    Args:
        codes: ``(N, F)``.
        concept: ``(N, Z)``, for classes one column each.

    Returns:
        A ``(F, F)`` and b ``(F,)``, float64.
    """
    codes, concept = codes.astype(np.float64), concept.astype(np.float64)
    mean = codes.mean(axis=0)
    centred, wanted = codes - mean, concept - concept.mean(axis=0)
    covariance = centred.T @ centred / len(codes)
    values, vectors = np.linalg.eigh(covariance)
    # Directions in which the codes do not vary carry nothing; a ridge keeps their whitening finite.
    values = np.maximum(values, 0) + _RIDGE * max(values.max(), 1e-12)
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    colour = (vectors * np.sqrt(values)) @ vectors.T
    cross = whiten @ (centred.T @ wanted / len(codes))
    left, strength, _ = np.linalg.svd(cross, full_matrices=False)
    basis = left[:, strength > 1e-8 * max(strength.max(initial=0.0), 1e-12)]
    matrix = np.eye(len(mean)) - colour @ basis @ basis.T @ whiten
    return matrix, mean - matrix @ mean


def yaw_concept(yaw_degrees: np.ndarray) -> np.ndarray:
    """Return which bin each yaw ``(N,)`` falls into, one column each ``(N, bins)``: erased where yaw is known."""
    bins = np.unique(np.round(yaw_degrees / _YAW_BIN_DEGREES), return_inverse=True)[1]
    return np.eye(bins.max() + 1)[bins]


def pose_concept(pose_codes: np.ndarray) -> np.ndarray:
    """Return pose codes ``(N, P)`` and their squares, ``(N, 2 P)``: what is erased where yaw is not known."""
    return np.concatenate([pose_codes, pose_codes**2], axis=1)
