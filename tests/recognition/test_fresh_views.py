"""A view drawn in the training step is the picture that would have been written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ipgan import Rotator
from pifr.data.pixels import open_pixels_once
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.on_the_fly import open_on_the_fly
from pifr.recognition.sections import OnTheFlyConfig
from pifr.recognition.training_data import read_training_data

Recipe = Callable[..., RecognizerConfig]


def test_a_view_on_the_fly_is_the_view_on_disk(recipe: Recipe, generator: Path) -> None:
    data = read_training_data(recipe())
    store = open_pixels_once(data.train, 64)
    rotator = Rotator.load(generator, "cpu")
    views = open_on_the_fly(OnTheFlyConfig(generator="x"), data, store, rotator, None)
    yaws = np.array([-75.0, 10.0])
    drawn = views.images(views.fresh(np.arange(2), yaws, store))
    written = rotator.generate(rotator.identity_codes(store[views.rows[:2]]), rotator.poses_for_yaws(yaws))
    pixels = (drawn * 127.5 + 127.5).permute(0, 2, 3, 1).numpy()
    # Two batch sizes may round differently in the last bit: one grey level at most.
    assert np.abs(pixels - written).max() <= 1.001
    np.testing.assert_allclose(pixels, pixels.round(), atol=1e-3)
