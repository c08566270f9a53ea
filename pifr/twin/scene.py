"""What a renderer needs of one person in one sitting with one expression: the floor between person and camera."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

LANDMARK_NAMES = ("left_eye", "right_eye", "nose_tip", "left_mouth", "right_mouth")
"""The five points in the order of `Scene.landmarks_m`; left is the left of the frontal picture."""

EXPRESSIONS = ("neutral", "smile", "surprise", "squint", "disgust", "scream")
"""The expressions of Multi-PIE's four sessions (literature.md section 5.1)."""


class Material(IntEnum):
    """What a triangle is made of; the renderer picks the shading rule by it."""

    SKIN = 0
    EYE = 1
    HAIR = 2
    CLOTH = 3
    GLASS = 4
    FRAME = 5
    TEETH = 6
    MOUTH = 7


@dataclass(frozen=True)
class Scene:
    """One person in one sitting with one expression, as triangles with one texture atlas.

    The frame is metric: x points to the right of a frontal picture, y up, z towards the frontal camera.
    The origin is the middle of the head, between the ears at about the height of the eyes, and does not
    move with the expression.

    Attributes:
        vertices_m: `(V, 3)` float32, metres.
        triangles: `(F, 3)` int32 vertex indices, anticlockwise seen from outside.
        normals: `(V, 3)` float32 unit vertex normals, pointing outwards.
        uv: `(F, 3, 2)` float32 texture coordinates of each corner, 0 to 1. The texel row is `v * (T - 1)`
            and the column `u * (T - 1)`: row 0 is at v = 0.
        texture: `(T, T, 4)` float32: albedo red, green, blue in linear light, then gloss (specular strength), 0 to 1.
        material: `(F,)` uint8, values of `Material`.
        landmarks_m: `(5, 3)` float32 points on the surface, in the order of `LANDMARK_NAMES`.
        attributes: What the manifest records of the person, values are str, int or float.
    """

    vertices_m: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.int32]
    normals: npt.NDArray[np.float32]
    uv: npt.NDArray[np.float32]
    texture: npt.NDArray[np.float32]
    material: npt.NDArray[np.uint8]
    landmarks_m: npt.NDArray[np.float32]
    attributes: dict[str, Any]
