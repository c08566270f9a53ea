"""Random changes: switched off they do nothing, switched on they do what their names say."""

from __future__ import annotations

import pytest
import torch

from pifr.recognition.config import TransformConfig
from pifr.recognition.transforms import transform_batch

OFF = {
    "flip": 0.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "shift": 0.0, "scale": 0.0,
    "rotation_degrees": 0.0, "blur": 0.0, "erase": 0.0,
}  # fmt: skip


def pictures(count: int = 6, side: int = 16) -> torch.Tensor:
    images = torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return images.contiguous(memory_format=torch.channels_last)


def changed(images: torch.Tensor, seed: int = 0, **settings: float) -> torch.Tensor:
    config = TransformConfig.model_validate({**OFF, **settings})
    return transform_batch(images, config, torch.Generator().manual_seed(seed))


def test_switched_off_nothing_changes() -> None:
    torch.testing.assert_close(changed(pictures()), pictures())


def test_a_sure_flip_mirrors_every_picture() -> None:
    torch.testing.assert_close(changed(pictures(), flip=1.0), pictures().flip(-1))
    # The same through the resampling path: a tiny turn makes it run.
    resampled = changed(pictures(), flip=1.0, rotation_degrees=1e-4)
    torch.testing.assert_close(resampled, pictures().flip(-1), atol=1e-3, rtol=0)


def test_a_probable_flip_mirrors_some() -> None:
    images = pictures(64)
    mirrored = (changed(images, flip=0.5) - images).abs().amax((1, 2, 3)) > 1e-3  # rounding apart
    assert 16 < int(mirrored.sum()) < 48


def test_a_shift_moves_by_no_more_than_asked() -> None:
    images = torch.full((32, 3, 64, 64), -1.0)
    images[:, :, 30:34, 30:34] = 1.0
    moved = changed(images, shift=0.1)
    columns = torch.arange(64.0)
    weight = (moved[:, 0] + 1).sum(1)
    centre = (weight * columns).sum(1) / weight.sum(1)
    assert (centre - 31.5).abs().max() <= 6.4 + 0.1
    assert (centre - 31.5).abs().max() > 2


def test_brightness_keeps_black_black() -> None:
    black = torch.full((4, 3, 8, 8), -1.0)
    torch.testing.assert_close(changed(black, brightness=0.5), black)


def test_saturation_leaves_grey_alone_and_contrast_keeps_the_mean() -> None:
    grey = pictures()[:, :1].expand(-1, 3, -1, -1).clone() * 0.5
    torch.testing.assert_close(changed(grey, saturation=1.0), grey, atol=1e-3, rtol=0)
    contrasted = changed(grey, contrast=0.5)
    torch.testing.assert_close(contrasted.mean((1, 2, 3)), grey.mean((1, 2, 3)), atol=1e-3, rtol=0)
    assert not torch.allclose(contrasted, grey, atol=1e-2)


def test_blur_loses_detail_but_not_brightness() -> None:
    images = pictures()
    blurred = changed(images, blur=1.0)
    assert blurred.std() < 0.7 * images.std()
    torch.testing.assert_close(blurred.mean(), images.mean(), atol=0.02, rtol=0)


def test_erasing_hides_a_square_of_a_quarter_to_a_half_of_the_side() -> None:
    images = torch.ones(32, 3, 32, 32)
    share = (changed(images, erase=1.0) == 0).float().mean((1, 2, 3))
    assert share.min() >= 0.2**2
    assert share.max() <= 0.55**2


@pytest.mark.parametrize("setting", ["flip", "brightness", "rotation_degrees", "blur", "erase"])
def test_the_generator_decides_all(setting: str) -> None:
    images = pictures(16)
    settings = {setting: 0.5}
    assert torch.equal(changed(images, 3, **settings), changed(images, 3, **settings))
    assert not torch.equal(changed(images, 3, **settings), changed(images, 4, **settings))


def test_the_result_stays_in_range_and_channels_last() -> None:
    result = transform_batch(pictures(), TransformConfig(), torch.Generator().manual_seed(0))
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert result.min() >= -1
    assert result.max() <= 1
