"""The unrolled skin as a canvas: where on the head each texel lies, in the measures a painter needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.twin.head_model import CROWN_TILT, SCALP_CENTRE_M, HeadModel

FloatMap = npt.NDArray[np.float32]

EYE_HEIGHT_MM = 728.4
_FRONT_MM = 30.0
"""What lies behind this is no face."""


@dataclass(frozen=True)
class Canvas:
    """Fields over the head patch, each `(rows, columns)` float32.

    Attributes:
        x: Millimetres from the middle plane, positive to the picture's right.
        aside: `|x|`.
        up: Millimetres above the eyes of the template.
        forward: Millimetres in front of MakeHuman's axis; the tip of the nose is at 168.
        crown_angle: Degrees down from the crown, seen from within the skull.
        crown_turn: Degrees round the crown, -180 to 180, 0 to the face, positive to the picture's right.
        openness: 1 on bulges, towards 0 in hollows.
        lips: Share of lip, 0 to 1.
        eyelids: Share of lid.
        ears: Share of ear.
        lid_edge: Millimetres to the nearest point of a lid's rim, 99 where far.
        flush: How much of a blush shows: cheeks, nose, chin, ears.
        hollows: How much of tiredness shows: under and over the eyes, on the lids.
    """

    x: FloatMap
    aside: FloatMap
    up: FloatMap
    forward: FloatMap
    crown_angle: FloatMap
    crown_turn: FloatMap
    openness: FloatMap
    lips: FloatMap
    eyelids: FloatMap
    ears: FloatMap
    lid_edge: FloatMap
    flush: FloatMap
    hollows: FloatMap

    @classmethod
    def of(cls, model: HeadModel) -> Canvas:
        """Work out the fields of a baked head."""
        position = model.texel_position_m
        angle, turn = _crown_angles(position)
        x = position[..., 0] * np.float32(1000.0)
        aside = np.abs(x)
        up = position[..., 1] * np.float32(1000.0) - np.float32(EYE_HEIGHT_MM)
        forward = position[..., 2] * np.float32(1000.0)
        flush = (
            spots(aside, up, 45.0, -34.0, 20.0, 17.0)
            + np.float32(0.9) * spots(aside, up, 0.0, -36.0, 13.0, 14.0)
            + np.float32(0.35) * spots(aside, up, 0.0, -105.0, 17.0, 12.0)
        )
        hollows = spots(aside, up, 25.0, -11.0, 12.0, 6.0) + np.float32(0.8) * spots(aside, up, 21.0, 4.0, 8.0, 7.0)
        front = forward > np.float32(_FRONT_MM)
        return cls(
            x=x,
            aside=aside,
            up=up,
            forward=forward,
            crown_angle=angle,
            crown_turn=turn,
            openness=model.texel_openness,
            lips=model.masks["lips"],
            eyelids=model.masks["eyelids"],
            ears=model.masks["ears"],
            lid_edge=_distance_to_lids(model),
            flush=flush * front + np.float32(0.45) * model.masks["ears"],
            hollows=np.minimum(hollows * front + np.float32(0.35) * model.masks["eyelids"], np.float32(1.2)),
        )

    def spot(self, aside_mm: float, up_mm: float, width_mm: float, height_mm: float) -> FloatMap:
        """Return a soft pair of spots on the front of the face, one on each side; one where `aside_mm` is 0."""
        return spots(self.aside, self.up, aside_mm, up_mm, width_mm, height_mm) * (self.forward > np.float32(_FRONT_MM))


def spots(aside: FloatMap, up: FloatMap, aside_mm: float, up_mm: float, width_mm: float, height_mm: float) -> FloatMap:
    """Return a soft spot on each side of the middle plane, 1 in its middle."""
    across = (aside - np.float32(aside_mm)) * np.float32(1.0 / width_mm)
    along = (up - np.float32(up_mm)) * np.float32(1.0 / height_mm)
    return np.exp(-(across * across) - along * along)


def _crown_angles(position_m: FloatMap) -> tuple[FloatMap, FloatMap]:
    """Return the polar angles in degrees of points about the tilted crown axis of the scalp grid."""
    offset = position_m - SCALP_CENTRE_M.astype(np.float32)
    cosine, sine = np.float32(np.cos(CROWN_TILT)), np.float32(np.sin(CROWN_TILT))
    up = cosine * offset[..., 1] - sine * offset[..., 2]
    front = cosine * offset[..., 2] + sine * offset[..., 1]
    level = np.hypot(offset[..., 0], front)
    return np.degrees(np.arctan2(level, up)), np.degrees(np.arctan2(offset[..., 0], front))


def _distance_to_lids(model: HeadModel) -> FloatMap:
    """Return millimetres from each texel near an eye to the rim of its lids."""
    position = model.texel_position_m
    distance = np.full(position.shape[:2], 99.0, dtype=np.float32)
    for side in ("left_lid", "right_lid"):
        rim = _densely(model.vertices_m[model.points[side]])
        near = (np.abs(position - rim.mean(axis=0).astype(np.float32)) < 0.022).all(axis=-1)
        offset = position[near][:, None] - rim.astype(np.float32)[None]
        found = np.sqrt((offset * offset).sum(axis=-1).min(axis=1)) * np.float32(1000.0)
        distance[near] = np.minimum(distance[near], found)
    return distance


def _densely(rim: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Order the points of a rim round their middle and put three between each two."""
    middle = rim.mean(axis=0)
    ring = rim[np.argsort(np.arctan2(rim[:, 1] - middle[1], rim[:, 0] - middle[0]), kind="stable")]
    following = np.roll(ring, -1, axis=0)
    shares = np.arange(4)[:, None, None] / 4.0
    return (ring * (1.0 - shares) + following * shares).reshape(-1, 3)
