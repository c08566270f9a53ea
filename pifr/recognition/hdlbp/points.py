"""Where patterns are counted: landmarks where they are known, a fixed grid where they are not.

An embedder is given pixels alone, so the points are the same for all its pictures: they are those of the alignment
template (all faces have their eyes there), the mean landmarks of the training manifest, or a grid. A turned face is
therefore read at the places of a frontal one, as in any pipeline that aligns by a similarity.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from pifr.data.manifest import LANDMARK_COLUMNS, LANDMARKS, Manifest
from pifr.data.templates import ARCFACE_POINTS

TEMPLATES = {"arcface-112": ARCFACE_POINTS / 112}
"""Templates whose five landmarks are fixed, as shares of the picture's side."""
_GRID = np.linspace(0.2, 0.8, 5)
_MAX_FRONTAL_YAW_DEGREES = 20.0


def grid_points() -> np.ndarray:
    """Return 25 points on a regular grid over the middle of the picture, ``(25, 2)`` x, y as shares of its side."""
    return np.array([(x, y) for y in _GRID for x in _GRID])


def landmark_points(five: np.ndarray) -> np.ndarray:
    """Return five landmarks ``(5, 2)`` and the ten points half-way between any two of them, ``(15, 2)``."""
    middles = [(five[a] + five[b]) / 2 for a, b in combinations(range(len(five)), 2)]
    return np.concatenate([five, middles])


def points_for(data: Manifest, size_px: int | None) -> tuple[np.ndarray, str]:
    """Return the points ``(P, 2)`` for pictures of a manifest, and where they come from.

    Args:
        data: The pictures.
        size_px: Side of its pictures, in which its landmarks are counted; None takes no landmark columns.
    """
    if data.template in TEMPLATES:
        return landmark_points(TEMPLATES[data.template]), f"the landmarks of the template {data.template}"
    if size_px is not None and set(LANDMARK_COLUMNS) <= set(data.table):
        values = data.table[list(LANDMARK_COLUMNS)].to_numpy(dtype=float).reshape(-1, len(LANDMARKS), 2)
        # Mean landmarks of turned heads would lie beside every face, so only near-frontal ones count.
        turned = np.abs(np.nan_to_num(data.yaw_degrees)) > _MAX_FRONTAL_YAW_DEGREES
        known = values[np.isfinite(values).all(axis=(1, 2)) & ~turned]
        if len(known):
            return landmark_points(known.mean(axis=0) / size_px), f"mean landmarks of {len(known)} pictures"
    return grid_points(), "a regular grid of 5 x 5 points"
