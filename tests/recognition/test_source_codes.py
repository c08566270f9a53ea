"""Codes and cosines of the sources are computed once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ipgan import Rotator
from pifr.data.pixels import open_pixels_once
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.on_the_fly import open_on_the_fly
from pifr.recognition.sections import OnTheFlyConfig
from pifr.recognition.training_data import read_training_data

Recipe = Callable[..., RecognizerConfig]


def test_codes_and_cosines_are_computed_once(
    recipe: Recipe, generator: Path, judge: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIFR_CACHE", str(tmp_path))
    data = read_training_data(recipe())
    store = open_pixels_once(data.train, 64)
    rotator, wanted = Rotator.load(generator, "cpu"), OnTheFlyConfig(generator="x", min_cosine=-1.0, bin_degrees=45)
    first = open_on_the_fly(wanted, data, store, rotator, judge)
    assert judge.calls == 5  # the sources and four bins of views
    monkeypatch.setattr(rotator, "identity_codes", lambda pixels: pytest.fail("computed again"))
    again = open_on_the_fly(wanted, data, store, rotator, judge)
    assert judge.calls == 5
    assert torch.equal(first.codes, again.codes)
    assert first.codes.shape == (24, 16)
    np.testing.assert_allclose(first.seen_from, rotator.pose_codes(store[first.rows]), atol=1e-4)
