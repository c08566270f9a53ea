"""Where cameras stand, which rays they send and where they see a point; yaw, pitch and roll and back.

Axes of the room: x to the right of the frontal camera's picture, y up, z towards the frontal camera. Axes of a
camera: x to its picture's right, y to its top, z from the head to the camera. Positive yaw turns the nose to the
picture's right, positive pitch turns it up, positive roll leans the head anticlockwise in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.twin.vectors import unit

FloatArray = npt.NDArray[np.floating]

DISTANCE_M = 1.5
"""From every camera to the middle of its picture."""
FIELD_M = 0.205
"""Side of the square that a picture shows at that distance, the same for all cameras."""


def head_rotation(yaw_degrees: float, pitch_degrees: float, roll_degrees: float) -> FloatArray:
    """Return the `(3, 3)` rotation from a head's own axes to those of a camera that sees it at these angles."""
    yaw, pitch, roll = np.radians([yaw_degrees, pitch_degrees, roll_degrees])
    around_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    around_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return around_y @ around_x @ around_z


def head_angles(rotation: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return yaw, pitch and roll in degrees of rotations `(..., 3, 3)`; the inverse of :func:`head_rotation`."""
    yaw = np.arctan2(rotation[..., 0, 2], rotation[..., 2, 2])
    pitch = np.arcsin(np.clip(rotation[..., 1, 2], -1, 1))
    roll = np.arctan2(rotation[..., 1, 0], rotation[..., 1, 1])
    return np.degrees(yaw), np.degrees(pitch), np.degrees(roll)


def camera_rotation(yaw_degrees: float, elevation_degrees: float, roll_degrees: float = 0.0) -> FloatArray:
    """Return the `(3, 3)` rotation from room axes to the axes of a camera; its rows are right, up and back.

    Args:
        yaw_degrees: How far around the head it stands: from the head's height the yaw at which it sees a head that
            looks at the frontal camera; from above it sees a larger one.
        elevation_degrees: How far it hangs above the head's height.
        roll_degrees: How far the camera itself is turned about its axis, clockwise.
    """
    around, above = np.radians([-yaw_degrees, elevation_degrees])
    right = np.array([np.cos(around), 0.0, -np.sin(around)])
    back = np.array([np.sin(around) * np.cos(above), np.sin(above), np.cos(around) * np.cos(above)])
    up = np.cross(back, right)
    return head_rotation(0.0, 0.0, roll_degrees) @ np.stack([right, up, back])


def direction_to(yaw_degrees: float, elevation_degrees: float) -> FloatArray:
    """Return the unit vector `(3,)` from the head to a camera or flash that stands at these angles."""
    return camera_rotation(yaw_degrees, elevation_degrees)[2]


@dataclass(frozen=True)
class View:
    """A pinhole camera aimed at a point.

    Attributes:
        rotation: `(3, 3)`, from room axes to camera axes.
        target_m: `(3,)`, the point of the room in the middle of the picture.
        size_px: Side of the square picture.
        field_m: Side of the square that the picture shows at the target.
    """

    rotation: FloatArray
    target_m: FloatArray
    size_px: int
    field_m: float = FIELD_M

    @property
    def position_m(self) -> FloatArray:
        """Where the camera stands, `(3,)`."""
        return self.target_m + DISTANCE_M * self.rotation[2]

    def ray_directions(self, samples_per_side: int) -> npt.NDArray[np.float32]:
        """Return unit directions `(n * n, 3)` of all rays in reading order, n = size_px * samples_per_side."""
        count = self.size_px * samples_per_side
        steps = (((np.arange(count) + 0.5) / count - 0.5) * self.field_m).astype(np.float32)
        # Written out, since a matrix product may add in another order on another number of threads.
        right, up, back = self.rotation.astype(np.float32)
        rays = steps[None, :, None] * right - steps[:, None, None] * up - np.float32(DISTANCE_M) * back
        return unit(rays.reshape(-1, 3))

    def project(self, points_m: FloatArray) -> FloatArray:
        """Return where points `(N, 3)` appear, `(N, 2)` in pixels; (0, 0) is the middle of the top left pixel."""
        right, up, back = self.rotation
        offset = points_m - self.position_m
        depth = -(offset * back).sum(-1)
        scale = DISTANCE_M / self.field_m * self.size_px / depth
        across, above = (offset * right).sum(-1) * scale, (offset * up).sum(-1) * scale
        return np.stack([self.size_px / 2 + across - 0.5, self.size_px / 2 - above - 0.5], axis=-1)
