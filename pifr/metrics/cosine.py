"""Vectors of unit length, whose inner products are cosines."""

from __future__ import annotations

import numpy as np

_LEAST_LENGTH = 1e-12


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Return ``(N, D)`` vectors at length 1.

    Zero stays zero and what is not finite stays so: of pictures that could not be embedded the caller knows better
    what to make. :func:`pifr.evaluation.retrieval.unit_vectors` refuses both.

    Example:
        >>> unit_length(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[0.6, 0.8], [0.0, 0.0]]
    """
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _LEAST_LENGTH)
