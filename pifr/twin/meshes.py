"""Small meshes made by rule: grids, tubes, and their union."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mesh:
    """A piece of geometry.

    Attributes:
        vertices: `(V, 3)` metres.
        triangles: `(F, 3)` indices.
        uv: `(V, 2)` coordinates inside the piece's patch of the atlas, 0 to 1.
    """

    vertices: FloatArray
    triangles: IntArray
    uv: FloatArray


def grid_triangles(rows: int, columns: int, wrap: bool) -> IntArray:
    """Return `(F, 3)` the triangles of a grid of `rows * columns` vertices in reading order.

    Seen so that rows run down and columns run to the right, the triangles run anticlockwise.

    Args:
        rows: Number of rows.
        columns: Number of columns.
        wrap: Whether the last column joins the first.
    """
    index = np.arange(rows * columns).reshape(rows, columns)
    right = np.roll(index, -1, axis=1)
    last = columns if wrap else columns - 1
    a, b = index[:-1, :last], right[:-1, :last]
    c, d = index[1:, :last], right[1:, :last]
    return np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], axis=2).reshape(-1, 3)


def tube(path: FloatArray, radius: FloatArray, sides: int, aside: tuple[float, float, float]) -> Mesh:
    """Return a round tube along a path, open at its ends; a path that ends where it began makes a ring.

    Args:
        path: `(N, 3)` points of its middle line.
        radius: `(N,)` its radius there.
        sides: Number of sides.
        aside: A direction the path never takes, so that the sides do not twist.
    """
    ahead = np.gradient(path, axis=0)
    if np.array_equal(path[0], path[-1]):
        ahead[0] = ahead[-1] = path[1] - path[-2]
    across = np.cross(ahead, aside)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    ahead = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
    over = np.cross(ahead, across)
    turn = 2.0 * np.pi * np.arange(sides) / sides
    ring = np.cos(turn)[None, :, None] * across[:, None] + np.sin(turn)[None, :, None] * over[:, None]
    vertices = path[:, None] + ring * np.asarray(radius)[:, None, None]
    rows = len(path)
    triangles = grid_triangles(rows, sides, wrap=True)[:, ::-1]
    u = np.broadcast_to(np.abs(np.linspace(-1.0, 1.0, sides, endpoint=False)), (rows, sides))
    v = np.broadcast_to(np.linspace(0.0, 1.0, rows)[:, None], (rows, sides))
    return Mesh(vertices.reshape(-1, 3), triangles, np.stack([u, v], -1).reshape(-1, 2))


def join(pieces: Sequence[Mesh]) -> Mesh:
    """Return all pieces as one mesh."""
    starts = np.cumsum([0] + [len(piece.vertices) for piece in pieces[:-1]])
    return Mesh(
        np.concatenate([piece.vertices for piece in pieces]),
        np.concatenate([piece.triangles + start for piece, start in zip(pieces, starts, strict=True)]),
        np.concatenate([piece.uv.reshape(-1, 2) for piece in pieces]),
    )
