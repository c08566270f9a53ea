from __future__ import annotations

import numpy as np
import pytest

from pifr.twin.sensor import expose, mean_of_samples

EVEN = (1.0, 1.0, 1.0)


def grey(level: float, size: int = 64) -> np.ndarray:
    return np.full((size, size, 3), level, dtype=np.float32)


def test_mean_of_samples_by_hand() -> None:
    values = np.arange(16, dtype=np.float32).reshape(4, 4, 1)
    # The upper left pixel is the mean of 0, 1, 4 and 5.
    assert mean_of_samples(values, 2)[..., 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert np.array_equal(mean_of_samples(values, 1), values)


@pytest.mark.parametrize(("linear", "byte"), [(0.0, 0), (0.05, 63), (0.2140, 127), (0.5, 188)])
def test_linear_light_becomes_srgb(linear: float, byte: int) -> None:
    # IEC 61966-2-1: 0.2140 linear is 0.5 coded, 0.5 linear is 0.7354 coded.
    middle = expose(grey(linear), EVEN, np.random.default_rng(0))[24:40, 24:40]
    assert middle.mean() == pytest.approx(byte, abs=2)


def test_bright_light_rolls_off_and_never_wraps() -> None:
    levels = [expose(grey(level), EVEN, np.random.default_rng(0))[24:40, 24:40].mean() for level in (0.6, 1, 2, 50)]
    assert levels == sorted(levels)
    assert levels[1] < 250
    assert levels[3] <= 255


def test_corners_are_darker_and_gains_colour_the_picture() -> None:
    pixels = expose(grey(0.3), (1.1, 1.0, 0.9), np.random.default_rng(0)).astype(float)
    assert pixels[:8, :8].mean() < pixels[28:36, 28:36].mean()
    red, green, blue = pixels.mean(axis=(0, 1))
    assert red > green > blue


def test_noise_is_drawn_from_the_generator_alone() -> None:
    first, same = (expose(grey(0.3), EVEN, np.random.default_rng(1)) for _ in range(2))
    other = expose(grey(0.3), EVEN, np.random.default_rng(2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    assert 0.2 < first[24:40, 24:40, 1].std() < 4
