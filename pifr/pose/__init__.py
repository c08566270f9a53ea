"""Yaw and pitch of faces: a small network trained on the twin's free mode, shipped with its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pifr.core.late import late_names

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

__getattr__ = late_names(__name__, _HOMES)
