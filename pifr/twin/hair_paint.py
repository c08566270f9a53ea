"""The look of hair: strands on the hair patch, roots and stubble on the scalp."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pifr.core.seeds import numpy_generator
from pifr.twin import atlas
from pifr.twin.canvas import Canvas
from pifr.twin.hair_colour import HairColour
from pifr.twin.hair_traits import HairTraits
from pifr.twin.noise import ramp, smooth_noise

FloatMap = npt.NDArray[np.float32]


def paint_strands(seed: int, person: int, traits: HairTraits, colour: HairColour) -> FloatMap:
    """Paint the hair patch: strands run down it.

    Returns:
        `(rows, columns, 4)` linear albedo and gloss.
    """
    random = numpy_generator(seed, "twin", person, "hair paint")
    rows, columns = atlas.HAIR.rows, atlas.HAIR.columns
    streaks = smooth_noise(random, (rows, columns), (3, 60)) + np.float32(0.8) * smooth_noise(
        random, (rows, columns), (6, 128)
    )
    grey = np.clip(
        np.float32(colour.grey) + np.float32(0.35 * colour.grey * (1 - colour.grey)) * streaks[..., None], 0.0, 1.0
    )
    albedo = colour.pigment * (1 - grey) + np.float32(0.42) * grey
    down = np.linspace(0.0, 1.0, rows, dtype=np.float32)[:, None]
    tone = np.float32(0.30 * traits.streaks) * streaks + np.float32(0.25) * (down - np.float32(0.4))
    albedo = albedo * np.exp(tone)[..., None]
    gloss = np.clip(np.float32(traits.gloss) * (1.0 + 0.3 * streaks), 0.0, 1.0)
    return np.concatenate([np.clip(albedo, 0.003, 0.8), gloss[..., None]], axis=-1).astype(np.float32)


def paint_roots(canvas: Canvas, skin: FloatMap, seed: int, person: int, traits: HairTraits, colour: HairColour) -> None:
    """Paint the scalp under the hair over `skin`, in place; a shaved head shows where hair would grow."""
    random = numpy_generator(seed, "twin", person, "root paint")
    ragged = np.float32(1.3) * smooth_noise(random, canvas.up.shape, (70, 120))
    inside = traits.hairline(canvas.crown_turn).astype(np.float32) - canvas.crown_angle + ragged
    beyond = canvas.crown_angle - traits.bald_until(canvas.crown_turn).astype(np.float32) + ragged
    cover = ramp(inside, -1.0, 4.5) * (canvas.up > -75.0) * (np.float32(1.0) - canvas.ears)
    if traits.style.name == "horseshoe":
        cover = cover * ramp(beyond, -2.0, 8.0)
    strength = np.float32({"shaved": 0.22, "buzz": 0.88}.get(traits.style.name, 0.97))
    speckle = np.float32(1.0) + np.float32(0.10) * random.standard_normal(canvas.up.shape).astype(np.float32)
    cover = np.clip(cover * strength * speckle, 0.0, 0.99)[..., None]
    skin[..., :3] += cover * (colour.mean - skin[..., :3])
    skin[..., 3] *= np.float32(1.0) - np.float32(0.5) * cover[..., 0]
