"""Smooth chance over a picture: what makes skin mottled and hair streaky."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

FloatMap = npt.NDArray[np.float32]


def smooth_noise(random: np.random.Generator, shape: tuple[int, ...], cells: tuple[int, int]) -> FloatMap:
    """Return `(rows, columns)` smooth noise of about unit variance at its knots.

    Args:
        random: Where the knots are drawn from.
        shape: Rows and columns of the result.
        cells: How many bumps fit down and across; unequal numbers give streaks.
    """
    knots = random.standard_normal((cells[0] + 1, cells[1] + 1)).astype(np.float32)
    return np.asarray(Image.fromarray(knots).resize((shape[1], shape[0]), Image.Resampling.BICUBIC), dtype=np.float32)


def layered_noise(random: np.random.Generator, shape: tuple[int, ...], cells: tuple[int, int], layers: int) -> FloatMap:
    """Return the sum of `layers` noises, each twice as fine and half as strong as the one before."""
    total = np.zeros(shape, dtype=np.float32)
    for layer in range(layers):
        finer = (cells[0] << layer, cells[1] << layer)
        total += np.float32(0.5**layer) * smooth_noise(random, shape, finer)
    return total


def ramp(values: FloatMap, start: float, end: float) -> FloatMap:
    """Return 0 where `values` is before `start`, 1 beyond `end`, smooth between; `end` may be the smaller."""
    share = np.clip((values - np.float32(start)) * np.float32(1.0 / (end - start)), 0.0, 1.0)
    return share * share * (np.float32(3.0) - np.float32(2.0) * share)
