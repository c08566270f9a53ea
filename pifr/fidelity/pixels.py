"""How near a generated view is to the photograph of the same moment, pixel by pixel."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from pifr.core.errors import DataError
from pifr.fidelity.estimate import Estimate, by_yaw
from pifr.fidelity.views import Views

_LEVELS = 255.0
_LUMA = (0.299, 0.587, 0.114)
_WINDOW_PX, _SIGMA_PX = 11, 1.5
_C1, _C2 = (0.01 * _LEVELS) ** 2, (0.03 * _LEVELS) ** 2
_ROUNDING_ERROR = 1 / 12
"""Variance of rounding to whole levels: no smaller mean squared error can be told, so PSNR ends at 58.9 dB."""
_BATCH = 256


def measure_pixels(views: Views, weights: np.ndarray) -> dict[str, dict[str, Estimate]]:
    """Compare generated views with the true views of the source's own sitting.

    Args:
        views: The trial.
        weights: ``(R, P)`` of the bootstrap over people.

    Returns:
        ``l1`` (share of the full range), ``psnr_db`` and ``ssim``, each by |yaw|; empty where no truth is known.
    """
    rows = np.flatnonzero(views.same_sitting)
    if not len(rows):
        return {}
    made, true = views.generated[rows], views.store[views.true[rows]]
    scores = {"l1": mean_absolute_error(made, true), "psnr_db": psnr_db(made, true)}
    if min(made.shape[1:3]) >= _WINDOW_PX:
        scores["ssim"] = ssim(made, true)
    person, yaws = views.person[rows], views.yaw_degrees[rows]
    return {name: by_yaw(values, yaws, person, weights) for name, values in scores.items()}


def mean_absolute_error(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the mean absolute difference ``(N,)``, 0 to 1, of ``(N, H, W, 3)`` uint8."""
    return np.abs(_difference(first, second)).mean(axis=(1, 2, 3)) / _LEVELS


def psnr_db(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the peak signal-to-noise ratio ``(N,)`` in dB of ``(N, H, W, 3)`` uint8."""
    squared = (_difference(first, second) ** 2).mean(axis=(1, 2, 3))
    return 10 * np.log10(_LEVELS**2 / np.maximum(squared, _ROUNDING_ERROR))


def ssim(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the structural similarity of brightness.

    Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", IEEE
    TIP 2004, equations 13 to 17: Gaussian window of 11 x 11 and 1.5 pixels, K1 = 0.01, K2 = 0.03, averaged over the
    windows that lie wholly inside.

    Args:
        first: ``(N, H, W, 3)`` uint8, 11 pixels or more each way.
        second: The same shape.

    Returns:
        ``(N,)``, 1 for equal pictures.

    Raises:
        DataError: If the pictures are smaller than the window or differ in shape.
    """
    _difference(first[:1], second[:1])
    if min(first.shape[1:3]) < _WINDOW_PX:
        raise DataError(f"SSIM needs pictures of {_WINDOW_PX} pixels or more", found=first.shape[1:3])
    parts = [
        _ssim_of_brightness(*(_brightness(side[start : start + _BATCH]) for side in (first, second)))
        for start in range(0, len(first), _BATCH)
    ]
    return np.concatenate(parts)


def _ssim_of_brightness(x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    mean_x, mean_y = _windowed(x), _windowed(y)
    variance_x, variance_y = _windowed(x * x) - mean_x**2, _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    above = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    below = (mean_x**2 + mean_y**2 + _C1) * (variance_x + variance_y + _C2)
    return (above / below).mean(dim=(1, 2, 3)).numpy()


def _brightness(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float64) @ np.array(_LUMA))[:, None]


def _windowed(images: torch.Tensor) -> torch.Tensor:
    """Return local means ``(N, 1, H - 10, W - 10)``; the Gaussian is a product of two lines."""
    place = torch.arange(_WINDOW_PX, dtype=torch.float64) - _WINDOW_PX // 2
    line = torch.exp(-(place**2) / (2 * _SIGMA_PX**2))
    line = line / line.sum()
    return F.conv2d(F.conv2d(images, line.view(1, 1, -1, 1)), line.view(1, 1, 1, -1))


def _difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    if first.shape != second.shape:
        raise DataError("pictures of one shape are compared", found=f"{first.shape} and {second.shape}")
    return first.astype(np.float64) - second
