"""The colour of skin: melanin and blood over the whole face, then redness, freckles, moles, lips, lids and lines."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin.canvas import Canvas
from pifr.twin.noise import layered_noise, ramp, smooth_noise
from pifr.twin.person import Build

FloatMap = npt.NDArray[np.float32]

# Reflectance of skin without melanin and blood, and what each takes from red, green and blue, in linear light.
# The three span the published range of skin colours, sRGB (243, 205, 190) to (60, 38, 28).
_BARE = np.array([0.83, 0.665, 0.575], dtype=np.float32)
_MELANIN_TAKES = np.array([1.85, 2.38, 2.82], dtype=np.float32)
_BLOOD_TAKES = np.array([0.07, 0.36, 0.30], dtype=np.float32)


@dataclass(frozen=True)
class SkinTraits:
    """What a person's skin shows for life.

    Attributes:
        blood: Ruddiness of the whole face, about 1.
        flush: Extra blood on cheeks, nose and ears.
        mottle: Strength of uneven tone.
        freckles: Share of the face's skin they cover, 0 for none.
        moles: How many.
        lip_blood: Redness of the lips.
        lip_melanin: How much darker the lips are than the skin.
        shadows: Darkness under and over the eyes.
        lines: Depth of the lines of age.
        gloss: How oily the skin shines.
    """

    blood: float
    flush: float
    mottle: float
    freckles: float
    moles: int
    lip_blood: float
    lip_melanin: float
    shadows: float
    lines: float
    gloss: float


def draw_skin(seed: int, person: int, build: Build) -> SkinTraits:
    """Draw the traits of a person's skin."""
    random = numpy_generator(seed, "twin", person, "skin")
    fair = max(0.0, 1.0 - build.melanin / 0.25)
    freckled = random.random() < 0.1 + 0.35 * fair
    strength = float(random.uniform(0.3, 1.0))
    return SkinTraits(
        blood=float(np.clip(random.normal(0.8, 0.22), 0.25, 1.4)),
        flush=float(np.clip(random.gamma(2.0, 0.22), 0.03, 1.3)),
        mottle=float(random.uniform(0.15, 0.75)),
        freckles=strength * (0.35 + 0.65 * fair) if freckled and build.melanin < 0.5 else 0.0,
        moles=int(random.poisson(2.2)),
        lip_blood=float(np.clip(random.normal(2.4, 0.6), 1.2, 4.0)),
        lip_melanin=float(np.clip(random.normal(0.10, 0.08), -0.04, 0.32)),
        shadows=float(np.clip(random.gamma(2.5, 0.4), 0.1, 2.8)),
        lines=float(np.clip((build.age_years - 28.0) / 40.0, 0.0, 1.2) * random.uniform(0.6, 1.3)),
        gloss=float(random.uniform(0.18, 0.55)),
    )


@dataclass(frozen=True)
class Pigments:
    """Melanin and blood of each texel, `(rows, columns)` each; colour follows from the two."""

    melanin: FloatMap
    blood: FloatMap

    def colour(self) -> FloatMap:
        """Return `(rows, columns, 3)` linear albedo: what Beer and Lambert leave of the bare reflectance."""
        depth = self.melanin[..., None] * _MELANIN_TAKES + self.blood[..., None] * _BLOOD_TAKES
        return _BARE * np.exp(-depth)


def paint_skin(canvas: Canvas, seed: int, person: int, build: Build, traits: SkinTraits) -> FloatMap:
    """Paint the bare skin of a person.

    Returns:
        `(rows, columns, 4)` linear albedo and gloss over the head patch.
    """
    random = numpy_generator(seed, "twin", person, "skin paint")
    pigments = _even_tone(canvas, random, build, traits)
    pigments = _add_spots(canvas, random, pigments, build, traits)
    pigments = _add_lips(canvas, random, pigments, build, traits)
    colour = pigments.colour() * _shade(canvas, random, traits)[..., None]
    shine = 0.6 + 0.5 * canvas.spot(0.0, -25.0, 16.0, 30.0) + 0.4 * canvas.spot(0.0, 55.0, 40.0, 22.0)
    gloss = np.clip(np.float32(traits.gloss) * shine + np.float32(0.25) * canvas.lips, 0.0, 1.0)
    return np.concatenate([np.clip(colour, 0.004, 0.95), gloss[..., None]], axis=-1)


def skin_today(canvas: Canvas, skin: FloatMap, seed: int, person: int, session: int, traits: SkinTraits) -> FloatMap:
    """Return a copy of a painted skin as it is in one sitting: people blush, tire and sweat a little.

    Args:
        canvas: The unrolled head.
        skin: `(rows, columns, 4)` from `paint_skin`.
        seed: World.
        person: Number of the person.
        session: Number of the sitting.
        traits: The person's skin.
    """
    random = numpy_generator(seed, "twin", person, "skin today", session)
    blood, flush, shadows, gloss = random.normal(0.0, [0.06, 0.22 * traits.flush, 0.022 * traits.shadows, 0.15])
    more_blood = np.float32(blood) + np.float32(flush) * canvas.flush
    shade = np.float32(1.0) - np.float32(shadows) * canvas.hollows
    today = skin.copy()
    for channel in range(3):
        today[..., channel] *= np.exp(more_blood * -_BLOOD_TAKES[channel]) * shade
    today[..., 3] *= np.float32(np.exp(gloss))
    return np.clip(today, 0.0, 1.0, out=today)


