"""Whether the person stays the same when the pose comes from another driver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ipgan import Rotator
from pifr.fidelity.estimate import Estimate, estimate, nominal_yaws
from pifr.fidelity.views import Views
from pifr.metrics import unit_length


@dataclass(frozen=True)
class SwapFigures:
    """Mean cosines of the generator's own identity codes of generated views.

    Attributes:
        same_person: One person, pose from two drivers at one yaw.
        different_people: Two people, pose from one driver.
    """

    same_person: Estimate
    different_people: Estimate


def measure_swap(rotator: Rotator, views: Views, weights: np.ndarray) -> SwapFigures | None:
    """Draw every person in the poses of the next two people, yaw by yaw, and encode the views again.

    Args:
        rotator: The generator.
        views: The trial.
        weights: ``(R, P)`` of the bootstrap over people.

    Returns:
        None where no yaw is known of three people.
    """
    poses = rotator.pose_codes(views.store[views.true])
    who, first, second = _drivers(views)
    if not len(who):
        return None
    photographs = views.store[views.source]
    identity, seen_from = rotator.identity_codes(photographs), rotator.pose_codes(photographs)
    by_first, by_second, other = (
        unit_length(
            rotator.identity_codes(
                rotator.generate(identity[people], poses[driver], photographs[people], seen_from[people])
            )
        )
        for people, driver in ((who, first), (who, second), ((who + 1) % len(identity), first))
    )
    same = np.einsum("nd,nd->n", by_first, by_second)
    different = np.einsum("nd,nd->n", by_first, other)
    return SwapFigures(estimate(same, who, weights), estimate(different, who, weights))


def _drivers(views: Views) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return people ``(K,)`` and the two views ``(K,)`` that drive each: of the next two people at that yaw."""
    rows: list[tuple[int, int, int]] = []
    yaws = nominal_yaws(views.yaw_degrees)
    for yaw in np.unique(yaws):
        here = np.flatnonzero(yaws == yaw)
        if len(here) >= 3:
            rows += zip(views.person[here], np.roll(here, -1), np.roll(here, -2), strict=True)
    table = np.array(rows, dtype=int).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]
