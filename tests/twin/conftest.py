"""A stand-in for a person: a few ellipsoids with the materials of a head, so that the room is tested by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pifr.twin.scene import Material, Scene

PARTS = (
    # centre, radii in metres, material
    ((0.0, 0.0, 0.0), (0.075, 0.110, 0.095), Material.SKIN),
    ((0.0, -0.02, 0.09), (0.015, 0.025, 0.025), Material.SKIN),
    ((-0.03, 0.015, 0.082), (0.013, 0.013, 0.013), Material.EYE),
    ((0.03, 0.015, 0.082), (0.013, 0.013, 0.013), Material.EYE),
    ((0.0, 0.03, -0.02), (0.085, 0.105, 0.100), Material.HAIR),
)
COLOURS = {
    Material.SKIN: (0.45, 0.3, 0.22, 0.4),
    Material.EYE: (0.4, 0.4, 0.4, 0.9),
    Material.HAIR: (0.05, 0.03, 0.02, 0.5),
}


def ellipsoid(centre: tuple[float, ...], radii: tuple[float, ...], rows: int = 24, columns: int = 32) -> tuple:
    """Return vertices, unit normals and outward triangles."""
    down, around = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij")
    sphere = np.stack([np.sin(down) * np.sin(around), np.cos(down), np.sin(down) * np.cos(around)], -1).reshape(-1, 3)
    normals = sphere / np.array(radii)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    corner = np.arange((rows - 1) * columns).reshape(rows - 1, columns)[:, :-1].ravel()
    triangles = np.concatenate(
        [
            np.stack([corner, corner + columns, corner + 1], 1),
            np.stack([corner + 1, corner + columns, corner + columns + 1], 1),
        ]
    )
    return sphere * radii + np.array(centre), normals, triangles


def build_scene(parts: tuple = PARTS) -> Scene:
    """Join ellipsoids to a scene whose texture has one flat column a material."""
    vertices, normals, triangles, material, first = [], [], [], [], 0
    for centre, radii, kind in parts:
        points, outward, corners = ellipsoid(centre, radii)
        vertices.append(points)
        normals.append(outward)
        triangles.append(corners + first)
        material.append(np.full(len(corners), kind, dtype=np.uint8))
        first += len(points)
    kinds = np.concatenate(material)
    uv = np.full((len(kinds), 3, 2), 0.5, dtype=np.float32)
    uv[..., 0] = ((kinds + 0.5) / len(Material))[:, None]
    texture = np.zeros((64, 64, 4), dtype=np.float32)
    for kind, colour in COLOURS.items():
        texture[:, kind * 8 : kind * 8 + 8] = colour
    return Scene(
        vertices_m=np.concatenate(vertices).astype(np.float32),
        triangles=np.concatenate(triangles).astype(np.int32),
        normals=np.concatenate(normals).astype(np.float32),
        uv=uv,
        texture=texture,
        material=kinds,
        landmarks_m=np.array(
            [
                [-0.03, 0.015, 0.095],
                [0.03, 0.015, 0.095],
                [0, -0.02, 0.115],
                [-0.02, -0.06, 0.077],
                [0.02, -0.06, 0.077],
            ],
            dtype=np.float32,
        ),
        attributes={"sex": "male", "age_years": 30.0},
    )


@pytest.fixture(scope="session")
def ball_head() -> Scene:
    """The stand-in head."""
    return build_scene()


@pytest.fixture(scope="session")
def make_scene() -> Callable[..., Scene]:
    """The builder of stand-ins from ellipsoids (centre, radii, material)."""
    return build_scene


@pytest.fixture
def ball_people(monkeypatch: pytest.MonkeyPatch, ball_head: Scene) -> list[object]:
    """Let the stand-in sit for everybody; returns the list of takes that asked for a sitter."""
    asked: list[object] = []

    def sit(take: object, config: object) -> Scene:
        asked.append(take)
        return ball_head

    monkeypatch.setattr("pifr.twin.work.seat", sit)
    return asked
