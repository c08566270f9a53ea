"""One take: pose the person, cast each camera's rays once, light them by every lighting."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin.background import backdrop, backdrop_light
from pifr.twin.config import TwinConfig
from pifr.twin.geometry import FloatArray, View
from pifr.twin.plan import Lighting, Sight, Take
from pifr.twin.raycast import Float32
from pifr.twin.scene import Material, Scene
from pifr.twin.sensor import expose, mean_of_samples
from pifr.twin.shading import Shader
from pifr.twin.surface import Stage, Surface
from pifr.twin.vectors import rows_of

FACE_BELOW_EYES_M = 0.018
FACE_BEHIND_EYES_M = 0.045
"""Cameras aim so far below and behind the middle of the eyes."""
_LANDMARK_REACH_M = 0.008
"""A landmark that lies this little under what a ray meets still counts as seen."""


@dataclass(frozen=True)
class Truth:
    """What is known of a view without looking at its pixels.

    Attributes:
        landmarks_px: `(5, 2)`, (0, 0) is the middle of the top left pixel; also where hidden.
        visible: `(5,)` whether nothing lies before the point and it is within the picture.
        depth_m: `(S, S)` float32 distance from the camera along its axis, NaN where only background is seen.
        normals: `(S, S, 3)` float16 in camera axes (right, up, towards the camera), zero on background.
        mask: `(S, S)` uint8: 0 background, else 1 + `Material` of most of the pixel.
    """

    landmarks_px: FloatArray
    visible: npt.NDArray[np.bool_]
    depth_m: Float32
    normals: npt.NDArray[np.float16]
    mask: npt.NDArray[np.uint8]


class Studio:
    """One person, posed in the room, ready to be seen by cameras.

    Args:
        scene: The person in the head's own axes.
        take: The take whose head pose and cameras apply.
        config: Size, samples and seed.
    """

    def __init__(self, scene: Scene, take: Take, config: TwinConfig) -> None:
        self._config = config
        self._take = take
        self._stage = Stage(_turned(scene, take.head))
        landmarks = scene.landmarks_m.astype(float)
        eyes = landmarks[:2].mean(axis=0)
        middle = np.array([0.0, eyes[1] - FACE_BELOW_EYES_M, eyes[2] - FACE_BEHIND_EYES_M])
        self._middle_m = _rotate(middle[None], take.head)[0]

    def look(self, sight: Sight) -> Look:
        """Cast the rays of one camera."""
        view = View(sight.rotation, self._middle_m + sight.offset_m, self._config.size_px, sight.field_m)
        surface = self._stage.seen_from(view, self._config.samples_per_side)
        return Look(self._stage, surface, view, sight, self._config)


class Look:
    """What one camera sees of a person; develops one picture a lighting."""

    def __init__(self, stage: Stage, surface: Surface, view: View, sight: Sight, config: TwinConfig) -> None:
        self._stage, self._surface, self._view = stage, surface, view
        self._sight, self._config = sight, config
        self._shader = Shader(stage, surface)
        self._covered = self._average(np.ones((len(surface.sample), 1), dtype=np.float32))

    def pictures(self, lightings: Collection[Lighting]) -> Iterator[tuple[Lighting, npt.NDArray[np.uint8]]]:
        """Yield `(S, S, 3)` uint8 pictures, one a lighting."""
        wall = backdrop(self._config.seed, self._sight.backdrop, self._config.size_px)
        for lighting in lightings:
            behind = wall * backdrop_light(lighting, self._sight.rotation[2])
            light = self._average(self._shader.light(lighting)) + behind * (1 - self._covered)
            rng = numpy_generator(self._config.seed, "sensor", self._sight.stem, lighting.name)
            yield lighting, expose(light, self._sight.gains, rng)

    def landmarks(self) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Return where the five points appear, `(5, 2)` in pixels, and which are visible, `(5,)`."""
        points = self._stage.scene.landmarks_m
        pixels = self._view.project(points)
        inside = ((pixels > -0.5) & (pixels < self._config.size_px - 0.5)).all(axis=1)
        eye = self._view.position_m
        way = points - eye
        reach = np.sqrt((way * way).sum(-1))
        hidden = self._stage.solid.blocked(
            np.broadcast_to(eye, way.shape), way / reach[:, None], (reach - _LANDMARK_REACH_M).astype(np.float32)
        )
        return pixels, inside & ~hidden

    def truth(self) -> Truth:
        """Return the whole ground truth of the view."""
        pixels, visible = self.landmarks()
        surface, eye = self._surface, self._view.position_m
        covered = self._covered[..., 0]
        along = _rotate(eye - surface.position, self._view.rotation)[:, 2:].astype(np.float32)
        depth = self._average(along)[..., 0]
        normals = self._average(_rotate(surface.normal, self._view.rotation.astype(np.float32)))
        length = np.sqrt((normals * normals).sum(-1, keepdims=True))
        return Truth(
            landmarks_px=pixels,
            visible=visible,
            depth_m=np.where(covered > 0.5, depth / np.maximum(covered, 1e-6), np.nan).astype(np.float32),
            normals=(normals / np.maximum(length, 1e-6) * (covered > 0.5)[..., None]).astype(np.float16),
            mask=self._material_mask(),
        )

    def _material_mask(self) -> npt.NDArray[np.uint8]:
        kinds = rows_of(np.eye(len(Material), dtype=np.float32), self._surface.material)
        share = np.concatenate([1 - self._covered, self._average(kinds)], axis=-1)
        return share.argmax(axis=-1).astype(np.uint8)

    def _average(self, values: Float32) -> Float32:
        """Put values `(P, C)` at their rays and average the rays of each pixel: `(S, S, C)`."""
        n = self._config.samples_per_side
        side = self._config.size_px * n
        image = np.zeros((side * side, values.shape[1]), dtype=np.float32)
        image[self._surface.sample] = values
        return mean_of_samples(image.reshape(side, side, -1), n)


def _turned(scene: Scene, rotation: FloatArray) -> Scene:
    turn = rotation.astype(np.float32)
    return replace(
        scene,
        vertices_m=_rotate(scene.vertices_m, turn),
        normals=_rotate(scene.normals, turn),
        landmarks_m=_rotate(scene.landmarks_m, turn),
    )


def _rotate(points: FloatArray, rotation: FloatArray) -> FloatArray:
    """Return `points @ rotation.T`, added in one order on every machine."""
    columns = [points[:, 0] * row[0] + points[:, 1] * row[1] + points[:, 2] * row[2] for row in rotation]
    return np.stack(columns, axis=-1)
