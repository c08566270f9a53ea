"""Hair as geometry: a shell that follows the scalp, a curtain that hangs from it, a bun or a tail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin import atlas
from pifr.twin.hair_traits import HairTraits, sitting_hair
from pifr.twin.head_model import SCALP_COLUMNS, SCALP_LAST_ANGLE, SCALP_ROWS, HeadModel
from pifr.twin.meshes import Mesh, grid_triangles, join, tube
from pifr.twin.noise import layered_noise

FloatArray = npt.NDArray[np.float64]

_SHELL_ROWS = 24
_CURTAIN_ROWS = 11
_SHELL_SHARE = 0.62
"""Part of a strand's texture that lies on the shell; the rest hangs."""
_NECK_Z_M = 0.012
"""The neck stands at this depth in MakeHuman's frame."""
_SUNK_M = -0.002
"""The rim of the shell dips this far under the skin, so it never floats."""


@dataclass(frozen=True)
class _Scalp:
    """A person's scalp on the grid: `points` and `outward` `(SCALP_ROWS, SCALP_COLUMNS, 3)`."""

    points: FloatArray
    outward: FloatArray

    def at(self, angle: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return points and outward directions at `(R, SCALP_COLUMNS)` degrees down from the crown."""
        place = np.clip(np.deg2rad(angle) / SCALP_LAST_ANGLE, 0.0, 1.0) * (SCALP_ROWS - 1)
        row = np.minimum(place.astype(np.int64), SCALP_ROWS - 2)
        share = (place - row)[..., None]
        column = np.broadcast_to(np.arange(SCALP_COLUMNS), angle.shape)
        mixed = (
            grid[row, column] * (1.0 - share) + grid[row + 1, column] * share for grid in (self.points, self.outward)
        )
        points, outward = mixed
        return points, outward / np.linalg.norm(outward, axis=-1, keepdims=True)


def grow_hair(
    model: HeadModel, shape_m: FloatArray, seed: int, person: int, session: int, traits: HairTraits
) -> Mesh | None:
    """Grow a person's hair on their head for one sitting.

    Args:
        model: The baked head.
        shape_m: `(V, 3)` the person's head at rest.
        seed: World.
        person: Number of the person.
        session: Number of the sitting; hair is a little longer or shorter each time and lies differently.
        traits: The person's hair.

    Returns:
        The hair, or None for a shaved head.
    """
    if traits.style.top_mm == 0:
        return None
    random = numpy_generator(seed, "twin", person, "hair lie", session)
    scalp = _scalp_of(model, shape_m)
    volume, length = sitting_hair(seed, person, session, traits)
    turn = _turns()
    shell, edge = _shell(scalp, traits, volume, turn, random)
    parts = [shell]
    if traits.style.curtain_mm > 0:
        parts.append(_curtain(edge, traits, length, turn, random))
    if traits.style.bun_mm > 0:
        parts.append(_bun(scalp, traits, length))
    return join(parts)


def _turns() -> FloatArray:
    """Return the turn of each column of the scalp grid, -180 to 180 degrees."""
    turn = 360.0 * np.arange(SCALP_COLUMNS) / SCALP_COLUMNS
    return np.where(turn > 180.0, turn - 360.0, turn)


def _scalp_of(model: HeadModel, shape_m: FloatArray) -> _Scalp:
    points = (shape_m[model.scalp_vertices] * model.scalp_weights[..., None]).sum(axis=2)
    middle = points[: 2 * SCALP_ROWS // 3].mean(axis=(0, 1))
    outward = points - middle
    return _Scalp(points, outward / np.linalg.norm(outward, axis=-1, keepdims=True))


def _shell(
    scalp: _Scalp, traits: HairTraits, volume: float, turn: FloatArray, random: np.random.Generator
) -> tuple[Mesh, FloatArray]:
    """Return the hair on the scalp, and its lower rim `(SCALP_COLUMNS, 3)` from which a curtain may hang."""
    hairline = traits.hairline(turn)
    start = np.minimum(traits.bald_until(turn), hairline)
    fringe = traits.style.fringe_mm if traits.fringe else 0.0
    # A degree at the forehead is about 2 mm.
    uneven = 1.0 + 0.05 * random.normal(size=len(turn))
    end = hairline + fringe / 2.1 * np.clip((58.0 - np.abs(turn)) / 16.0, 0.0, 1.0) * uneven
    along = np.linspace(0.0, 1.0, _SHELL_ROWS)[:, None]
    angle = start + along * (end - start)
    points, outward = scalp.at(angle)
    height = _height(traits, angle, np.broadcast_to(turn, angle.shape), points) * volume
    curls = max(traits.style.lumps // 2, 1)
    lumps = layered_noise(random, (_SHELL_ROWS, SCALP_COLUMNS // 2), (max(curls - 2, 3), curls), 2)
    height = height + traits.style.lump_mm * np.concatenate([lumps, lumps[:, ::-1]], axis=1)
    height = np.maximum(height, 1.2) * _taper(traits, angle, start, end, turn)
    surface = points + outward * (height / 1000.0)[..., None]
    hanging = np.zeros(len(turn), dtype=bool)
    if traits.style.curtain_mm > 0:
        hanging = np.abs(turn) >= traits.style.frame_degrees
    closed = ~hanging & (fringe == 0.0)
    surface[-1] = np.where(closed[:, None], points[-1] + _SUNK_M * outward[-1], surface[-1])
    if traits.style.name == "horseshoe":
        surface[0] = points[0] + _SUNK_M * outward[0]
    uv = _strand_uv(_SHELL_ROWS, 0.0, _SHELL_SHARE)
    return Mesh(surface.reshape(-1, 3), grid_triangles(_SHELL_ROWS, SCALP_COLUMNS, wrap=True), uv), surface[-1]


def _height(traits: HairTraits, angle: FloatArray, turn: FloatArray, points: FloatArray) -> FloatArray:
    """Return millimetres of hair over each point of the scalp, before locks and tapering."""
    style = traits.style
    behind = np.clip((np.abs(turn) - 70.0) / 60.0, 0.0, 1.0)
    low = style.side_mm * (1.0 - behind) + style.back_mm * behind
    top = np.clip((88.0 - angle) / 34.0, 0.0, 1.0)
    top = top * top * (3.0 - 2.0 * top)
    height = low + (style.top_mm - low) * top
    front = np.clip((62.0 - np.abs(turn)) / 34.0, 0.0, 1.0) * np.exp(-(((angle - 66.0) / 16.0) ** 2))
    height = height + style.lift_mm * front
    if traits.parting < 90.0:
        groove = np.exp(-(((points[..., 0] * 1000.0 - traits.parting) / 5.0) ** 2)) * np.clip((82 - angle) / 8, 0, 1)
        fore = np.clip((points[..., 2] - points[..., 2].mean()) * 1000.0 / 30.0 + 0.6, 0.0, 1.0)
        height = height * (1.0 - 0.72 * groove * fore)
    return height


def _taper(traits: HairTraits, angle: FloatArray, start: FloatArray, end: FloatArray, turn: FloatArray) -> FloatArray:
    """Return a factor 0.1 to 1 that thins the hair towards its rim, unless it goes on hanging there."""
    below = np.clip((end - angle) / 9.0, 0.0, 1.0)
    rim = 0.12 + 0.88 * np.sqrt(below * (2.0 - below))
    if traits.style.curtain_mm > 0:
        # Within 12 degrees of the face the curtain bends in to the cheek.
        hanging = np.clip((np.abs(turn) - traits.style.frame_degrees + 2.0) / 12.0, 0.0, 1.0)
        rim = rim + (1.0 - rim) * hanging
    if traits.fringe:
        front = np.clip((56.0 - np.abs(turn)) / 14.0, 0.0, 1.0)
        rim = rim + (0.55 - rim) * front * (below < 0.9)
    above = np.clip((angle - start) / 10.0, 0.0, 1.0)
    return rim * np.where(start > 0.0, above * (2.0 - above), 1.0)


def _curtain(
    rim: FloatArray,
    traits: HairTraits,
    length: float,
    turn: FloatArray,
    random: np.random.Generator,
) -> Mesh:
    """Return the hair that hangs from the shell's rim at sides and back."""
    hanging = np.flatnonzero(np.abs(turn) >= traits.style.frame_degrees)
    order = hanging[np.argsort(turn[hanging] % 360.0, kind="stable")]
    top, around = rim[order], np.deg2rad(turn[order])
    fall = traits.style.curtain_mm * length / 1000.0
    ragged = 1.0 + 0.04 * random.normal(size=len(order))
    bottom = top[:, 1].max() - 0.02 - fall * ragged
    along = np.linspace(0.0, 1.0, _CURTAIN_ROWS)[:, None]
    y = top[:, 1] + along * (np.minimum(bottom, top[:, 1] - 0.01) - top[:, 1])
    bulk = traits.style.side_mm / 1000.0
    # Far below, hair lies round the neck in a ring as wide as the head and flatter.
    ring_x, ring_z = (
        (0.076 + bulk) * np.sin(around),
        (0.072 + bulk) * np.cos(around) + _NECK_Z_M,
    )
    drop = (top[:, 1] - y) / 0.16
    share = np.clip(drop, 0.0, 1.0) ** 1.3
    ear = 0.010 * np.exp(-(((y - top[:, 1].max() + 0.03) / 0.03) ** 2)) * np.abs(np.sin(around)) * (along > 0)
    x = top[:, 0] + share * (ring_x - top[:, 0]) + ear * np.sign(np.sin(around))
    z = top[:, 2] + share * (ring_z - top[:, 2])
    lumps = (
        layered_noise(
            random, (_CURTAIN_ROWS, len(order)), (max(traits.style.lumps // 3, 3), max(traits.style.lumps, 2)), 2
        )
        * along
    )
    wave = traits.style.lump_mm / 1000.0 * lumps
    surface = np.stack([x + wave * np.sin(around), y, z + wave * np.cos(around)], axis=-1)
    uv = _strand_uv(_CURTAIN_ROWS, _SHELL_SHARE, 1.0)[:, order].reshape(-1, 2)
    return Mesh(surface.reshape(-1, 3), grid_triangles(_CURTAIN_ROWS, len(order), wrap=False), uv)


def _strand_uv(rows: int, first: float, last: float) -> FloatArray:
    """Return `(rows, SCALP_COLUMNS, 2)` coordinates inside the hair patch; it runs there and back round the head."""
    across = np.abs(np.linspace(-1.0, 1.0, SCALP_COLUMNS, endpoint=False))
    u = np.broadcast_to(across, (rows, SCALP_COLUMNS))
    v = np.broadcast_to(np.linspace(first, last, rows)[:, None], (rows, SCALP_COLUMNS))
    return np.stack([u, v], axis=-1)


def _bun(scalp: _Scalp, traits: HairTraits, length: float) -> Mesh:
    """Return a bun, or a tail that hangs from where a bun would be."""
    radius = traits.style.bun_mm / 1000.0 * length
    back = SCALP_COLUMNS // 2
    row = round(np.deg2rad(58.0) / SCALP_LAST_ANGLE * (SCALP_ROWS - 1))
    root, outward = scalp.points[row, back], scalp.outward[row, back]
    middle = root + outward * radius * 0.75
    if traits.style.name == "bun":
        rise = np.linspace(-1.0, 1.0, 9)
        path = middle + rise[:, None] * radius * np.array([0.0, 0.55, 0.0])
        return tube(path, radius * np.sqrt(np.maximum(1.0 - rise**2, 0.0)), 14, (1.0, 0.0, 0.0))
    down = np.linspace(0.0, 1.0, 9)[:, None]
    path = root + outward * (0.004 + 0.055 * np.sqrt(down)) + np.array([0.0, -0.17 * length, 0.0]) * down**1.3
    return tube(
        path, radius * np.interp(down[:, 0], [0.0, 0.12, 0.5, 1.0], [0.45, 0.7, 1.0, 0.15]), 12, (1.0, 0.0, 0.0)
    )


def hair_atlas_uv(mesh: Mesh) -> npt.NDArray[np.float32]:
    """Return the atlas coordinates `(F, 3, 2)` of the corners of a piece of hair."""
    return atlas.HAIR.place(mesh.uv.reshape(-1, 2)[mesh.triangles])
