"""How far off an estimator is on people it never saw, by yaw and by framing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pifr.data.geometry import box_to_square, warp
from pifr.metrics.bootstrap import percentile_interval, person_weights
from pifr.pose.estimator import PoseEstimator
from pifr.pose.training_data import PoseData

WINDOWS = {"whole head": 1.0, "face": 0.67, "tight": 0.5}
"""Test framings: side of the middle window as a share of the rendered picture's."""
_YAW_EDGES = (0, 15, 30, 45, 60, 75, 90, 105)


@dataclass(frozen=True)
class MeanError:
    """A mean absolute error in degrees with its interval over people.

    Attributes:
        degrees: The mean over pictures.
        low: Lower end of the 95 % interval; NaN where there is one person only.
        high: Upper end.
        pictures: How many stand behind it.
    """

    degrees: float
    low: float
    high: float
    pictures: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        interval = None if np.isnan(self.low) else [round(self.low, 3), round(self.high, 3)]
        return {"mae_degrees": round(self.degrees, 3), "interval_95": interval, "pictures": self.pictures}


def mean_error(errors: np.ndarray, people: np.ndarray) -> MeanError:
    """Average absolute errors; the interval is a bootstrap over people.

    Args:
        errors: ``(N,)`` in degrees.
        people: ``(N,)`` names.
    """
    names, person = np.unique(people, return_inverse=True)
    sums, counts = np.bincount(person, np.abs(errors)), np.bincount(person)
    weights = person_weights(len(names))
    interval = percentile_interval(weights @ sums / (weights @ counts), float(np.abs(errors).mean()), len(names))
    return MeanError(float(np.abs(errors).mean()), interval.low, interval.high, len(errors))


def judge(estimator: PoseEstimator, data: PoseData) -> dict[str, Any]:
    """Return JSON-ready errors on the test people for every framing of :data:`WINDOWS`, by range of absolute yaw."""
    people, angles = data.subjects[data.test_rows], data.angles[data.test_rows]
    figures = {}
    for name, share in WINDOWS.items():
        found = estimator(middle_windows(data.pixels[data.test_rows], share, estimator.spec.size_px))
        errors = found.yaw_degrees - angles[:, 0]
        by_yaw = {}
        for low, high in pairwise(_YAW_EDGES):
            inside = (np.abs(angles[:, 0]) >= low) & (np.abs(angles[:, 0]) < high)
            if inside.any():
                by_yaw[f"{low}-{high}"] = mean_error(errors[inside], people[inside]).to_dict()
        figures[name] = {
            "yaw": mean_error(errors, people).to_dict(),
            "pitch": mean_error(found.pitch_degrees - angles[:, 1], people).to_dict(),
            "yaw_by_abs_yaw": by_yaw,
        }
    return {"people": len(np.unique(people)), "framings": figures}


def middle_windows(pixels: np.ndarray, share: float, size_px: int) -> np.ndarray:
    """Cut the middle ``share`` of square pictures out: ``(N, H, H, 3)`` -> ``(N, size_px, size_px, 3)`` uint8."""
    side = pixels.shape[1] * share
    corner = (pixels.shape[1] - side) / 2
    matrix = box_to_square(corner, corner, side, size_px)
    return np.stack([warp(one, matrix, size_px) for one in pixels])
