"""How a person wears their hair: styles from a table, a hairline of their own, a little longer next time."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin.person import Build

# The hairline: degrees down from the crown at degrees round it, on the template.
_HAIRLINE_TURN = (0, 15, 30, 40, 46, 52, 57, 61, 65, 69, 75, 90, 100, 108, 125, 150, 180)
_HAIRLINE_ANGLE = (80, 80, 82, 87, 94, 104, 113, 118, 117, 108, 101, 99, 103, 113, 122, 129, 132)


@dataclass(frozen=True)
class HairStyle:
    """One row of `tables/hair_styles.csv`.

    Attributes:
        name: Its name.
        male: Share of men who wear it.
        female: Share of women who wear it.
        top_mm: Height of the hair over the top of the head.
        side_mm: Over the sides.
        back_mm: Over the back.
        lift_mm: Added over the forehead.
        fringe_mm: Length of the fringe below the hairline where there is one.
        fringe_chance: Share of wearers with a fringe.
        curtain_mm: Length that hangs below the hairline at sides and back.
        frame_degrees: Where the hanging hair begins, counted from the face.
        lump_mm: Size of locks or curls.
        lumps: How many locks fit once round the head.
        bun_mm: Radius of a bun or tail at the back.
    """

    name: str
    male: float
    female: float
    top_mm: float
    side_mm: float
    back_mm: float
    lift_mm: float
    fringe_mm: float
    fringe_chance: float
    curtain_mm: float
    frame_degrees: float
    lump_mm: float
    lumps: int
    bun_mm: float


@cache
def hair_styles() -> tuple[HairStyle, ...]:
    """Return the table of styles, in its order."""
    text = (resources.files("pifr.twin") / "tables" / "hair_styles.csv").read_text(encoding="utf-8")
    return tuple(
        HairStyle(
            name=row.pop("name"), lumps=int(row.pop("lumps")), **{key: float(value) for key, value in row.items()}
        )
        for row in csv.DictReader(text.splitlines())
    )


@dataclass(frozen=True)
class HairTraits:
    """A person's hair, as it is in every sitting.

    Attributes:
        style: How it is cut.
        fringe: Whether the hair falls over the forehead.
        volume: Factor on all heights.
        length: Factor on hanging hair.
        forehead: Degrees by which the hairline over the forehead is lower (positive) or higher.
        recess: Degrees by which the hairline has gone back at the temples.
        parting: Where the hair parts, millimetres aside from the middle; 99 for nowhere.
        sideburns: Degrees by which they reach farther down.
        streaks: Strength of light and dark strands.
        gloss: How much the hair shines.
    """

    style: HairStyle
    fringe: bool
    volume: float
    length: float
    forehead: float
    recess: float
    parting: float
    sideburns: float
    streaks: float
    gloss: float

    def hairline(self, turn_degrees: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return how far down from the crown the hair grows, in degrees, at turns of -180 to 180 degrees."""
        turn = np.abs(turn_degrees)
        line = np.interp(turn, _HAIRLINE_TURN, _HAIRLINE_ANGLE)
        front = np.clip((62.0 - turn) / 20.0, 0.0, 1.0)
        temple = np.exp(-(((turn - 38.0) / 13.0) ** 2))
        burns = np.exp(-(((turn - 63.0) / 5.5) ** 2))
        return line + self.forehead * front - self.recess * (temple + 0.3 * front) + self.sideburns * burns

    def bald_until(self, turn_degrees: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return how far down from the crown the head is bald, in degrees; 0 where it is not."""
        if self.style.name != "horseshoe":
            return np.zeros(np.shape(turn_degrees))
        return np.interp(np.abs(turn_degrees), [0.0, 45.0, 62.0, 90.0, 180.0], [140.0, 140.0, 78.0, 66.0, 60.0])


def draw_hair(seed: int, person: int, build: Build) -> HairTraits:
    """Draw a person's hair: style by sex, losses by age, curls by ancestry."""
    random = numpy_generator(seed, "twin", person, "hair")
    male = build.sex == "male"
    chances = np.array([_chance(style, build) for style in hair_styles()])
    style = hair_styles()[int(random.choice(len(chances), p=chances / chances.sum()))]
    loss = max(0.0, build.age_years - 27.0) / 30.0
    recess = float(np.clip(random.gamma(1.4, 7.0) * loss, 0.0, 24.0)) if male else float(random.uniform(0.0, 4.0))
    parted = style.name in ("side parting", "quiff") or (style.curtain_mm > 0 and random.random() < 0.7)
    middle = style.curtain_mm > 0 and random.random() < 0.45
    aside = 0.0 if middle else float(random.uniform(18.0, 36.0)) * (1.0 if random.random() < 0.5 else -1.0)
    return HairTraits(
        style=style,
        fringe=bool(random.random() < style.fringe_chance),
        volume=float(np.clip(random.lognormal(0.0, 0.2), 0.6, 1.6)),
        length=float(random.uniform(0.78, 1.22)),
        forehead=float(np.clip(random.normal(0.0, 3.6), -8.0, 6.0)),
        recess=recess,
        parting=aside if parted else 99.0,
        sideburns=float(random.uniform(-5.0, 12.0)) if male else -10.0,
        streaks=float(random.uniform(0.4, 1.0)),
        gloss=float(random.uniform(0.25, 0.7)) * (0.4 if style.lumps > 12 else 1.0),
    )


def sitting_hair(seed: int, person: int, session: int, traits: HairTraits) -> tuple[float, float]:
    """Return this sitting's factors on height and on hanging length: hair grows and is cut between sittings."""
    random = numpy_generator(seed, "twin", person, "hair growth", session)
    height, length = np.clip(random.normal(1.0, [0.09, 0.05]), 0.75, 1.25)
    return traits.volume * float(height), traits.length * float(length)


def _chance(style: HairStyle, build: Build) -> float:
    """Return how likely a style is for a person, up to a common factor."""
    chance = style.male if build.sex == "male" else style.female
    african = build.ancestry[0]
    if style.name in ("afro", "tight curls"):
        return chance * (0.05 + 5.0 * african)
    if style.name in ("long", "long behind ears", "side parting", "caesar", "quiff"):
        chance *= 1.0 - 0.85 * african
    if style.name in ("horseshoe", "shaved"):
        chance *= float(np.interp(build.age_years, [25.0, 40.0, 65.0], [0.15, 1.0, 4.0]))
    if style.curtain_mm > 150:
        chance *= float(np.interp(build.age_years, [35.0, 65.0], [1.0, 0.35]))
    return chance
