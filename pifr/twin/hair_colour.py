"""The colour of hair: two pigments, age, and dye."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin.person import Build

FloatArray = npt.NDArray[np.float32]

# Linear albedo of whole heads of hair, not of single fibres.
_SHADES = {
    "black": (0.012, 0.010, 0.009),
    "dark brown": (0.034, 0.020, 0.013),
    "brown": (0.080, 0.044, 0.025),
    "light brown": (0.160, 0.098, 0.055),
    "blond": (0.360, 0.250, 0.130),
    "fair": (0.520, 0.420, 0.270),
    "auburn": (0.110, 0.038, 0.018),
    "red": (0.270, 0.092, 0.030),
}
_GREY = np.array([0.42, 0.41, 0.40], dtype=np.float32)


@dataclass(frozen=True)
class HairColour:
    """Colour of a person's hair.

    Attributes:
        name: Its name before it went grey; `grey` where half or more has.
        pigment: `(3,)` linear albedo of the strands with colour.
        grey: Share of strands without colour, 0 to 1.
    """

    name: str
    pigment: FloatArray
    grey: float

    @property
    def mean(self) -> FloatArray:
        """`(3,)` albedo of all strands together."""
        return (self.pigment * (1.0 - self.grey) + _GREY * self.grey).astype(np.float32)


def draw_hair_colour(seed: int, person: int, build: Build) -> HairColour:
    """Draw a hair colour: fair and red shades come with Caucasian ancestry, grey with age, dye with taste."""
    random = numpy_generator(seed, "twin", person, "hair colour")
    caucasian = build.ancestry[2] * float(np.interp(build.melanin, [0.22, 0.45], [1.0, 0.0]))
    names = list(_SHADES)
    dark = np.array([0.66, 0.30, 0.04, 0.0, 0.0, 0.0, 0.0, 0.0])
    light = np.array([0.06, 0.26, 0.25, 0.17, 0.11, 0.03, 0.06, 0.06])
    chances = dark * (1.0 - caucasian) + light * caucasian
    name = names[int(random.choice(len(names), p=chances / chances.sum()))]
    dyed = random.random() < (0.16 if build.sex == "female" else 0.02)
    if dyed:
        name = names[int(random.integers(len(names)))]
    onset = float(random.normal(47.0, 9.0))
    grey = float(np.clip((build.age_years - onset) / 22.0, 0.0, 1.0)) * (0.1 if dyed else 1.0)
    pigment = np.array(_SHADES[name]) * np.exp(random.normal(0.0, 0.16, 3) * [1.0, 0.3, 0.3] + random.normal(0.0, 0.12))
    return HairColour("grey" if grey >= 0.5 else name, pigment.astype(np.float32), grey)
