"""One rotator for all tests, and a painted head of which everything is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from pifr.headmodel import HeadModelRotator
from pifr.headmodel.fit import project
from pifr.headmodel.heads import HeadBasis, head_basis
from pifr.headmodel.surface import pixel_grid
from pifr.twin.geometry import DISTANCE_M, FIELD_M, head_rotation
from pifr.twin.raycast import RayMesh

SIZE = 64


@dataclass(frozen=True)
class Portrait:
    """A picture of a known head before a known camera: pixels, landmarks ``(5, 2)``, mask of the head."""

    pixels: np.ndarray
    landmarks: np.ndarray
    head: np.ndarray


@pytest.fixture(scope="session")
def basis() -> HeadBasis:
    return head_basis()


@pytest.fixture(scope="session")
def rotator() -> HeadModelRotator:
    return HeadModelRotator(SIZE, "twin-64")


@pytest.fixture(scope="session")
def painter(basis: HeadBasis) -> Callable[..., Portrait]:
    """Draw the head of a seed (None: the mean head) at a yaw, pitch and roll."""

    def draw(seed: int | None, yaw: float, pitch: float = 0.0, roll: float = 0.0) -> Portrait:
        count = len(basis.components_m)
        shape = np.zeros(count) if seed is None else np.random.default_rng(seed).normal(size=count)
        return paint(basis, shape, yaw, pitch, roll)

    return draw


def paint(basis: HeadBasis, shape: np.ndarray, yaw: float, pitch: float, roll: float) -> Portrait:
    """Draw a head with smooth colours of its own before the twin's camera; the wall is grey."""
    vertices, _ = basis.shape(shape)
    rotation = head_rotation(yaw, pitch, roll)
    scale, centre = SIZE / FIELD_M, np.full(2, (SIZE - 1) / 2)
    points = basis.mean_points_m + np.tensordot(shape, basis.component_points_m, axes=1)
    x, y = pixel_grid(SIZE, 1)
    rays = np.stack([(x - centre[0]) / scale, (centre[1] - y) / scale, np.full(len(x), -DISTANCE_M)], axis=1)
    rays = (rays / np.linalg.norm(rays, axis=1, keepdims=True)) @ rotation
    hits = RayMesh(vertices.astype(np.float32), basis.triangles).first_hits(
        rotation[2] * DISTANCE_M, rays.astype(np.float32)
    )
    pixels = np.full((SIZE * SIZE, 3), 110.0)
    colours = np.array([190.0, 140.0, 110.0]) + 500.0 * vertices
    pixels[hits.ray] = np.einsum("pk,pkc->pc", hits.weights, colours[basis.triangles[hits.triangle]])
    head = np.zeros(SIZE * SIZE, dtype=bool)
    head[hits.ray] = True
    landmarks = project(points[None], rotation[None], np.array([scale]), centre[None])[0]
    image = np.rint(np.clip(pixels, 0, 255)).astype(np.uint8).reshape(SIZE, SIZE, 3)
    return Portrait(image, landmarks, head.reshape(SIZE, SIZE))
