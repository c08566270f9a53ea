"""Uniform local binary patterns counted in cells around points, at several scales.

T. Ojala, M. Pietikainen, T. Maenpaa, "Multiresolution gray-scale and rotation invariant texture classification with
local binary patterns", PAMI 2002: the operator LBP(8,1) with uniform patterns, on the eight pixels around each.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from pifr.recognition.hdlbp.config import FeatureConfig

BINS = 59
"""58 uniform patterns (at most two changes between 0 and 1 around the circle), and one bin for all others."""
_AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow's "L"


def feature_count(points: int, config: FeatureConfig) -> int:
    """Return the number of features D of a picture."""
    return points * len(config.sizes_px) * config.cells**2 * BINS


def lbp_features(pixels: np.ndarray, points: np.ndarray, config: FeatureConfig) -> np.ndarray:
    """Return square roots of pattern frequencies in every cell.

    The inner product of two pictures' features is then the sum of the cells' Bhattacharyya coefficients. Cells that
    reach over the edge see the edge pixel repeated.

    Args:
        pixels: ``(N, S, S, 3)`` uint8 RGB with S the first of ``config.sizes_px``.
        points: ``(P, 2)`` x, y as shares of the side.
        config: Scales and cells.

    Returns:
        ``(N, D)`` float32, D from :func:`feature_count`; the sum of squares of each cell is 1.
    """
    grey = np.rint(pixels.astype(np.float32) @ _LUMA)
    parts = []
    for size in config.sizes_px:
        codes = uniform_patterns(_resized(grey, size))
        cells = cell_indices(points, size, config)
        parts.append(_histograms(codes.reshape(len(codes), size * size), cells))
    return np.sqrt(np.concatenate(parts, axis=1) / config.cell_px**2)


def uniform_patterns(grey: np.ndarray) -> np.ndarray:
    """Return the pattern of every pixel, ``(N, S, S)`` uint8 below :data:`BINS`, of whole grey levels ``(N, S, S)``."""
    size = grey.shape[1]
    framed = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    codes = np.zeros(grey.shape, np.uint8)
    for bit, (down, right) in enumerate(_AROUND):
        neighbour = framed[:, 1 + down : 1 + down + size, 1 + right : 1 + right + size]
        codes |= (neighbour >= grey).astype(np.uint8) << bit
    return _bin_of_code()[codes]


def cell_indices(points: np.ndarray, size_px: int, config: FeatureConfig) -> np.ndarray:
    """Return the pixels of every cell of every patch as indices into the flat picture, ``(C, cell_px ** 2)``."""
    side = config.cells * config.cell_px
    corners = np.rint(points * size_px - side / 2).astype(int)
    within = np.arange(side).reshape(config.cells, config.cell_px)
    x = np.clip(corners[:, 0, None, None] + within, 0, size_px - 1)
    y = np.clip(corners[:, 1, None, None] + within, 0, size_px - 1)
    # Axes: point, cell row, cell column, pixel row, pixel column.
    flat = y[:, :, None, :, None] * size_px + x[:, None, :, None, :]
    return flat.reshape(-1, config.cell_px**2)


def resize_weights(source: int, target: int) -> np.ndarray:
    """Return the weights ``(target, source)`` of a triangle filter as wide as the reduction, each row summing to 1."""
    ratio = max(source / target, 1.0)
    centres = (np.arange(target) + 0.5) * source / target - 0.5
    weights = np.maximum(0, 1 - np.abs(np.arange(source)[None] - centres[:, None]) / ratio)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _resized(grey: np.ndarray, size_px: int) -> np.ndarray:
    if grey.shape[1] == size_px:
        return grey
    weights = resize_weights(grey.shape[1], size_px)
    # Whole grey levels: on smooth skin the patterns would otherwise be those of rounding errors.
    return np.rint(weights @ grey @ weights.T)


def _histograms(codes: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Count patterns ``(N, S * S)`` in cells ``(C, K)``: ``(N, C * BINS)`` float32."""
    places = np.arange(len(codes) * len(cells), dtype=np.int32).reshape(len(codes), len(cells), 1) * BINS
    counts = np.bincount((places + codes[:, cells]).ravel(), minlength=places.size * BINS)
    return counts.reshape(len(codes), len(cells) * BINS).astype(np.float32)


@cache
def _bin_of_code() -> np.ndarray:
    """Return the bin of each of the 256 codes: uniform ones in ascending order, then one for the rest."""
    bins = np.full(256, BINS - 1, np.uint8)
    uniform = [code for code in range(256) if _changes(code) <= 2]
    bins[uniform] = np.arange(len(uniform))
    return bins


def _changes(code: int) -> int:
    turned = ((code << 1) | (code >> 7)) & 0xFF
    return (code ^ turned).bit_count()
