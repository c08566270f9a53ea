"""Light on skin, hair, eyes and cloth: one flash with cast shadows plus the room's soft light."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin.plan import Lighting
from pifr.twin.raycast import Float32
from pifr.twin.scene import Material
from pifr.twin.surface import Stage, Surface
from pifr.twin.vectors import dot, rows_of, unit

IntArray = npt.NDArray[np.intp]

_FLASH_RADIUS = 0.06
"""Of the flash's umbrella over its distance; makes the edges of shadows soft."""
_SHADOW_OFFSET_M, _GRAZING_OFFSET_M = 0.0025, 0.0055
"""Shadow rays start this far above the surface, and farther where light grazes it: a coarse mesh throws no shadow on
itself, and light that creeps round the terminator fades instead of ending at an edge."""
_BOUNCE = 0.13
"""Part of the flash that comes back from the walls and joins the room's soft light."""

# By material: how far light creeps round the terminator in red, green and blue (blood under skin carries red
# farthest), sharpness and strength of the highlight.
_WRAP = np.zeros((len(Material), 3), dtype=np.float32)
_WRAP[Material.SKIN] = (0.12, 0.05, 0.03)
_WRAP[Material.HAIR] = (0.30, 0.30, 0.30)
_WRAP[Material.EYE] = (0.15, 0.12, 0.12)
_WRAP[Material.CLOTH] = (0.15, 0.15, 0.15)
_SHARPNESS = np.full(len(Material), 24.0, dtype=np.float32)
_SHARPNESS[Material.EYE] = 300.0
_SHARPNESS[[Material.FRAME, Material.TEETH]] = 60.0
_STRENGTH = np.full(len(Material), 1.0, dtype=np.float32)
_STRENGTH[[Material.HAIR, Material.CLOTH]] = 0.0
_GLASS_SHARPNESS = 800.0


class Shader:
    """Lights one surface again and again; what no light changes is worked out once.

    Args:
        stage: The scene, for shadow rays.
        surface: What the camera sees of it.
    """

    def __init__(self, stage: Stage, surface: Surface) -> None:
        self._stage = stage
        self._surface = surface
        self._wrap = rows_of(_WRAP, surface.material)
        self._sharpness = rows_of(_SHARPNESS, surface.material)
        self._strength = rows_of(_STRENGTH, surface.material) * surface.gloss
        # Strands fall down along the surface.
        self._strands = unit(np.array([0, -1, 0], dtype=np.float32) + surface.normal * surface.normal[:, 1:2])

    def light(self, lighting: Lighting) -> Float32:
        """Return the linear light `(P, 3)` that each point sends to the camera."""
        surface = self._surface
        room = lighting.room_power * np.array(lighting.room_tint, dtype=np.float32)
        if lighting.direction is None:
            light = surface.albedo * (surface.sky[:, None] * room)
            self._add_lenses(light, lighting)
            return light
        soft = surface.sky[:, None] * (room + np.float32(_BOUNCE * lighting.flash_power))
        light = surface.albedo * soft
        towards = unit(lighting.direction.astype(np.float32) + _spread(len(surface.sample)))
        cosine = dot(surface.normal, towards)
        facing = np.flatnonzero(cosine > -_WRAP.max())
        # Only the rows that the flash reaches are worked on from here.
        rows = facing[~self._stage.solid.blocked(self._origins(facing, cosine[facing]), rows_of(towards, facing))]
        towards, cosine = rows_of(towards, rows), cosine[rows]
        half = unit(towards + rows_of(surface.towards_eye, rows))
        wrap = rows_of(self._wrap, rows)
        diffuse = np.maximum((cosine[:, None] + wrap) / (1 + wrap), 0)
        flash = rows_of(surface.albedo, rows) * diffuse
        flash += self._highlight(rows, towards, half, cosine)[:, None]
        self._add_hair_gloss(flash, rows, half, cosine)
        light[rows] = rows_of(light, rows) + np.float32(lighting.flash_power) * flash
        self._add_lenses(light, lighting)
        return light

    def _origins(self, rows: IntArray, cosine: Float32) -> Float32:
        """Return where shadow rays start."""
        grazing = np.clip((np.float32(0.2) - cosine) / np.float32(0.3), 0, 1)
        offset = np.float32(_SHADOW_OFFSET_M) + np.float32(_GRAZING_OFFSET_M - _SHADOW_OFFSET_M) * grazing
        return rows_of(self._surface.position, rows) + rows_of(self._surface.normal, rows) * offset[:, None]

    def _highlight(self, rows: IntArray, towards: Float32, half: Float32, cosine: Float32) -> Float32:
        """Return Blinn and Phong's highlight with Schlick's Fresnel term, one a row."""
        fresnel = np.float32(0.04) + np.float32(0.96) * (1 - np.clip(dot(half, towards), 0, 1)) ** 5
        sharpness = self._sharpness[rows]
        lobe = (
            np.maximum(dot(half, rows_of(self._surface.normal, rows)), 0) ** sharpness * (sharpness + 8) / np.float32(8)
        )
        return self._strength[rows] * fresnel * lobe * np.clip(cosine, 0, 1)

    def _add_hair_gloss(self, flash: Float32, rows: IntArray, half: Float32, cosine: Float32) -> None:
        """Add Kajiya and Kay's highlight along the strands (1989)."""
        is_hair = np.flatnonzero(self._surface.material[rows] == Material.HAIR)
        hair = rows[is_hair]
        along = dot(rows_of(self._strands, hair), rows_of(half, is_hair))
        lobe = np.maximum(1 - along * along, 0) ** np.float32(24)
        facing = np.clip(cosine[is_hair] + np.float32(0.2), 0, 1)
        gloss = (lobe * facing * self._surface.gloss[hair])[:, None]
        flash[is_hair] += gloss * (np.float32(0.10) + np.float32(0.6) * rows_of(self._surface.albedo, hair))

    def _add_lenses(self, light: Float32, lighting: Lighting) -> None:
        """Let spectacle lenses swallow a little light and mirror the flash."""
        glass = self._surface.glass
        if glass is None:
            return
        light[glass.point] *= np.float32(0.93)
        if lighting.direction is not None:
            half = unit(lighting.direction.astype(np.float32) + self._surface.towards_eye[glass.point])
            mirror = np.maximum(dot(half, glass.normal), 0) ** np.float32(_GLASS_SHARPNESS)
            light[glass.point] += (mirror * np.float32(3.0 * lighting.flash_power))[:, None]


@cache
def _spread_table() -> Float32:
    """Return points of the flash's disc, drawn once; each ray takes one by its place in the list."""
    rng = numpy_generator("flash", "spread")
    points = rng.normal(size=(1 << 18, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return (points * _FLASH_RADIUS * np.sqrt(rng.random((len(points), 1)))).astype(np.float32)


def _spread(count: int) -> Float32:
    table = _spread_table()
    return table[np.arange(count) % len(table)] if count > len(table) else table[:count]
