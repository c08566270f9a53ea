"""Similarity and affine maps of the plane, and resampling a picture by one.

A map is a ``(2, 3)`` matrix from source to target pixels; a coordinate names a pixel's centre, the first is 0.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image


def fit_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the rotation, uniform scale and shift that best map points onto points, in the least-squares sense.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", TPAMI 13(4), 1991,
    equations 40 to 43, in two dimensions; never a reflection.

    Args:
        source: ``(K, 2)`` points.
        target: ``(K, 2)`` points.

    Returns:
        ``(2, 3)``.

    Raises:
        ValueError: If the source points coincide or are not finite.
    """
    source, target = np.asarray(source, dtype=float), np.asarray(target, dtype=float)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred = source - source_mean
    variance = (centred**2).sum() / len(source)
    if not np.isfinite(variance) or variance < 1e-9:
        raise ValueError("the points coincide or are not finite")
    covariance = (target - target_mean).T @ centred / len(source)
    left, singular, right = np.linalg.svd(covariance)
    signs = np.array([1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    linear = (left * signs) @ right * (singular @ signs / variance)
    return np.column_stack([linear, target_mean - linear @ source_mean])


def box_to_square(x: float, y: float, side: float, size_px: int) -> np.ndarray:
    """Return the map of the box with corner ``(x, y)`` and ``side`` pixels onto a ``size_px`` square: ``(2, 3)``."""
    scale = size_px / side
    # The box is measured between pixel edges, which lie half a pixel before the centres.
    return np.array([[scale, 0.0, (0.5 - x) * scale - 0.5], [0.0, scale, (0.5 - y) * scale - 0.5]])


def invert(matrix: np.ndarray) -> np.ndarray:
    """Return the map back: ``(2, 3)`` -> ``(2, 3)``."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def transform_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Map points ``(K, 2)``; NaN stays NaN."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def warp(pixels: np.ndarray, matrix: np.ndarray, size_px: int) -> np.ndarray:
    """Resample a picture through a map, without aliasing where it shrinks; black beyond the picture's edge.

    Args:
        pixels: ``(H, W, 3)`` uint8.
        matrix: ``(2, 3)`` from picture to target.
        size_px: Side of the square target.

    Returns:
        ``(size_px, size_px, 3)`` uint8.
    """
    scale = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    # Draw about as large as the source, where interpolation loses nothing, then shrink with a proper filter.
    factor = max(1, math.ceil(1 / scale - 1e-9))
    back = invert(matrix)
    # Pillow counts from the pixel's edge: shift by half a pixel on both sides, and by the supersampling.
    linear = back[:, :2] / factor
    offset = back[:, 2] - back[:, :2] @ [0.5, 0.5] + 0.5
    coefficients = (*linear[0], offset[0], *linear[1], offset[1])
    side = size_px * factor
    drawn = Image.fromarray(pixels).transform(
        (side, side), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC
    )
    if factor > 1:
        drawn = drawn.resize((size_px, size_px), Image.Resampling.LANCZOS)
    return np.asarray(drawn)
