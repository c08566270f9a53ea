"""Yaw and pitch of faces: a small network trained on the twin's free mode, shipped with its weights."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pifr.pose.config import PoseConfig
    from pifr.pose.estimator import PoseEstimates, PoseEstimator, estimate_pose
    from pifr.pose.fill import fill_poses
    from pifr.pose.reader import YawReader, attach_yaw_reader
    from pifr.pose.training import train_pose

__all__ = [
    "PoseConfig",
    "PoseEstimates",
    "PoseEstimator",
    "YawReader",
    "attach_yaw_reader",
    "estimate_pose",
    "fill_poses",
    "train_pose",
]

_HOMES = {
    "PoseConfig": "pifr.pose.config",
    "PoseEstimates": "pifr.pose.estimator",
    "PoseEstimator": "pifr.pose.estimator",
    "YawReader": "pifr.pose.reader",
    "attach_yaw_reader": "pifr.pose.reader",
    "estimate_pose": "pifr.pose.estimator",
    "fill_poses": "pifr.pose.fill",
    "train_pose": "pifr.pose.training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
