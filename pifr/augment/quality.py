"""Figures of one picture that need no network: how sharp it is, and how near to another."""

from __future__ import annotations

import numpy as np

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
_THUMBNAIL_PX = 16


def luma(pixels: np.ndarray) -> np.ndarray:
    """Return the brightness ``(N, S, S)`` float32 of ``(N, S, S, 3)`` uint8 RGB pictures, 0 to 255."""
    return pixels.astype(np.float32) @ _LUMA


def sharpness(pixels: np.ndarray) -> np.ndarray:
    """Return the sharpness of pictures: the variance of the Laplacian of their brightness.

    LAPV of J. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000, with the kernel
    [0 1 0; 1 -4 1; 0 1 0]. It grows with contrast and depends on the size in pixels, so only pictures of one size
    compare, best those of one person.

    Args:
        pixels: ``(N, S, S, 3)`` uint8 RGB.

    Returns:
        ``(N,)`` float64, in squared grey levels.
    """
    grey = luma(pixels)
    laplacian = (
        grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] - 4 * grey[:, 1:-1, 1:-1]
    )
    return laplacian.reshape(len(grey), -1).var(axis=1, dtype=np.float64)


def thumbnails(pixels: np.ndarray) -> np.ndarray:
    """Return brightness averaged over a grid of 16 x 16 cells, ``(N, 256)`` float32, to compare pictures with.

    Args:
        pixels: ``(N, S, S, 3)`` uint8 RGB, S at least 16.
    """
    grey = luma(pixels)
    edges = np.linspace(0, grey.shape[1], _THUMBNAIL_PX + 1).astype(int)[:-1]
    rows = np.add.reduceat(grey, edges, axis=1)
    cells = np.add.reduceat(rows, edges, axis=2)
    sides = np.diff(np.append(edges, grey.shape[1])).astype(np.float32)
    return (cells / np.outer(sides, sides)).reshape(len(grey), -1)


def differences(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the RMS difference in grey levels of a thumbnail ``(256,)`` to each of ``(M, 256)``: ``(M,)``."""
    return np.sqrt(np.square(others - one).mean(axis=1))
