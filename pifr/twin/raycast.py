"""Rays against triangles, by Embree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pifr.core.errors import require_extra

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Hits:
    """What rays met first; only rays that met something are listed.

    Attributes:
        ray: `(H,)` index of the ray.
        triangle: `(H,)` index of the triangle.
        weights: `(H, 3)` barycentric weights of its corners.
        distance: `(H,)` along the ray.
    """

    ray: npt.NDArray[np.intp]
    triangle: npt.NDArray[np.int32]
    weights: Float32
    distance: Float32

    def __len__(self) -> int:
        return len(self.ray)


class RayMesh:
    """Triangles in an Embree tree.

    Args:
        vertices: `(V, 3)` float32.
        triangles: `(F, 3)` int32.

    Raises:
        DependencyError: If `embreex` is not installed.
    """

    def __init__(self, vertices: Float32, triangles: npt.NDArray[np.int32]) -> None:
        scenes: Any = require_extra("embreex.rtcore_scene", "twin", "rendering the twin")
        meshes: Any = require_extra("embreex.mesh_construction", "twin", "rendering the twin")
        self._scene = scenes.EmbreeScene()
        # Embree reads these arrays in place, so they must live as long as the tree.
        self._vertices = np.ascontiguousarray(vertices, dtype=np.float32)
        self._triangles = np.ascontiguousarray(triangles, dtype=np.int32)
        meshes.TriangleMesh(self._scene, self._vertices, self._triangles)

    def first_hits(self, origin: npt.ArrayLike, directions: Float32) -> Hits:
        """Follow rays from one point to the first triangle each meets.

        Args:
            origin: `(3,)`, shared by all rays.
            directions: `(N, 3)` unit vectors.
        """
        found = self._scene.run(_filled(origin, directions.shape), _filled(directions, directions.shape), output=1)
        ray = np.flatnonzero(found["primID"] >= 0)
        u, v = found["u"][ray], found["v"][ray]
        weights = np.stack([1 - u - v, u, v], axis=-1)
        return Hits(ray, found["primID"][ray], weights, found["tfar"][ray])

    def blocked(
        self, origins: Float32, directions: npt.ArrayLike, reach: float | Float32 = 10.0
    ) -> npt.NDArray[np.bool_]:
        """Tell for each ray `(N, 3)` whether anything lies within `reach` of its origin."""
        shape = origins.shape
        hit = self._scene.run(
            _filled(origins, shape), _filled(directions, shape), dists=_filled(reach, shape[:1]), query="OCCLUDED"
        )
        return np.asarray(hit) >= 0


def _filled(values: npt.ArrayLike, shape: tuple[int, ...]) -> Float32:
    """Return writable contiguous float32 of that shape; Embree's binding takes nothing else."""
    return np.require(np.broadcast_to(np.asarray(values, dtype=np.float32), shape), requirements=["C", "W"])
