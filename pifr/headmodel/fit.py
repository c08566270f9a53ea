"""Fitting the head to five landmarks: pose, camera and shape at once, with a prior on each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.headmodel.framing import Framing
from pifr.headmodel.heads import HeadBasis
from pifr.twin.geometry import DISTANCE_M

FloatArray = npt.NDArray[np.float64]

YAW, PITCH, ROLL, LOG_SCALE, ACROSS, DOWN = range(6)
"""Columns of the camera's parameters; angles in radians, shifts in pixels."""
_CAMERA = 6

_LANDMARK_M = 0.0015
"""Standard deviation of a landmark's place on a face."""
_TILT_DEGREES = 12.0
"""Standard deviation of pitch and roll of a face in an aligned picture."""
_START_YAWS_DEGREES = (-75.0, -35.0, 0.0, 35.0, 75.0)
_STEPS = 14
_MOST_DEVIATIONS = 3.0
"""No head is stranger than this in any component, whatever the landmarks say."""


@dataclass(frozen=True)
class Fit:
    """Heads fitted to ``N`` pictures.

    The camera is a pinhole 1.5 m from the head, as far as the twin's; scale and shift are free.

    Attributes:
        yaw_degrees: ``(N,)``, positive when the nose points to the picture's right.
        pitch_degrees: ``(N,)``, positive upwards.
        roll_degrees: ``(N,)``, positive anticlockwise.
        scale_px_per_m: ``(N,)`` pixels a metre at the head's origin.
        centre_px: ``(N, 2)`` where the head's origin appears.
        coefficients: ``(N, K)`` shape, in standard deviations of the twin's people.
        points_px: ``(N, 5, 2)`` landmarks of the fitted head.
        error_px: ``(N,)`` root mean square distance between these and the given ones.
    """

    yaw_degrees: FloatArray
    pitch_degrees: FloatArray
    roll_degrees: FloatArray
    scale_px_per_m: FloatArray
    centre_px: FloatArray
    coefficients: FloatArray
    points_px: FloatArray
    error_px: FloatArray

    def __len__(self) -> int:
        return len(self.yaw_degrees)


