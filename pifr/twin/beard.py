"""Beards: where hair grows on a face, how it is worn, painted and, when long, raised from the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin.canvas import EYE_HEIGHT_MM, Canvas
from pifr.twin.hair_colour import HairColour
from pifr.twin.head_model import HeadModel, Part
from pifr.twin.noise import ramp, smooth_noise
from pifr.twin.person import Build

FloatMap = npt.NDArray[np.float32]

STYLES = ("shaved", "stubble", "moustache", "goatee", "short", "full")
_CHANCES = (0.52, 0.16, 0.06, 0.07, 0.11, 0.08)


@dataclass(frozen=True)
class BeardTraits:
    """A person's beard.

    Attributes:
        style: One of `STYLES`.
        growth: How densely hair grows, 0 (none, as on women) to 1.
        length_mm: How far the hair stands out where it is worn long.
        cheek: Millimetres by which the beard reaches higher up the cheek.
    """

    style: str
    growth: float
    length_mm: float
    cheek: float


def draw_beard(seed: int, person: int, build: Build) -> BeardTraits:
    """Draw whether and how a person wears a beard."""
    random = numpy_generator(seed, "twin", person, "beard")
    if build.sex == "female":
        return BeardTraits("shaved", 0.0, 0.0, 0.0)
    growth = float(np.clip(random.normal(0.75 - 0.3 * build.ancestry[1], 0.2), 0.1, 1.0))
    chances = np.array(_CHANCES) * np.where(np.arange(len(STYLES)) >= 3, 0.3 + growth, 1.0)
    style = STYLES[int(random.choice(len(STYLES), p=chances / chances.sum()))]
    length = float(random.uniform(6.0, 18.0)) if style == "full" else float(random.uniform(2.0, 5.0))
    return BeardTraits(style, growth, length, float(random.normal(0.0, 4.0)))


def sitting_beard(seed: int, person: int, session: int, traits: BeardTraits) -> float:
    """Return this sitting's factor on length and on the shade of shaved skin, 0.5 to 1.5."""
    random = numpy_generator(seed, "twin", person, "beard growth", session)
    return float(np.clip(random.normal(1.0, 0.2), 0.5, 1.5))


def paint_beard(
    canvas: Canvas,
    skin: FloatMap,
    seed: int,
    person: int,
    session: int,
    traits: BeardTraits,
    colour: HairColour,
) -> None:
    """Paint a beard, stubble or the shade of a shaved beard over `skin`, in place."""
    if traits.growth == 0.0:
        return
    random = numpy_generator(seed, "twin", person, "beard paint", session)
    grown = sitting_beard(seed, person, session, traits)
    ragged = np.float32(1.5) * smooth_noise(random, canvas.up.shape, (60, 90))
    whole = _region(canvas.aside + ragged, canvas.up + ragged, canvas.forward, traits)
    worn = _worn(canvas.aside + ragged, canvas.up + ragged, canvas.forward, traits)
    bare = np.float32(1.0) - ramp(canvas.lips, 0.15, 0.6)
    shadow = np.float32(0.16 * grown * traits.growth) * whole
    if traits.style == "stubble":
        shadow = np.float32(min(0.42 * grown, 0.65) * (0.5 + 0.5 * traits.growth)) * whole
    cover = np.maximum(shadow, np.float32(0.70 + 0.27 * traits.growth) * worn) * bare
    strands = np.float32(1.0) + np.float32(0.13) * random.standard_normal(canvas.up.shape).astype(np.float32)
    strands += np.float32(0.08) * smooth_noise(random, canvas.up.shape, (40, 200))
    # White hair hides less.
    cover = np.clip(cover * strands * np.float32(1.0 - 0.3 * colour.grey), 0.0, 0.97)[..., None]
    pigment = colour.mean * np.float32(0.8)
    skin[..., :3] += cover * (pigment * np.exp(np.float32(0.2) * (strands[..., None] - 1.0)) - skin[..., :3])
    skin[..., 3] *= np.float32(1.0) - np.float32(0.6) * cover[..., 0]


def beard_offsets(
    model: HeadModel, seed: int, person: int, session: int, traits: BeardTraits
) -> npt.NDArray[np.float64] | None:
    """Return `(V,)` metres by which a beard raises each vertex of the head, or None where it raises none."""
    if traits.style not in ("goatee", "short", "full", "moustache"):
        return None
    x, y, z = (1000.0 * model.vertices_m).T
    skin = np.zeros(len(x), dtype=bool)
    skin[model.triangles[model.part == Part.SKIN]] = True
    skin[model.triangles[model.part == Part.MOUTH]] = False
    aside, up = np.abs(x), y - EYE_HEIGHT_MM
    lips = (np.abs(up + 68.0) < 10.5) & (aside < 27.0)
    worn = _worn(aside.astype(np.float32), up.astype(np.float32), z.astype(np.float32), traits) * (skin & ~lips)
    chin = 1.0 + 0.8 * np.exp(-(((aside) / 26.0) ** 2)) * (up < -84.0)
    sides = np.clip((-35.0 - up) / 40.0, 0.15, 1.0)
    return (
        worn.astype(np.float64)
        * chin
        * sides
        * traits.length_mm
        / 1000.0
        * sitting_beard(seed, person, session, traits)
    )


def _region(aside: FloatMap, up: FloatMap, forward: FloatMap, traits: BeardTraits) -> FloatMap:
    """Return where a beard can grow, 0 to 1: upper lip, chin, jaw and cheeks up to the sideburns, throat."""
    cheek_line = np.interp(aside, [0.0, 22.0, 30.0, 50.0, 66.0, 74.0], [-46.0, -48.0, -58.0, -50.0, -24.0, 5.0])
    below = ramp(cheek_line.astype(np.float32) + np.float32(traits.cheek) - up, -3.0, 8.0)
    throat = np.interp(forward, [40.0, 60.0, 100.0], [-44.0, -72.0, -128.0]).astype(np.float32)
    return below * ramp(up - throat, -4.0, 8.0) * ramp(forward, 48.0, 72.0)


def _worn(aside: FloatMap, up: FloatMap, forward: FloatMap, traits: BeardTraits) -> FloatMap:
    """Return the part of the region where hair is left to grow."""
    whole = _region(aside, up, forward, traits)
    lip = ramp(up, -70.0, -66.0) * ramp(up, -46.0, -50.0) * ramp(aside, 32.0, 26.0)
    chin = ramp(up, -70.0, -76.0) * ramp(aside, 30.0, 22.0)
    link = ramp(aside, 21.0, 25.0) * ramp(aside, 33.0, 29.0) * ramp(up, -48.0, -60.0)
    if traits.style == "moustache":
        return whole * lip
    if traits.style == "goatee":
        return whole * np.maximum(np.maximum(lip, chin), link)
    if traits.style in ("short", "full"):
        return whole
    return np.zeros_like(whole)
