"""What stands behind the head: blurred walls, panels and gear, the same for the same name."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin.geometry import FloatArray
from pifr.twin.plan import Lighting
from pifr.twin.raycast import Float32

_GRID = 48


@lru_cache(maxsize=256)
def backdrop(seed: int, name: str, size_px: int) -> Float32:
    """Return the reflectance `(S, S, 3)` of a background, linear light.

    A wall of one colour with a gradient, crossed by a few panels and posts, out of focus. Names that begin with
    ``free`` give any colour; the room's own walls are a bluish grey.
    """
    free = name.startswith("free")
    rng = numpy_generator(seed, "backdrop", name)
    tone = rng.uniform(0.04, 0.7) if free else rng.uniform(0.20, 0.34)
    colour = tone * (1 + rng.normal(0, 0.18, 3) if free else np.array([0.93, 1.0, 1.06]) + rng.normal(0, 0.02, 3))
    grid = np.broadcast_to(colour, (_GRID, _GRID, 3)).copy()
    for _ in range(rng.integers(0, 6) if free else rng.integers(2, 4)):
        left, width = rng.uniform(-0.1, 1.0), rng.uniform(0.04, 0.4)
        top, height = (rng.uniform(-0.2, 0.8), rng.uniform(0.2, 1.2)) if free else (0.0, 1.0)
        rows, columns = _span(top, height), _span(left, width)
        grid[rows, columns] *= rng.uniform(0.45, 1.35) * (1 + rng.normal(0, 0.10 if free else 0.03, 3))
    steps = np.linspace(-1, 1, _GRID)
    slope = rng.normal(0, 0.12, 2)
    grid *= (1 + slope[0] * steps[:, None] + slope[1] * steps[None, :])[..., None]
    return _resize(_blur(_blur(grid)), size_px)


def backdrop_light(lighting: Lighting, camera_back: FloatArray) -> Float32:
    """Return the light `(3,)` on the wall that a camera sees; flashes behind the camera light it most."""
    room = lighting.room_power * np.array(lighting.room_tint, dtype=np.float32)
    if lighting.direction is None:
        return 0.9 * room
    facing = max(0.30, float((lighting.direction * camera_back).sum()))
    return (0.9 * room + 0.45 * lighting.flash_power * facing).astype(np.float32)


def _span(start: float, length: float) -> slice:
    return slice(max(0, round(start * _GRID)), max(0, round((start + length) * _GRID)))


def _blur(grid: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Average over seven cells along both axes, edges repeated."""
    for axis in (0, 1):
        padded = np.pad(grid, [(3, 3) if a == axis else (0, 0) for a in range(3)], mode="edge")
        parts = [np.take(padded, range(k, k + _GRID), axis=axis) for k in range(7)]
        grid = sum(parts[1:], parts[0]) / 7
    return grid


def _resize(grid: npt.NDArray[np.floating], size_px: int) -> Float32:
    """Resize bilinearly to `(size_px, size_px, 3)`."""
    place = (np.arange(size_px) + 0.5) / size_px * (_GRID - 1)
    low = np.minimum(place.astype(int), _GRID - 2)
    part = (place - low)[:, None, None]
    rows = grid[low] * (1 - part) + grid[low + 1] * part
    part = part.reshape(1, -1, 1)
    return (rows[:, low] * (1 - part) + rows[:, low + 1] * part).astype(np.float32)
