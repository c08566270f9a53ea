"""What a camera sees of a scene, found once and then lit by any number of lights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.twin.geometry import View
from pifr.twin.raycast import Float32, RayMesh
from pifr.twin.scene import Material, Scene
from pifr.twin.vectors import dot, rows_of, unit

_SKY_RAYS = 40
_NORMAL, _UV, _SKY = slice(0, 3), slice(3, 5), 5


@dataclass(frozen=True)
class Surface:
    """The points where a view's rays end, `P` of them.

    Attributes:
        sample: `(P,)` index of the ray, in reading order over the supersampled picture.
        position: `(P, 3)` metres.
        normal: `(P, 3)` unit, turned to the camera's side.
        towards_eye: `(P, 3)` unit, from the point to the camera.
        albedo: `(P, 3)` linear.
        gloss: `(P,)` 0 to 1.
        sky: `(P,)` how much of the room's soft light arrives, 1 for an open forehead.
        material: `(P,)` values of `Material`.
        glass: Lenses before those points, None where there are none.
    """

    sample: npt.NDArray[np.intp]
    position: Float32
    normal: Float32
    towards_eye: Float32
    albedo: Float32
    gloss: Float32
    sky: Float32
    material: npt.NDArray[np.uint8]
    glass: Glass | None


@dataclass(frozen=True)
class Glass:
    """Where lenses lie before the surface: `point` `(G,)` indexes `Surface` rows, `normal` is `(G, 3)`."""

    point: npt.NDArray[np.intp]
    normal: Float32


class Stage:
    """A scene with its ray trees and what does not depend on the camera.

    Args:
        scene: The person, in room axes.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        is_glass = scene.material == Material.GLASS
        self._of_solid = np.flatnonzero(~is_glass)
        self.solid = RayMesh(scene.vertices_m, scene.triangles[self._of_solid])
        self._of_glass = np.flatnonzero(is_glass)
        self._glass = RayMesh(scene.vertices_m, scene.triangles[self._of_glass]) if is_glass.any() else None
        sky = _sky_light(self.solid, scene.vertices_m, scene.normals)
        per_vertex = np.concatenate([scene.normals, sky[:, None]], axis=1)[scene.triangles]
        self._corners = np.concatenate([per_vertex[..., :3], scene.uv, per_vertex[..., 3:]], axis=-1).astype(np.float32)
        self._texels = np.ascontiguousarray(scene.texture, dtype=np.float32).reshape(-1, 4)

    def seen_from(self, view: View, samples_per_side: int) -> Surface:
        """Cast a view's rays and gather what they meet."""
        directions = view.ray_directions(samples_per_side)
        eye = view.position_m.astype(np.float32)
        hits = self.solid.first_hits(eye, directions)
        ray, triangle = rows_of(directions, hits.ray), self._of_solid[hits.triangle]
        values = self._interpolate(triangle, hits.weights)
        texel = _bilinear(self._texels, self.scene.texture.shape[0], values[:, _UV])
        normal = unit(values[:, _NORMAL])
        # Hair cards and lids have a thin other side, which is lit as seen.
        normal = np.where(dot(normal, ray)[:, None] > 0.2, -normal, normal)
        return Surface(
            sample=hits.ray,
            position=eye + ray * hits.distance[:, None],
            normal=normal,
            towards_eye=-ray,
            albedo=texel[:, :3],
            gloss=texel[:, 3],
            sky=values[:, _SKY],
            material=self.scene.material[triangle],
            glass=self._glass_before(hits.ray, hits.distance, eye, directions),
        )

    def _glass_before(
        self, sample: npt.NDArray[np.intp], distance: Float32, eye: Float32, directions: Float32
    ) -> Glass | None:
        if self._glass is None:
            return None
        hits = self._glass.first_hits(eye, directions)
        row = np.full(len(directions), -1)
        row[sample] = np.arange(len(sample))
        behind = row[hits.ray]
        nearer = np.flatnonzero((behind >= 0) & (hits.distance < distance[behind]))
        normal = unit(self._interpolate(self._of_glass[hits.triangle[nearer]], hits.weights[nearer])[:, _NORMAL])
        facing = dot(normal, directions[hits.ray[nearer]])[:, None] > 0
        return Glass(behind[nearer], np.where(facing, -normal, normal))

    def _interpolate(self, triangle: npt.NDArray[np.intp], weights: Float32) -> Float32:
        corners = rows_of(self._corners, triangle)
        return (
            corners[:, 0] * weights[:, 0:1] + corners[:, 1] * weights[:, 1:2] + corners[:, 2] * weights[:, 2:3]
        )  # fmt: skip


def _bilinear(texels: Float32, size: int, uv: Float32) -> Float32:
    """Read a `(size * size, C)` texture between its texels; u runs along a row, row 0 is at v = 0."""
    place = np.clip(uv, 0, 1) * np.float32(size - 1)
    corner = np.minimum(place.astype(np.int32), size - 2)
    part = place - corner
    index = corner[:, 1] * size + corner[:, 0]
    across, down = part[:, 0:1], part[:, 1:2]
    upper = rows_of(texels, index) * (1 - across) + rows_of(texels, index + 1) * across
    lower = rows_of(texels, index + size) * (1 - across) + rows_of(texels, index + size + 1) * across
    return upper * (1 - down) + lower * down


def _sky_light(mesh: RayMesh, vertices: Float32, normals: Float32) -> Float32:
    """Return the soft light that reaches each vertex `(V,)`: the room as a sphere of light, parts of it hidden."""
    directions = _sphere(_SKY_RAYS)
    # The ceiling is brighter than the walls, the floor is dark, and the wall behind the head is farther away.
    brightness = 0.5 + 0.5 * directions[:, 1] + 0.25 * np.maximum(directions[:, 2], 0)
    light = np.zeros(len(vertices), dtype=np.float32)
    origins = vertices + normals * np.float32(0.002)
    for direction, bright in zip(directions, brightness, strict=True):
        cosine = dot(normals, direction)
        facing = np.flatnonzero(cosine > 0)
        free = ~mesh.blocked(rows_of(origins, facing), direction, 0.4)
        light[facing] += cosine[facing] * free * np.float32(bright)
    return light * np.float32(4 / _SKY_RAYS)


def _sphere(count: int) -> Float32:
    """Return `count` directions `(count, 3)` spread evenly over the sphere (Fibonacci lattice)."""
    index = np.arange(count) + 0.5
    height, around = 1 - 2 * index / count, index * np.pi * (1 + np.sqrt(5))
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(around), height, radius * np.sin(around)], axis=-1).astype(np.float32)
