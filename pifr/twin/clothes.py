"""Clothes on the shoulders: a neckline, a colour or stripes, and cloth that stands off the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin.canvas import EYE_HEIGHT_MM, Canvas
from pifr.twin.head_model import HeadModel, Part
from pifr.twin.noise import ramp, smooth_noise
from pifr.twin.person import Build

FloatMap = npt.NDArray[np.float32]

NECKLINES = ("crew", "v neck", "scoop", "high", "turtleneck")
_THICKNESS_M = 0.006


@dataclass(frozen=True)
class Clothes:
    """What a person wears in one sitting.

    Attributes:
        neckline: One of `NECKLINES`.
        colour: `(3,)` linear albedo.
        second: `(3,)` colour of the stripes.
        stripes: Stripes to the decimetre, 0 for none.
    """

    neckline: str
    colour: npt.NDArray[np.float32]
    second: npt.NDArray[np.float32]
    stripes: float


def draw_clothes(seed: int, person: int, session: int, build: Build) -> Clothes:
    """Draw what a person wears this time; nobody is known by their shirt."""
    random = numpy_generator(seed, "twin", person, "clothes", session)
    chances = (0.4, 0.22, 0.08, 0.2, 0.1) if build.sex == "male" else (0.28, 0.26, 0.26, 0.1, 0.1)
    colours = [_colour(random) for _ in range(2)]
    return Clothes(
        neckline=NECKLINES[int(random.choice(len(NECKLINES), p=chances))],
        colour=colours[0],
        second=colours[1],
        stripes=float(random.uniform(3.0, 9.0)) if random.random() < 0.18 else 0.0,
    )


def _colour(random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return a linear albedo: grey, black and white as often as any hue."""
    value = float(random.beta(1.2, 2.0)) * 0.72 + 0.015
    if random.random() < 0.4:
        return np.full(3, value, dtype=np.float32)
    hue, depth = random.uniform(0.0, 2.0 * np.pi), random.uniform(0.3, 1.6)
    tint = np.exp(depth * np.cos(hue - np.array([0.0, 2.0, 4.0]) * np.pi / 3.0))
    return np.clip(value * tint / tint.max() * 1.3, 0.01, 0.8).astype(np.float32)


def cloth_cover(x_mm: FloatMap, up_mm: FloatMap, forward_mm: FloatMap, neckline: str) -> FloatMap:
    """Return millimetres below the neckline, positive where cloth lies.

    Args:
        x_mm: Aside from the middle plane, on the template.
        up_mm: Above the template's eyes.
        forward_mm: In front of MakeHuman's axis.
        neckline: One of `NECKLINES`.
    """
    front = np.clip((forward_mm - 5.0) / 45.0, 0.0, 1.0)
    back = {"crew": -138.0, "v neck": -138.0, "scoop": -145.0, "high": -128.0, "turtleneck": -113.0}[neckline]
    rise = {"crew": 22.0, "v neck": 22.0, "scoop": 42.0, "high": 26.0, "turtleneck": 26.0}[neckline]
    edge = back - rise * front
    aside = np.abs(x_mm)
    if neckline == "v neck":
        edge = edge - 62.0 * np.clip(1.0 - aside / 52.0, 0.0, 1.0) * front
    if neckline == "scoop":
        edge = edge - 26.0 * np.clip(1.0 - (aside / 75.0) ** 2, 0.0, 1.0) * front
    return np.asarray(edge - up_mm)


def paint_clothes(canvas: Canvas, skin: FloatMap, seed: int, person: int, session: int, clothes: Clothes) -> None:
    """Paint the clothes over `skin`, in place."""
    random = numpy_generator(seed, "twin", person, "cloth paint", session)
    below = cloth_cover(canvas.x, canvas.up, canvas.forward, clothes.neckline).astype(np.float32)
    cover = ramp(below, -0.8, 0.8)[..., None]
    weave = np.float32(1.0) + np.float32(0.05) * random.standard_normal(canvas.up.shape).astype(np.float32)
    folds = np.float32(0.10) * smooth_noise(random, canvas.up.shape, (40, 16))
    hem = np.float32(1.0) - np.float32(0.30) * ramp(below, 11.0, 9.5)
    cloth = np.broadcast_to(clothes.colour, (*canvas.up.shape, 3))
    if clothes.stripes > 0:
        striped = np.sin(canvas.up * np.float32(2.0 * np.pi * clothes.stripes / 100.0)) > 0.2
        cloth = np.where(striped[..., None], clothes.second, cloth)
    cloth = cloth * (weave * np.exp(folds) * hem)[..., None]
    skin[..., :3] += cover * (np.clip(cloth, 0.005, 0.85) - skin[..., :3])
    skin[..., 3] += cover[..., 0] * (np.float32(0.05) - skin[..., 3])


def cloth_offsets(model: HeadModel, clothes: Clothes) -> npt.NDArray[np.float64]:
    """Return `(V,)` metres by which cloth stands off each vertex of the body."""
    below = _below(model, clothes)
    skin = np.zeros(len(below), dtype=bool)
    skin[model.triangles[model.part == Part.SKIN]] = True
    return np.where(skin, np.clip((below + 1.0) / 3.0, 0.0, 1.0) * _THICKNESS_M, 0.0)


def cloth_triangles(model: HeadModel, clothes: Clothes) -> npt.NDArray[np.bool_]:
    """Return `(F,)` which triangles of the head model are cloth."""
    below = _below(model, clothes)[model.triangles].mean(axis=1)
    return (below > 0.0) & (model.part == Part.SKIN)


def _below(model: HeadModel, clothes: Clothes) -> npt.NDArray[np.float64]:
    x, y, z = (1000.0 * model.vertices_m).T
    return np.asarray(cloth_cover(x, y - EYE_HEIGHT_MM, z, clothes.neckline), dtype=np.float64)
