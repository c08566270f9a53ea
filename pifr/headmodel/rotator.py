"""Views of a photographed face at other yaws, by a head fitted to five landmarks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pifr.core.errors import DataError, require_extra
from pifr.data.geometry import invert
from pifr.data.spec import InputSpec
from pifr.headmodel.fit import Fit, fit_heads, project
from pifr.headmodel.framing import Framing
from pifr.headmodel.heads import head_basis
from pifr.headmodel.surface import Coat, dress, pixel_grid, rays, sample, turned_to
from pifr.twin.noise import ramp
from pifr.twin.sensor import mean_of_samples

FloatArray = npt.NDArray[np.float64]

MAX_YAW_DEGREES = 100.0
_SAMPLES_PER_SIDE = 2
_SMALLEST_PX = 16
_LEAVES_PHOTOGRAPH_DEGREES = (2.0, 10.0)
"""Turns up to which the photograph is shown as it is, hair and wall included, and from which only the model is."""


class HeadModelRotator:
    """The 3D morphable-model way of making views: fit a head, project the photograph on it, turn it, draw it.

    Blanz and Vetter, "A morphable model for the synthesis of 3D faces", SIGGRAPH 1999; Masi et al., "Do we really
    need to collect millions of faces for effective face recognition?", ECCV 2016. Nothing is trained.

    Attributes:
        spec: Size and template of the pictures, in and out.
        name: For provenance and messages.
        sha256: Digest of the head model and of this code's version.

    Args:
        size_px: Side of the square pictures.
        template: Their alignment template; None where they are framed in no known way. New views are framed as the
            template would frame a picture taken at their yaw.

    Raises:
        ConfigError: If there is no such template.
        DataError: If the size is below 16 pixels.
        DependencyError: If the extra `twin` is not installed.
    """

    name = "headmodel"

    def __init__(self, size_px: int, template: str | None) -> None:
        if size_px < _SMALLEST_PX:
            raise DataError(f"pictures must be at least {_SMALLEST_PX} pixels", where=self.name, found=size_px)
        require_extra("embreex", "twin", "turning faces by the head model")
        self.framing = Framing.of(template, size_px)
        self.spec = InputSpec(size_px=size_px, template=template or "unaligned")
        self.basis = head_basis()
        self.sha256 = self.basis.sha256

    def fit(self, landmarks: npt.NDArray[np.floating]) -> Fit:
        """Fit pose, camera and shape to landmarks ``(N, 5, 2)`` in pixels of the pictures.

        Raises:
            DataError: If the array has another shape or holds something else than finite numbers.
        """
        points = np.asarray(landmarks, dtype=np.float64)
        if points.ndim != 3 or points.shape[1:] != (5, 2):
            raise DataError("five landmarks a picture are needed, (N, 5, 2)", where=self.name, found=points.shape)
        bad = np.flatnonzero(~np.isfinite(points).all(axis=(1, 2)))
        if len(bad):
            raise DataError(
                f"{len(bad)} of {len(points)} pictures lack some of the five landmarks", where=self.name,
                found=f"NaN at picture {int(bad[0])}", cure="leave these pictures out",
            )  # fmt: skip
        flat = np.flatnonzero(points.var(axis=1).sum(axis=1) < 1.0)
        if len(flat):
            raise DataError("the five landmarks coincide", where=self.name, found=f"picture {int(flat[0])}")
        return fit_heads(self.basis, points, self.framing)

    def rotate(
        self,
        pixels: npt.NDArray[np.uint8],
        landmarks: npt.NDArray[np.floating] | None,
        yaws_degrees: Sequence[float] | npt.NDArray[np.floating],
    ) -> npt.NDArray[np.uint8]:
        """Turn each face to each yaw.

        Args:
            pixels: ``(N, S, S, 3)`` uint8 RGB.
            landmarks: ``(N, 5, 2)`` pixels of these pictures, (0, 0) the middle of the top left pixel; left eye, right
                eye, nose tip, left and right mouth corner, left being the left of the picture. None: every face is
                taken to lie frontally where the template expects it.
            yaws_degrees: ``(M,)`` within -100 to 100, positive when the nose points to the picture's right.

        Returns:
            ``(N, M, S, S, 3)`` uint8.

        Raises:
            DataError: If shapes, types or yaws don't fit, landmarks are missing, or None is given and the template
                says nothing of the face's place.
        """
        yaws = self._checked_yaws(yaws_degrees)
        size = self.spec.size_px
        pixels = np.asarray(pixels)
        if pixels.ndim != 4 or pixels.shape[1:] != (size, size, 3) or pixels.dtype != np.uint8:
            raise DataError(
                f"pictures must be uint8 (N, {size}, {size}, 3)", where=self.name,
                found=f"{pixels.dtype} {pixels.shape}",
            )  # fmt: skip
        if landmarks is None:
            landmarks = np.tile(self.framing.canonical_points(self.basis.mean_points_m), (len(pixels), 1, 1))
        if len(landmarks) != len(pixels):
            raise DataError("as many landmarks as pictures are needed", where=self.name,
                            found=f"{len(landmarks)} and {len(pixels)}")  # fmt: skip
        views = np.empty((len(pixels), len(yaws), size, size, 3), dtype=np.uint8)
        if not len(pixels):
            return views
        fit = self.fit(landmarks)
        for index, picture in enumerate(pixels):
            coat = dress(self.basis, fit, index, picture.astype(np.float32))
            for column, yaw in enumerate(yaws):
                views[index, column] = self._view(coat, fit, index, yaw)
        return views

    def _checked_yaws(self, yaws_degrees: Sequence[float] | npt.NDArray[np.floating]) -> list[float]:
        yaws = np.asarray(yaws_degrees, dtype=np.float64)
        if yaws.ndim != 1:
            raise DataError("yaws must be one list of degrees", where=self.name, found=f"shape {yaws.shape}")
        beyond = ~(np.abs(yaws) <= MAX_YAW_DEGREES)
        if beyond.any():
            raise DataError(
                f"yaws must lie within -{MAX_YAW_DEGREES:g} to {MAX_YAW_DEGREES:g} degrees", where=self.name,
                found=f"{yaws[beyond][0]:g}",
            )  # fmt: skip
        return yaws.tolist()

    def _view(self, coat: Coat, fit: Fit, index: int, yaw_degrees: float) -> npt.NDArray[np.uint8]:
        size = self.spec.size_px
        turn = np.array([abs(yaw_degrees - fit.yaw_degrees[index])], dtype=np.float32)
        away = float(ramp(turn, *_LEAVES_PHOTOGRAPH_DEGREES)[0])
        image = sample(coat.surroundings(away), *pixel_grid(size, _SAMPLES_PER_SIDE))
        x, y = self._camera_places(fit, index, yaw_degrees)
        hits = coat.mesh.first_hits(*rays(fit, index, turned_to(fit, index, yaw_degrees), x, y))
        image[hits.ray] = coat.colours(hits, away)
        side = size * _SAMPLES_PER_SIDE
        mean = mean_of_samples(image.reshape(side, side, 3), _SAMPLES_PER_SIDE)
        return np.rint(np.clip(mean, 0, 255)).astype(np.uint8)

    def _camera_places(self, fit: Fit, index: int, yaw_degrees: float) -> tuple[FloatArray, FloatArray]:
        """Return where the samples of the new view lie in the picture of a camera that the head turns before."""
        x, y = pixel_grid(self.spec.size_px, _SAMPLES_PER_SIDE)
        points = self.basis.points(fit.coefficients[index])
        scale, centre = fit.scale_px_per_m[index : index + 1], fit.centre_px[index : index + 1]
        turned = project(points[None], turned_to(fit, index, yaw_degrees)[None], scale, centre)[0]
        source_yaw, source_points = float(fit.yaw_degrees[index]), fit.points_px[index]
        placed = self.framing.placement(yaw_degrees, turned, source_yaw, source_points, float(scale[0]))
        back = invert(placed)
        x, y = back[:, :2] @ np.stack([x, y]) + back[:, 2:]
        return x, y