def rotations(yaw: FloatArray, pitch: FloatArray, roll: FloatArray) -> FloatArray:
    """Return ``(N, 3, 3)`` rotations from head to camera axes; radians; as :func:`pifr.twin.geometry.head_rotation`."""
    sy, cy, sp, cp, sr, cr = (f(angle) for angle in (yaw, pitch, roll) for f in (np.sin, np.cos))
    rows = [
        [cy * cr - sy * sp * sr, -cy * sr - sy * sp * cr, sy * cp],
        [cp * sr, cp * cr, sp],
        [-sy * cr - cy * sp * sr, sy * sr - cy * sp * cr, cy * cp],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def project(points_m: FloatArray, rotation: FloatArray, scale: FloatArray, centre: FloatArray) -> FloatArray:
    """Return where points appear.

    Args:
        points_m: ``(N, P, 3)`` in head axes.
        rotation: ``(N, 3, 3)``.
        scale: ``(N,)`` pixels a metre at the origin.
        centre: ``(N, 2)`` pixels.

    Returns:
        ``(N, P, 2)`` pixels; (0, 0) is the middle of the top left pixel.
    """
    turned = points_m @ np.swapaxes(rotation, -1, -2)
    closer = (scale[:, None] * DISTANCE_M / (DISTANCE_M - turned[..., 2]))[..., None]
    return centre[:, None] + closer * turned[..., :2] * [1.0, -1.0]


def fit_heads(basis: HeadBasis, landmarks: FloatArray, framing: Framing) -> Fit:
    """Fit pose, camera and shape to five landmarks a picture.

    Minimises the squared landmark distance over its variance plus the squared distance of every parameter from its
    prior mean over the prior's variance (Blanz and Vetter 1999, section 4, with landmarks alone; the shape term is
    Tikhonov's), by Levenberg and Marquardt from five yaws; the best end wins.

    Args:
        basis: The heads.
        landmarks: ``(N, 5, 2)`` pixels, finite.
        framing: What is known of the camera.

    Returns:
        The fits.
    """
    # One by one, so that a picture's fit never depends, in its last bits, on what else is in the batch.
    chosen = np.stack([_fit_one(basis, points, framing) for points in landmarks])
    chosen[:, _CAMERA:] = np.clip(chosen[:, _CAMERA:], -_MOST_DEVIATIONS, _MOST_DEVIATIONS)
    points = _points(basis, chosen)
    return Fit(
        yaw_degrees=np.degrees(np.arctan2(np.sin(chosen[:, YAW]), np.cos(chosen[:, YAW]))),
        pitch_degrees=np.degrees(chosen[:, PITCH]),
        roll_degrees=np.degrees(chosen[:, ROLL]),
        scale_px_per_m=np.exp(chosen[:, LOG_SCALE]),
        centre_px=chosen[:, [ACROSS, DOWN]],
        coefficients=chosen[:, _CAMERA:],
        points_px=points,
        error_px=np.sqrt(((points - landmarks) ** 2).sum(axis=-1).mean(axis=-1)),
    )


def _fit_one(basis: HeadBasis, landmarks: FloatArray, framing: Framing) -> FloatArray:
    """Return the parameters ``(6 + K,)`` of one picture's fit, the best of all starts."""
    given = np.tile(landmarks, (len(_START_YAWS_DEGREES), 1, 1))
    values, cost = _minimise(basis, _start(basis, given, framing), given, framing)
    return values[cost.argmin()]


def _start(basis: HeadBasis, landmarks: FloatArray, framing: Framing) -> FloatArray:
    """Return parameters ``(R, 6 + K)`` of the mean head at each starting yaw, laid over the landmarks ``(R, 5, 2)``."""
    values = np.zeros((len(landmarks), _CAMERA + len(basis.components_m)))
    values[:, YAW] = np.radians(_START_YAWS_DEGREES)
    flat = _points(basis, values)
    spread = np.sqrt(landmarks.var(axis=1).sum(axis=1) / flat.var(axis=1).sum(axis=1))
    values[:, LOG_SCALE] = np.log(spread if framing.scale_px_per_m is None else framing.scale_px_per_m)
    values[:, [ACROSS, DOWN]] = landmarks.mean(axis=1) - _points(basis, values).mean(axis=1)
    return values


def _points(basis: HeadBasis, values: FloatArray) -> FloatArray:
    turned = rotations(values[:, YAW], values[:, PITCH], values[:, ROLL])
    return project(basis.points(values[:, _CAMERA:]), turned, np.exp(values[:, LOG_SCALE]), values[:, [ACROSS, DOWN]])


def _minimise(
    basis: HeadBasis, values: FloatArray, landmarks: FloatArray, framing: Framing
) -> tuple[FloatArray, FloatArray]:
    """Return parameters and costs after a fixed number of damped steps, each start with its own damping."""
    mean, deviation = _prior(values.shape[1], framing)
    unit = _LANDMARK_M * np.exp(values[:, LOG_SCALE])

    def residual(at: FloatArray) -> FloatArray:
        """Return residuals ``(..., R, 10 + P)`` of parameters ``(..., R, P)``."""
        points = _points(basis, at.reshape(-1, at.shape[-1])).reshape(*at.shape[:-1], 5, 2)
        distance = ((points - landmarks) / unit[:, None, None]).reshape(*at.shape[:-1], 10)
        return np.concatenate([distance, (at - mean) / deviation], axis=-1)

    steps = np.where(np.arange(values.shape[1]) < ACROSS, 1e-5, 1e-3)
    steps[_CAMERA:] = 1e-3
    damping = np.full(len(values), 1e-2)
    now = residual(values)
    cost = (now * now).sum(axis=1)
    for _ in range(_STEPS):
        moved = residual(values + np.diag(steps)[:, None])
        slope = np.moveaxis((moved - now) / steps[:, None, None], 0, -1)
        normal = np.swapaxes(slope, 1, 2) @ slope
        diagonal = np.einsum("nii->ni", normal)
        diagonal += damping[:, None] * diagonal + 1e-12
        step = np.linalg.solve(normal, np.einsum("nrp,nr->np", slope, now)[..., None])[..., 0]
        tried = values - step
        after = residual(tried)
        cost_after = (after * after).sum(axis=1)
        better = cost_after < cost
        values, now = np.where(better[:, None], tried, values), np.where(better[:, None], after, now)
        cost = np.where(better, cost_after, cost)
        damping = np.where(better, damping * 0.3, damping * 8.0)
    return values, cost


def _prior(count: int, framing: Framing) -> tuple[FloatArray, FloatArray]:
    """Return prior means and deviations ``(count,)`` of the parameters; infinite where nothing is known."""
    mean, deviation = np.zeros(count), np.ones(count)
    deviation[[PITCH, ROLL]] = np.radians(_TILT_DEGREES)
    deviation[[YAW, LOG_SCALE, ACROSS, DOWN]] = np.inf
    if framing.scale_px_per_m is not None:
        mean[LOG_SCALE], deviation[LOG_SCALE] = np.log(framing.scale_px_per_m), framing.scale_spread
    if framing.centre_px is not None:
        mean[[ACROSS, DOWN]], deviation[[ACROSS, DOWN]] = framing.centre_px, framing.centre_spread_px
    return mean, deviation
