"""From the light that falls into a camera to the bytes of a picture: lens, sensor, tone curve, sRGB."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from pifr.twin.raycast import Float32

_SHOT_NOISE, _READ_NOISE = 0.00012, 0.0015
_VIGNETTE = 0.10
_BLUR = 0.08
_KNEE = 0.65
_LEVELS = 1 << 14


def mean_of_samples(values: Float32, samples_per_side: int) -> Float32:
    """Average a supersampled picture `(n S, n S, C)` to `(S, S, C)`."""
    n = samples_per_side
    rows = sum((values[k::n] for k in range(1, n)), values[0::n].copy())
    columns = sum((rows[:, k::n] for k in range(1, n)), rows[:, 0::n].copy())
    return columns * np.float32(1 / n**2)


def expose(light: Float32, gains: tuple[float, float, float], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Take the picture.

    Args:
        light: `(S, S, 3)` linear light, 1 is white.
        gains: Colour balance of the camera.
        rng: For the sensor's noise.

    Returns:
        `(S, S, 3)` uint8 sRGB.
    """
    image = _blur(light) * (_vignette(len(light)) * np.array(gains, dtype=np.float32))
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image += noise * np.sqrt(np.float32(_SHOT_NOISE) * image + np.float32(_READ_NOISE**2))
    return _developed()[(np.clip(image, 0, 4) * np.float32((_LEVELS - 1) / 4)).astype(np.intp)]


def _blur(image: Float32) -> Float32:
    """Soften as a lens does: each neighbour gives a little."""
    for axis in (0, 1):
        padded = np.pad(image, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        before, after = (padded[:-2], padded[2:]) if axis == 0 else (padded[:, :-2], padded[:, 2:])
        image = image * np.float32(1 - 2 * _BLUR) + (before + after) * np.float32(_BLUR)
    return image


@cache
def _vignette(size_px: int) -> Float32:
    steps = (np.arange(size_px) + 0.5) / size_px * 2 - 1
    radius = steps[:, None] ** 2 + steps[None, :] ** 2
    return (1 - _VIGNETTE * radius / 2)[..., None].astype(np.float32)


@cache
def _developed() -> npt.NDArray[np.uint8]:
    """Return the sRGB byte of linear light 0..4 in even steps: a shoulder instead of clipped white, then the gamma."""
    linear = np.linspace(0, 4, _LEVELS)
    soft = _KNEE + (1 - _KNEE) * np.tanh((linear - _KNEE) / (1 - _KNEE))
    linear = np.where(linear < _KNEE, linear, soft)
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (coded * 255).round().astype(np.uint8)
