"""Filling a manifest's poses in from the pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pifr.data.manifest import Manifest
from pifr.pose.estimator import PoseEstimates, PoseEstimator, estimate_pose

_DECIMALS = 2
_NOTHING = PoseEstimates(*(np.empty(0) for _ in range(4)))


@dataclass(frozen=True)
class FilledPoses:
    """A manifest with poses.

    Attributes:
        manifest: With ``yaw`` and ``pitch`` everywhere.
        yaws_filled: Pictures that had no yaw.
        pitches_filled: Pictures that had no pitch.
        estimates: Of the pictures that were looked at, in row order.
    """

    manifest: Manifest
    yaws_filled: int
    pitches_filled: int
    estimates: PoseEstimates

    def to_dict(self) -> dict[str, Any]:
        """Return counts, JSON-ready; the spread is in degrees."""
        spread = float(np.median(self.estimates.yaw_spread_degrees)) if len(self.estimates) else None
        return {"pictures": len(self.manifest), "yaws_filled": self.yaws_filled,
                "pitches_filled": self.pitches_filled, "median_yaw_spread_degrees": spread}  # fmt: skip


def fill_poses(
    manifest: Manifest, measure_all: bool = False, estimator: PoseEstimator | None = None, device: str = "auto"
) -> FilledPoses:
    """Give every picture that has no yaw or no pitch the estimated one; known angles stay as they are.

    Args:
        manifest: Square pictures, such as ``pifr data align`` makes.
        measure_all: Also write ``yaw_measured``, ``pitch_measured`` and ``yaw_spread`` of all pictures, beside the
            yaws that are known.
        estimator: Another one than the shipped.
        device: auto, cpu, cuda or cuda:N.

    Raises:
        DataError: If a picture is missing, damaged or not square.
        CheckpointError: If the weights are missing or damaged.
    """
    table = manifest.table.copy()
    known = {name: table[name].to_numpy(float) if name in table else np.full(len(table), np.nan)
             for name in ("yaw", "pitch")}  # fmt: skip
    missing = {name: np.isnan(values) for name, values in known.items()}
    wanted = np.ones(len(table), bool) if measure_all else missing["yaw"] | missing["pitch"]
    found = estimate_pose(manifest.select(wanted), estimator, device) if wanted.any() else _NOTHING
    measured = {name: np.full(len(table), np.nan) for name in ("yaw", "pitch", "spread")}
    angles = (found.yaw_degrees, found.pitch_degrees, found.yaw_spread_degrees)
    for name, values in zip(measured, angles, strict=True):
        measured[name][wanted] = np.round(values.astype(float), _DECIMALS)
    for name in ("yaw", "pitch"):
        table[name] = np.where(missing[name], measured[name], known[name])
    if measure_all:
        table["yaw_measured"], table["pitch_measured"] = measured["yaw"], measured["pitch"]
        table["yaw_spread"] = measured["spread"]
    return FilledPoses(replace(manifest, table=table), int(missing["yaw"].sum()), int(missing["pitch"].sum()), found)
