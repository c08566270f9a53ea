"""Brows, lashes and the line of the lids, painted on the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin.canvas import Canvas
from pifr.twin.hair_colour import HairColour
from pifr.twin.noise import ramp, smooth_noise
from pifr.twin.person import Build

FloatMap = npt.NDArray[np.float32]


@dataclass(frozen=True)
class BrowTraits:
    """The shape of a person's brows, millimetres.

    Attributes:
        start: Distance of the inner end from the middle.
        end: Distance of the tail.
        height: Of the inner end above the eyes.
        arch: Rise of the highest point.
        peak: Where along the brow it lies, 0 to 1.
        slant: Rise of the tail above the inner end, negative for drooping brows.
        thickness: At the inner end.
        taper: Share of the thickness left at the tail.
        density: 0 to 1.
        bridge: Density of hair between the brows.
        lashes: Darkness of the lash line.
        liner: Whether the lids are lined with make-up, 0 to 1.
    """

    start: float
    end: float
    height: float
    arch: float
    peak: float
    slant: float
    thickness: float
    taper: float
    density: float
    bridge: float
    lashes: float
    liner: float


def draw_brows(seed: int, person: int, build: Build) -> BrowTraits:
    """Draw the traits of a person's brows and lashes."""
    random = numpy_generator(seed, "twin", person, "brows")
    male = build.sex == "male"
    return BrowTraits(
        start=float(random.uniform(6.5, 14.0)),
        end=float(random.uniform(47.0, 56.0)),
        height=float(np.clip(random.normal(16.0 if male else 18.0, 2.4), 12.0, 24.0)),
        arch=float(np.clip(random.normal(2.8 if male else 4.4, 2.3), 0.0, 9.5)),
        peak=float(random.uniform(0.42, 0.78)),
        slant=float(np.clip(random.normal(-0.8, 2.8), -6.0, 5.0)),
        thickness=float(np.clip(random.lognormal(np.log(9.0 if male else 6.0), 0.32), 3.0, 15.0)),
        taper=float(random.uniform(0.25, 0.75)),
        density=float(np.clip(random.normal(0.82 if male else 0.76, 0.17), 0.22, 1.0)),
        bridge=float(np.clip(random.normal(-0.15, 0.25), 0.0, 0.5)) if male else 0.0,
        lashes=float(random.uniform(0.3, 0.7) if male else random.uniform(0.55, 1.0)),
        liner=float(random.uniform(0.3, 1.0)) if not male and random.random() < 0.3 else 0.0,
    )


def paint_brows(canvas: Canvas, skin: FloatMap, seed: int, person: int, traits: BrowTraits, colour: HairColour) -> None:
    """Paint brows and lid lines over `skin` `(rows, columns, 4)`, in place."""
    random = numpy_generator(seed, "twin", person, "brow paint")
    # Brows are a shade darker than the hair of the head and keep their colour longer.
    pigment = colour.mean * np.float32(0.55) * np.float32(1.0 - 0.3 * colour.grey)
    _blend(skin, _brow_cover(canvas, random, traits), pigment)
    upper = (canvas.up > np.where(canvas.aside > 38.0, -1.5, 0.2)).astype(np.float32)
    edge = ramp(canvas.lid_edge, 2.3, 0.4) * (np.float32(0.35) + np.float32(0.65) * upper)
    _blend(skin, np.float32(traits.lashes) * edge, np.array([0.012, 0.009, 0.008], dtype=np.float32))
    if traits.liner > 0:
        lid = ramp(canvas.lid_edge, 5.5, 1.0) * upper
        _blend(skin, np.float32(0.75 * traits.liner) * lid, np.array([0.03, 0.022, 0.022], dtype=np.float32))


def _brow_cover(canvas: Canvas, random: np.random.Generator, traits: BrowTraits) -> FloatMap:
    """Return how much of each texel brow hair covers, 0 to 1."""
    along = (canvas.aside - np.float32(traits.start)) / np.float32(traits.end - traits.start)
    inside = np.clip(along, 0.0, 1.0)
    rise = np.where(inside < traits.peak, inside / traits.peak, (1.0 - inside) / (1.0 - traits.peak))
    curve = np.float32(traits.arch) * (rise * (2.0 - rise)).astype(np.float32) + np.float32(traits.slant) * inside
    half = np.float32(traits.thickness / 2.0) * (1.0 - np.float32(1.0 - traits.taper) * inside**1.5)
    offset = np.abs(canvas.up - np.float32(traits.height) - curve) / np.maximum(half, np.float32(1.0))
    ragged = np.float32(0.16) * smooth_noise(random, canvas.up.shape, (110, 170))
    body = ramp(offset + ragged, 1.15, 0.5) * ramp(along, -0.10, 0.10) * ramp(along, 1.06, 0.88)
    between = np.float32(traits.bridge) * ramp(offset, 1.2, 0.4) * (along < 0.05)
    strands = np.float32(0.82) + np.float32(0.22) * smooth_noise(random, canvas.up.shape, (150, 230))
    front = (canvas.forward > 40.0) & (canvas.up > 3.0)
    return np.clip(np.maximum(np.float32(traits.density) * body, between) * strands, 0.0, 0.97) * front


def _blend(skin: FloatMap, cover: FloatMap, colour: npt.NDArray[np.float32]) -> None:
    """Lay `colour` over the albedo of `skin`, as thick as `cover`."""
    skin[..., :3] += cover[..., None] * (colour - skin[..., :3])
    skin[..., 3] *= np.float32(1.0) - np.float32(0.6) * cover
