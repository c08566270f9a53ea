"""Whether a view is turned as far as asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pifr.fidelity.estimate import Estimate, by_yaw
from pifr.fidelity.views import Views
from pifr.pose import estimate_pose


@dataclass(frozen=True)
class PoseFigures:
    """Mean absolute yaw error in degrees by the yaw asked for.

    Attributes:
        generated: Of the generated views.
        true: Of the true views: the estimator's own error, below which nothing can be told.
    """

    generated: dict[str, Estimate]
    true: dict[str, Estimate]


def measure_pose(views: Views, weights: np.ndarray, device: str = "auto") -> PoseFigures:
    """Measure the yaw of generated and true views with the shipped estimator.

    Args:
        views: The trial.
        weights: ``(R, P)`` of the bootstrap over people.
        device: Where the estimator runs.
    """
    found = []
    for pixels in (views.generated, views.store[views.true]):
        error = np.abs(estimate_pose(pixels, device=device).yaw_degrees - views.yaw_degrees)
        found.append(by_yaw(error, views.yaw_degrees, views.person, weights, signed=True))
    return PoseFigures(*found)
