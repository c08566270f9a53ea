"""Eyeballs: sclera, iris and pupil on a patch seen straight on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin import atlas
from pifr.twin.noise import ramp, smooth_noise
from pifr.twin.person import Build

FloatMap = npt.NDArray[np.float32]

_IRISES = {
    "dark brown": (0.018, 0.009, 0.005),
    "brown": (0.060, 0.026, 0.010),
    "hazel": (0.110, 0.070, 0.022),
    "green": (0.090, 0.110, 0.045),
    "grey": (0.170, 0.200, 0.210),
    "blue": (0.090, 0.170, 0.280),
}


@dataclass(frozen=True)
class EyeTraits:
    """A person's eyes.

    Attributes:
        colour: Name of the iris colour.
        iris: `(3,)` linear albedo.
        radius: Of the iris, as a share of the ball's.
        pupil: Radius of the pupil, as a share of the iris.
        veins: Redness of the white, 0 to 1.
        yellow: Yellowness of the white, 0 to 1.
    """

    colour: str
    iris: npt.NDArray[np.float32]
    radius: float
    pupil: float
    veins: float
    yellow: float


def draw_eyes(seed: int, person: int, build: Build) -> EyeTraits:
    """Draw the traits of a person's eyes: light irises come with Caucasian ancestry."""
    random = numpy_generator(seed, "twin", person, "eyes")
    dark = np.array([0.62, 0.33, 0.05, 0.0, 0.0, 0.0])
    light = np.array([0.10, 0.26, 0.16, 0.12, 0.11, 0.25])
    share = build.ancestry[2] * float(np.interp(build.melanin, [0.2, 0.45], [1.0, 0.1]))
    chances = dark * (1.0 - share) + light * share
    name = list(_IRISES)[int(random.choice(len(_IRISES), p=chances / chances.sum()))]
    iris = np.array(_IRISES[name]) * np.exp(random.normal(0.0, 0.18, 3))
    return EyeTraits(
        colour=name,
        iris=iris.astype(np.float32),
        radius=float(random.uniform(0.42, 0.465)),
        pupil=float(random.uniform(0.30, 0.46)),
        veins=float(random.uniform(0.0, 0.7)),
        yellow=float(np.clip(0.25 + 0.5 * build.melanin + random.normal(0.0, 0.15), 0.0, 1.0)),
    )


def paint_eye(seed: int, person: int, traits: EyeTraits) -> FloatMap:
    """Paint the eye patch.

    Returns:
        `(rows, columns, 4)` linear albedo and gloss.
    """
    random = numpy_generator(seed, "twin", person, "eye paint")
    rows, columns = atlas.EYE.rows, atlas.EYE.columns
    down, across = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    radius = np.hypot(across, down).astype(np.float32)
    white = np.array([0.62, 0.585, 0.56], dtype=np.float32) * np.array([1.0, 1.0, 1.0 - 0.22 * traits.yellow])
    red = np.float32(traits.veins) * (ramp(radius, 0.5, 1.0) + 0.25 * smooth_noise(random, (rows, columns), (24, 24)))
    colour = white * (1.0 - np.clip(red, 0.0, 1.0)[..., None] * np.array([0.05, 0.25, 0.25]))
    # The ball curves away under the lids: its white is never evenly lit.
    colour = colour * (1.0 - 0.35 * ramp(radius, 0.45, 1.0))[..., None]
    spokes = _spokes(random, across, down)
    within = radius / np.float32(traits.radius)
    tone = (0.80 + 0.35 * spokes) * (1.0 - 0.62 * ramp(within, 0.72, 1.0)) * (1.0 + 0.5 * ramp(within, 0.75, 0.40))
    iris = traits.iris * tone[..., None]
    colour = colour + ramp(within, 1.06, 0.96)[..., None] * (iris - colour)
    pupil = ramp(within, traits.pupil + 0.04, traits.pupil - 0.04)
    colour = colour + pupil[..., None] * (np.float32(0.004) - colour)
    gloss = np.ones((rows, columns, 1), dtype=np.float32)
    return np.concatenate([np.clip(colour, 0.003, 0.9), gloss], axis=-1).astype(np.float32)


def _spokes(random: np.random.Generator, across: npt.NDArray[np.float64], down: npt.NDArray[np.float64]) -> FloatMap:
    """Return the radial streaks of an iris, about -1 to 1."""
    turn = np.arctan2(down, across)
    total = np.zeros_like(turn)
    for count in (7, 13, 22, 31):
        total += 0.35 * np.sin(count * turn + random.uniform(0.0, 2.0 * np.pi))
    return total.astype(np.float32)
