"""Glasses: two rims, a bridge, two temples and lenses, fitted to the person who wears them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin.head_model import HeadModel
from pifr.twin.meshes import Mesh, join, tube
from pifr.twin.person import Build

FloatArray = npt.NDArray[np.float64]

_RIM_POINTS = 28
_FRAMES = {
    "black": (0.010, 0.010, 0.011),
    "dark brown": (0.045, 0.022, 0.012),
    "tortoise": (0.130, 0.055, 0.020),
    "grey metal": (0.230, 0.230, 0.240),
    "gold": (0.400, 0.280, 0.110),
    "blue": (0.020, 0.035, 0.110),
    "red": (0.180, 0.020, 0.022),
    "clear": (0.550, 0.530, 0.500),
}
SHAPES = ("round", "oval", "rectangle", "square", "browline", "cat eye")


@dataclass(frozen=True)
class GlassesTraits:
    """A person's glasses.

    Attributes:
        shape: One of `SHAPES`.
        colour: Name of the frame's colour.
        frame: `(3,)` linear albedo.
        width_m: Half the width of a lens.
        height_m: Half its height.
        wire_m: Radius of the rim's wire.
    """

    shape: str
    colour: str
    frame: npt.NDArray[np.float32]
    width_m: float
    height_m: float
    wire_m: float


def draw_glasses(seed: int, person: int, build: Build) -> GlassesTraits | None:
    """Draw whether a person wears glasses, more often when older, and which."""
    random = numpy_generator(seed, "twin", person, "glasses")
    if random.random() > float(np.interp(build.age_years, [18.0, 40.0, 70.0], [0.14, 0.22, 0.45])):
        return None
    shape = SHAPES[int(random.integers(len(SHAPES)))]
    colour = list(_FRAMES)[int(random.integers(len(_FRAMES)))]
    metal = colour in ("grey metal", "gold")
    tall = {"round": 1.0, "oval": 0.72, "rectangle": 0.60, "square": 0.82, "browline": 0.74, "cat eye": 0.72}[shape]
    width = float(random.uniform(0.0215, 0.0265))
    return GlassesTraits(
        shape=shape,
        colour=colour,
        frame=np.array(_FRAMES[colour], dtype=np.float32),
        width_m=width * (0.92 if shape == "round" else 1.0),
        height_m=width * tall * float(random.uniform(0.92, 1.08)),
        wire_m=float(random.uniform(0.0007, 0.0010)) if metal else float(random.uniform(0.0012, 0.0024)),
    )


def fit_glasses(model: HeadModel, shape_m: FloatArray, traits: GlassesTraits) -> tuple[Mesh, Mesh]:
    """Fit glasses to a head at rest.

    Args:
        model: The baked head.
        shape_m: `(V, 3)` the head at rest.
        traits: The glasses.

    Returns:
        Frame and lenses.
    """
    lids = {side: shape_m[model.points[f"{side}_lid"]] for side in ("left", "right")}
    aside = 0.5 * (lids["right"][:, 0].mean() - lids["left"][:, 0].mean())
    aside = max(aside, traits.width_m + 0.0085)
    height = 0.5 * (lids["right"][:, 1].mean() + lids["left"][:, 1].mean()) - 0.002
    front = max(points[:, 2].max() for points in lids.values()) + 0.0125
    frame, lenses = [], []
    for sign in (-1.0, 1.0):
        rim = _rim(traits) * [sign, 1.0] + [sign * aside, height]
        around = np.concatenate([rim, _wrap(rim, front)[:, None]], axis=1)
        thick = traits.wire_m * np.ones(len(rim))
        if traits.shape == "browline":
            thick = thick * np.where(rim[:, 1] > height + 0.2 * traits.height_m, 1.7, 0.5)
        frame.append(tube(around, thick, 6, (0.0, 0.0, 1.0)))
        lenses.append(_lens(around))
        frame.append(_temple(model, shape_m, traits, np.array([sign * (aside + traits.width_m), height]), front, sign))
    across = np.linspace(-1.0, 1.0, 7)
    inner = aside - traits.width_m * 0.97
    bridge = np.stack(
        [inner * across, height + 0.003 + 0.004 * (1 - across**2), front + 0.002 * (1 - across**2)], axis=1
    )
    frame.append(tube(bridge, np.full(7, traits.wire_m * 1.1), 6, (0.0, 0.0, 1.0)))
    return join(frame), join(lenses)


def _rim(traits: GlassesTraits) -> FloatArray:
    """Return `(N, 2)` points of the rim about its middle, outward side at positive x; the last is the first."""
    turn = 2.0 * np.pi * np.append(np.arange(_RIM_POINTS), 0) / _RIM_POINTS
    power = {"round": 1.0, "oval": 0.95, "rectangle": 0.55, "square": 0.6, "browline": 0.7, "cat eye": 0.75}[
        traits.shape
    ]
    x = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power
    y = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power
    if traits.shape == "cat eye":
        y = y + 0.35 * np.clip(x, 0.0, None) ** 2 * (y > 0)
    if traits.shape in ("browline", "rectangle", "square"):
        x = x * (1.0 - 0.08 * (y < 0))
    return np.stack([x * traits.width_m, y * traits.height_m], axis=1)


def _wrap(rim: FloatArray, front: float) -> FloatArray:
    """Return the depth of points of the rims: lenses bend back a little towards the ears and lean in below."""
    return front - 2.2 * np.maximum(np.abs(rim[:, 0]) - 0.012, 0.0) ** 2 + 0.10 * (rim[:, 1] - rim[:, 1].mean())


def _lens(rim: FloatArray) -> Mesh:
    """Return a lens: a fan that bulges by a millimetre."""
    ring = rim[:-1]
    middle = ring.mean(axis=0) + np.array([0.0, 0.0, 0.001])
    index = np.arange(_RIM_POINTS)
    fan = np.stack([np.full(_RIM_POINTS, _RIM_POINTS), index, np.roll(index, -1)], axis=1)
    return Mesh(np.concatenate([ring, middle[None]]), fan, np.full((_RIM_POINTS + 1, 2), 0.5))


def _temple(
    model: HeadModel, shape_m: FloatArray, traits: GlassesTraits, hinge: FloatArray, front: float, sign: float
) -> Mesh:
    """Return one temple, from the hinge to behind the top of the ear."""
    template = model.vertices_m
    ear = shape_m[(sign * template[:, 0] > 0.0735) & (template[:, 1] > 0.722) & (template[:, 1] < 0.738)]
    side = np.array([sign * (np.abs(ear[:, 0]).min() + 0.002), ear[:, 1].max() - 0.001, ear[:, 2].mean()])
    start = np.array([hinge[0], hinge[1] + 0.45 * traits.height_m, front - 2.2 * (abs(hinge[0]) - 0.012) ** 2])
    bend = np.array([sign * max(abs(side[0]) + 0.003, abs(start[0])), start[1], start[2] - 0.012])
    end = side + np.array([0.0, -0.012, -0.022])
    path = np.stack([start, bend, 0.5 * (bend + side), side, end])
    return tube(path, np.full(5, max(traits.wire_m, 0.0011)), 6, (0.0, 1.0, 0.0))
