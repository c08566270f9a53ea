from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pifr.core.errors import DataError
from pifr.data.spec import InputSpec
from pifr.data.tensors import to_input, to_pixels

TINY = InputSpec(size_px=2)


def test_scale_layout_and_type() -> None:
    pixels = np.zeros((1, 2, 2, 3), dtype=np.uint8)
    pixels[0, 0, 1] = (255, 0, 51)
    images = to_input(pixels, TINY)
    assert images.shape == (1, 3, 2, 2)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    # (255 - 127.5) / 127.5 = 1, (0 - 127.5) / 127.5 = -1, (51 - 127.5) / 127.5 = -0.6
    assert torch.allclose(images[0, :, 0, 1], torch.tensor([1.0, -1.0, -0.6]))


def test_bgr_models_get_blue_first() -> None:
    pixels = np.zeros((1, 2, 2, 3), dtype=np.uint8)
    pixels[..., 0] = 255  # red
    images = to_input(pixels, InputSpec(size_px=2, channels="BGR"))
    assert images[0, 2, 0, 0] == 1
    assert images[0, 0, 0, 0] == -1


@given(st.sampled_from(["RGB", "BGR"]), st.integers(0, 2**32 - 1))
def test_there_and_back(channels: str, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (2, 2, 2, 3), dtype=np.uint8)
    spec = InputSpec(size_px=2, channels=channels, mean=100.0, std=64.0)  # type: ignore[arg-type]
    assert np.array_equal(to_pixels(to_input(pixels, spec), spec), pixels)
    assert np.array_equal(to_pixels(to_input(torch.from_numpy(pixels), spec), spec), pixels)


def test_values_beyond_the_range_are_clipped() -> None:
    images = torch.tensor([-3.0, 3.0]).repeat(6).reshape(1, 3, 2, 2)
    assert set(to_pixels(images, TINY).ravel()) == {0, 255}


def test_the_callers_tensor_is_left_alone() -> None:
    pixels = torch.full((1, 2, 2, 3), 7, dtype=torch.uint8)
    to_input(pixels, TINY)
    assert pixels.eq(7).all()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 3, 3, 3), np.uint8),
        np.zeros((2, 2, 3), np.uint8),
        np.zeros((1, 2, 2, 3), np.float32),
        np.zeros((1, 3, 2, 2), np.uint8),
    ],
)
def test_other_shapes_and_types_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(DataError, match="2 x 2 x 3"):
        to_input(pixels, TINY)
