"""Inside the mouth: teeth, tongue and the dark behind them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin import atlas
from pifr.twin.noise import ramp
from pifr.twin.person import Build

FloatMap = npt.NDArray[np.float32]

INSIDE = (0.110, 0.022, 0.020, 0.3)
"""Linear albedo and gloss of the mouth's lining, which lies in shadow."""
TONGUE = (0.280, 0.085, 0.080, 0.4)

_TEETH_ACROSS = 13


def paint_teeth(seed: int, person: int, build: Build) -> FloatMap:
    """Paint the patch of teeth: columns run from one side of the mouth to the other, rows from gum to edge.

    Returns:
        `(rows, columns, 4)` linear albedo and gloss.
    """
    random = numpy_generator(seed, "twin", person, "teeth")
    rows, columns = atlas.TEETH.rows, atlas.TEETH.columns
    across = np.linspace(-1.0, 1.0, columns, dtype=np.float32)[None, :]
    down = np.linspace(0.0, 1.0, rows, dtype=np.float32)[:, None]
    yellow = float(np.clip(random.normal(0.3 + build.age_years / 200.0, 0.18), 0.0, 1.0))
    white = np.array([0.68, 0.64, 0.58], dtype=np.float32) * np.array([1.0, 1.0 - 0.10 * yellow, 1.0 - 0.42 * yellow])
    between = np.abs(np.sin(np.float32(np.pi * _TEETH_ACROSS / 2.0) * across)) < 0.16
    shade = (1.0 - 0.45 * between) * (1.0 - 0.8 * ramp(np.abs(across), 0.45, 0.85)) * np.ones_like(down)
    gum = ramp(down, 0.42, 0.30)[..., None]
    albedo = white * shade[..., None]
    albedo = albedo + gum * (np.array([0.30, 0.095, 0.085]) * shade[..., None] - albedo)
    gloss = np.full((rows, columns, 1), 0.6)
    return np.concatenate([albedo, gloss], axis=-1).astype(np.float32)
