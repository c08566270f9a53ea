"""Geometry needed once, at baking: texels of an unrolled mesh, how open each vertex lies, rays from a point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

OCCLUSION_RAYS = 96
OCCLUSION_REACH_M = 0.06


def rasterise(corners: FloatArray, height: FloatArray, rows: int, columns: int) -> tuple[IntArray, FloatArray]:
    """Find the triangle under each texel of a patch; where several lie there, the highest wins.

    Args:
        corners: `(F, 3, 2)` (u, v) of the corners inside the patch, 0 to 1.
        height: `(F,)` which of two overlapping triangles lies on top.
        rows: Number of rows of the patch.
        columns: Number of columns of the patch.

    Returns:
        `(rows, columns)` triangle and `(rows, columns, 3)` barycentric weights. Texels under no triangle take
        those of the nearest texel to their left or right, or above.
    """
    face = np.full((rows, columns), -1, dtype=np.int64)
    weights = np.zeros((rows, columns, 3))
    scaled = corners * np.array([columns - 1, rows - 1])
    for index in np.argsort(height, kind="stable"):
        _paint(face, weights, scaled[index], int(index))
    return _fill(face, weights)


def _paint(face: IntArray, weights: FloatArray, triangle: FloatArray, index: int) -> None:
    """Write one triangle, given in texels, over what is there."""
    low = np.maximum(np.ceil(triangle.min(axis=0) - 1e-9), 0).astype(int)
    high = np.minimum(np.floor(triangle.max(axis=0) + 1e-9), np.array(face.shape[::-1]) - 1).astype(int)
    (ax, ay), (bx, by), (cx, cy) = triangle
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    if abs(area) < 1e-9 or (high < low).any():
        return
    x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
    second = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
    third = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
    share = np.stack([1.0 - second - third, second, third], axis=-1)
    inside = (share > -1e-9).all(axis=-1)
    window = slice(low[1], high[1] + 1), slice(low[0], high[0] + 1)
    face[window][inside] = index
    weights[window][inside] = share[inside]


def _fill(face: IntArray, weights: FloatArray) -> tuple[IntArray, FloatArray]:
    """Give texels under no triangle what the nearest covered texel of their row, then of their column, has."""
    for turned in (False, True):
        grid = face.T if turned else face
        for line in range(grid.shape[0]):
            covered = np.flatnonzero(grid[line] >= 0)
            if len(covered) in (0, grid.shape[1]):
                continue
            every = np.arange(grid.shape[1])
            right = np.clip(np.searchsorted(covered, every), 0, len(covered) - 1)
            left = np.maximum(right - 1, 0)
            nearer = np.where(np.abs(covered[left] - every) <= np.abs(covered[right] - every), left, right)
            source = covered[nearer]
            if turned:
                face[:, line], weights[:, line] = face[source, line], weights[source, line]
            else:
                face[line], weights[line] = face[line, source], weights[line, source]
    return face, weights


def vertex_normals(vertices: npt.NDArray[np.floating], triangles: npt.NDArray[np.integer]) -> FloatArray:
    """Return `(V, 3)` unit normals, each the mean of its triangles' normals weighted by their area."""
    corners = vertices[triangles].astype(np.float64)
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    spread, ids = np.repeat(face, 3, axis=0), triangles.reshape(-1)
    total = np.stack([np.bincount(ids, weights=spread[:, axis], minlength=len(vertices)) for axis in range(3)], 1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return total / np.where(length > 0, length, 1.0)


def vertex_occlusion(vertices: FloatArray, triangles: npt.NDArray[np.integer]) -> FloatArray:
    """Return `(V,)` how open each vertex lies: 1 on a bulge, towards 0 in a nostril.

    The share of rays, weighted by the cosine, that leave a vertex and meet nothing within 6 cm.
    """
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, np.ascontiguousarray(vertices[triangles], dtype=np.float32))
    normals = vertex_normals(vertices, triangles)
    directions = _sphere(2 * OCCLUSION_RAYS)
    cosine = np.clip(normals @ directions.T, 0.0, None)
    vertex, ray = np.nonzero(cosine > 0)
    origins = (vertices[vertex] + 4e-4 * normals[vertex]).astype(np.float32)
    found = scene.run(origins, directions[ray].astype(np.float32), query="DISTANCE")
    free = found > OCCLUSION_REACH_M
    weight = cosine[vertex, ray]
    total = np.bincount(vertex, weights=weight, minlength=len(vertices))
    open_part = np.bincount(vertex, weights=weight * free, minlength=len(vertices))
    return open_part / np.where(total > 0, total, 1.0)


def _sphere(count: int) -> FloatArray:
    """Return `(count, 3)` directions spread evenly: a Fibonacci lattice, so no chance is involved."""
    step = np.arange(count) + 0.5
    height, turn = 1.0 - 2.0 * step / count, np.pi * (1.0 + np.sqrt(5.0)) * step
    ring = np.sqrt(1.0 - height**2)
    return np.stack([ring * np.cos(turn), height, ring * np.sin(turn)], axis=1)


def cast_from(
    vertices: FloatArray, triangles: npt.NDArray[np.integer], directions: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Cast rays from the origin and return the farthest triangle each one meets.

    Args:
        vertices: `(V, 3)` relative to the point from which the rays start.
        triangles: `(F, 3)`.
        directions: `(N, 3)` unit vectors.

    Returns:
        `(N,)` triangle, -1 for none, and `(N, 3)` barycentric weights.
    """
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    offset = np.einsum("fi,fi->f", normal, a)
    hit, weights = np.full(len(directions), -1), np.zeros((len(directions), 3))
    for index, direction in enumerate(directions):
        slope = normal @ direction
        distance = offset / np.where(np.abs(slope) < 1e-12, np.inf, slope)
        point = distance[:, None] * direction
        share = np.stack(
            [np.einsum("fi,fi->f", normal, np.cross(q - p, point - p)) for p, q in ((b, c), (c, a), (a, b))], 1
        )
        share /= np.einsum("fi,fi->f", normal, normal)[:, None]
        meets = (share > -1e-9).all(axis=1) & (distance > 0)
        if meets.any():
            hit[index] = np.flatnonzero(meets)[np.argmax(distance[meets])]
            weights[index] = share[hit[index]]
    return hit, weights


def bridge_gaps(ids: IntArray, weights: FloatArray, found: npt.NDArray[np.bool_]) -> tuple[IntArray, FloatArray]:
    """Bridge holes of a grid, as where an ear was cut away, by mixing the ends of each hole down its column.

    Args:
        ids: `(R, C, 3)` vertices each grid point hangs on.
        weights: `(R, C, 3)` their weights.
        found: `(R, C)` false in the holes.

    Returns:
        `(R, C, 6)` vertices and weights: those of the two ends of a hole, and twice the same elsewhere.
    """
    rows = np.arange(len(ids))
    both_ids = np.concatenate([ids, ids], axis=2)
    both_weights = np.concatenate([weights, np.zeros_like(weights)], axis=2)
    for column in range(ids.shape[1]):
        known = rows[found[:, column]]
        for row in rows[~found[:, column]]:
            above, below = known[known < row].max(initial=-1), known[known > row].min(initial=len(ids))
            above, below = (below, below) if above < 0 else (above, above if below == len(ids) else below)
            share = 0.0 if below == above else (row - above) / (below - above)
            both_ids[row, column] = np.concatenate([ids[above, column], ids[below, column]])
            both_weights[row, column] = np.concatenate(
                [weights[above, column] * (1 - share), weights[below, column] * share]
            )
    return both_ids, both_weights