def _even_tone(canvas: Canvas, random: np.random.Generator, build: Build, traits: SkinTraits) -> Pigments:
    """Melanin and blood without spots: mottled, ruddier on cheeks, nose and ears."""
    shape = canvas.up.shape
    mottled = layered_noise(random, shape, (20, 28), 4) * np.float32(traits.mottle)
    speckle = random.standard_normal(shape).astype(np.float32)
    melanin = np.float32(build.melanin) * (np.float32(1.0) + np.float32(0.035) * mottled + np.float32(0.03) * speckle)
    melanin += np.float32(0.07 * build.melanin) * ramp(canvas.up, 30.0, 75.0)
    patchy = np.float32(1.0) + np.float32(0.25) * layered_noise(random, shape, (26, 40), 2)
    blood = np.float32(traits.blood) + np.float32(0.14 * traits.mottle) * mottled
    blood = blood + np.float32(0.9 * traits.flush) * canvas.flush * patchy
    return Pigments(melanin, np.maximum(blood, np.float32(0.05)))


def _add_spots(
    canvas: Canvas, random: np.random.Generator, pigments: Pigments, build: Build, traits: SkinTraits
) -> Pigments:
    """Freckles over nose and cheeks, spots of age, and moles anywhere on the face."""
    shape = canvas.up.shape
    melanin = pigments.melanin.copy()
    field = smooth_noise(random, shape, (150, 190)) + np.float32(0.35) * smooth_noise(random, shape, (14, 20))
    where = canvas.spot(26.0, -28.0, 34.0, 30.0) + np.float32(0.4) * canvas.spot(0.0, 50.0, 45.0, 30.0)
    if traits.freckles > 0:
        melanin += np.float32(0.30 * traits.freckles) * where * ramp(field, 0.9, 1.7)
    spotted = max(0.0, build.age_years - 45.0) / 30.0
    melanin += np.float32(0.10 * spotted) * ramp(smooth_noise(random, shape, (60, 70)), 1.5, 2.2)
    for _ in range(traits.moles):
        aside, up = random.uniform(-58.0, 58.0), random.uniform(-112.0, 62.0)
        size, depth = random.uniform(0.7, 1.9), random.uniform(0.25, 0.9)
        offset = ((canvas.x - np.float32(aside)) ** 2 + (canvas.up - np.float32(up)) ** 2) / np.float32(size * size)
        melanin += np.float32(depth) * np.exp(-offset) * (canvas.forward > 60.0)
    return replace(pigments, melanin=melanin)


def _add_lips(
    canvas: Canvas, random: np.random.Generator, pigments: Pigments, build: Build, traits: SkinTraits
) -> Pigments:
    """Lips hold more blood and, in dark skin, keep a pinker lower lip."""
    lips = canvas.lips
    fine = np.float32(0.12) * smooth_noise(random, canvas.up.shape, (90, 300))
    lower = ramp(canvas.up, -66.0, -70.0)
    lip_melanin = np.float32(build.melanin + traits.lip_melanin) - np.float32(0.28 * build.melanin) * lower
    lip_blood = np.float32(traits.lip_blood + 0.35 * build.melanin) * (np.float32(1.0) + fine)
    return Pigments(
        pigments.melanin * (1 - lips) + np.maximum(lip_melanin, 0.02) * lips,
        pigments.blood * (1 - lips) + lip_blood * lips,
    )


def _shade(canvas: Canvas, random: np.random.Generator, traits: SkinTraits) -> FloatMap:
    """Return a factor that darkens hollows, lids and lines."""
    shade = np.float32(0.55) + np.float32(0.45) * ramp(canvas.openness, 0.0, 0.9)
    shade *= np.float32(1.0) - np.float32(0.10 * traits.shadows) * canvas.hollows
    shade *= np.float32(1.0) - np.float32(0.35) * ramp(canvas.lid_edge, 1.6, 0.3)
    crease = np.exp(-(((canvas.lid_edge - np.float32(6.2)) / np.float32(1.0)) ** 2)) * (canvas.up > 4.0)
    shade *= np.float32(1.0) - np.float32(0.22) * crease
    if traits.lines > 0:
        shade *= np.float32(1.0) - np.float32(min(traits.lines, 1.2)) * _lines(canvas, random)
    return shade


def _lines(canvas: Canvas, random: np.random.Generator) -> FloatMap:
    """Return 0 to about 0.25: furrows of the forehead, crow's feet, frown lines, folds beside the mouth."""
    wave = np.float32(2.0) * smooth_noise(random, canvas.up.shape, (8, 24))
    lines = np.zeros_like(canvas.up)
    for height in (43.0, 53.0, 64.0):
        depth = random.uniform(0.05, 0.20)
        at = (canvas.up - np.float32(height + random.uniform(-3.0, 3.0)) + wave) / np.float32(1.1)
        lines += np.float32(depth) * np.exp(-at * at) * ramp(canvas.aside, 52.0, 30.0) * (canvas.forward > 60.0)
    for slope in (-0.5, -0.1, 0.35):
        at = (canvas.up + np.float32(1.0) - np.float32(slope) * (canvas.aside - np.float32(46.0))) / np.float32(0.9)
        reach = ramp(canvas.aside, 46.0, 49.0) * ramp(canvas.aside, 62.0, 54.0)
        lines += np.float32(random.uniform(0.05, 0.16)) * np.exp(-at * at) * reach
    frown = (canvas.aside - np.float32(7.0)) / np.float32(1.0)
    lines += np.float32(random.uniform(0.0, 0.18)) * np.exp(-frown * frown) * canvas.spot(7.0, 22.0, 9.0, 9.0)
    fold = (canvas.aside - np.float32(21.0) - (np.float32(-42.0) - canvas.up) * np.float32(0.42)) / np.float32(1.6)
    reach = ramp(canvas.up, -78.0, -66.0) * ramp(canvas.up, -36.0, -44.0)
    lines += np.float32(random.uniform(0.08, 0.22)) * np.exp(-fold * fold) * reach
    return lines
