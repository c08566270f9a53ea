"""What an alignment template says of the camera, and where it puts a face at another yaw."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.core.errors import ConfigError, DataError
from pifr.data.geometry import box_to_square, fit_similarity, invert
from pifr.data.templates import ARCFACE_POINTS, CropTable, FivePoints, Template, parse_template
from pifr.twin.geometry import DISTANCE_M, FIELD_M

FloatArray = npt.NDArray[np.float64]

_TWIN = re.compile(r"twin-\d+(?:-field-(\d+(?:\.\d+)?))?")
_TWIN_AIM_M = 0.003
_POINTS_OF_CROPS = {
    "crops:london-v1": ((0.2998, 0.2871), (0.7037, 0.2879), (0.5026, 0.4800), (0.3397, 0.7335), (0.6638, 0.7309)),
}
"""Mean landmarks of the 72 people of the London set in their neutral frontal boxes, as shares of the side."""
_AXIS_OF_CROPS_M = {"crops:london-v1": 0.018}
"""How far behind the twin's point of aim the cameras of a set aim."""


@dataclass(frozen=True)
class Framing:
    """How pictures of one template and size show heads.

    Attributes:
        template: Template id; None where pictures are framed in no known way.
        size_px: Side S of the square pictures.
        rule: How the template cuts faces out; None where it fixes the camera, or there is none.
        scale_px_per_m: Pixels a metre at the head, where the template fixes the camera.
        scale_spread: Its standard deviation, as a share.
        centre_px: ``(2,)`` where the head's origin appears, where the template fixes the camera.
        centre_spread_px: Standard deviation of each of its coordinates.
    """

    template: str | None
    size_px: int
    rule: Template | None = None
    scale_px_per_m: float | None = None
    scale_spread: float = 0.01
    centre_px: FloatArray | None = None
    centre_spread_px: float = 0.0

    @classmethod
    def of(cls, template: str | None, size_px: int) -> Framing:
        """Return the framing of a template id.

        Pictures of the twin were all taken from one distance with one lens, so scale and place are known.

        Raises:
            ConfigError: If there is no such template.
        """
        if template is None or template == "unaligned":
            return cls(None, size_px)
        twin = _TWIN.fullmatch(template)
        if twin is None:
            return cls(template, size_px, _rule(template))
        scale = size_px / (FIELD_M * float(twin[1] or 1))
        centre = np.full(2, (size_px - 1) / 2)
        return cls(
            template, size_px, scale_px_per_m=scale, centre_px=centre, centre_spread_px=_TWIN_AIM_M * scale
        )  # fmt: skip

    def canonical_points(self, mean_points_m: FloatArray) -> FloatArray:
        """Return where the template expects the five points of a frontal face: ``(5, 2)`` pixels.

        Args:
            mean_points_m: ``(5, 3)`` points of the mean head, for templates that fix the camera.

        Raises:
            DataError: If the template says nothing of it.
        """
        if self.scale_px_per_m is not None and self.centre_px is not None:
            closer = self.scale_px_per_m * DISTANCE_M / (DISTANCE_M - mean_points_m[:, 2:])
            return self.centre_px + closer * mean_points_m[:, :2] * [1.0, -1.0]
        if self.template in _POINTS_OF_CROPS:
            return np.array(_POINTS_OF_CROPS[self.template]) * self.size_px - 0.5
        if isinstance(self.rule, FivePoints):
            return ARCFACE_POINTS * (self.size_px / 112)
        raise DataError(
            "a head can't be fitted without landmarks: this template does not say where a face lies",
            where="headmodel", found=f"template {self.template!r}",
            cure="give the five landmarks, or align by arcface-112",
        )  # fmt: skip

    def placement(
        self,
        yaw_degrees: float,
        points_px: FloatArray,
        source_yaw_degrees: float,
        source_points_px: FloatArray,
        scale_px_per_m: float,
    ) -> FloatArray:
        """Return the map ``(2, 3)`` from the camera that sees the head turned in its place to the aligned picture.

        Args:
            yaw_degrees: Of the new view.
            points_px: ``(5, 2)`` landmarks of the turned head before that camera.
            source_yaw_degrees: Of the photograph.
            source_points_px: ``(5, 2)`` landmarks of the fitted head in the photograph.
            scale_px_per_m: Pixels a metre in the photograph, at the head.
        """
        rule = self.rule
        if isinstance(rule, FivePoints):
            # Relative to the photograph's own points, so that a head that is not turned stays in its place.
            target = ARCFACE_POINTS * (self.size_px / 112)
            back = invert(fit_similarity(source_points_px, target))
            return _chain(back, fit_similarity(points_px, target))
        if isinstance(rule, CropTable):
            # From the photograph's box to the whole frame, and on to the box of the new yaw.
            frame = invert(_box(rule, source_yaw_degrees, self.size_px))
            moved = _chain(_box(rule, yaw_degrees, self.size_px), frame)
            turn = np.sin(np.radians(yaw_degrees)) - np.sin(np.radians(source_yaw_degrees))
            moved[0, 2] += _AXIS_OF_CROPS_M.get(rule.id, 0.0) * scale_px_per_m * turn
            return moved
        return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _box(rule: CropTable, yaw_degrees: float, size_px: int) -> FloatArray:
    yaws = sorted(rule.config.boxes)
    corners = np.array([rule.config.boxes[yaw] for yaw in yaws])
    x, y, side = (float(np.interp(yaw_degrees, yaws, column)) for column in corners.T)
    return box_to_square(x, y, side, size_px)


def _chain(second: FloatArray, first: FloatArray) -> FloatArray:
    """Return the map that applies `first` and then `second`."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def _rule(template: str) -> Template:
    """Return the rule of a template id; of a mixed alignment, the one by landmarks."""
    try:
        return parse_template(template.split("/")[0])
    except ConfigError as error:
        raise ConfigError(
            error.what, where="headmodel", found=error.found, cure=f"{error.cure}; or twin-SIZE, or none"
        ) from error
