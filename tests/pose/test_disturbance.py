from __future__ import annotations

import pytest
import torch

from pifr.core.seeds import torch_generator
from pifr.pose.config import AugmentationConfig
from pifr.pose.disturbance import disturb

OFF = {"colour": 0, "gamma": 1, "grey": 0, "blur": 0, "noise": 0, "compression": 0, "background": 0, "curtain": 0,
       "patch": 0}  # fmt: skip
ALWAYS = {"grey": 1.0, "blur": 1.0, "noise": 0.1, "compression": 1.0, "background": 1.0, "curtain": 1.0, "patch": 1.0}


def pictures(count: int = 12) -> torch.Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch_generator("pictures")) * 0.8 + 0.1


def test_grey_pictures_pass_unchanged_with_everything_off() -> None:
    # Saturation is drawn down to nothing in any case, so only grey pictures can be compared.
    grey = pictures()[:, :1].repeat(1, 3, 1, 1)
    assert torch.allclose(disturb(grey, AugmentationConfig(**OFF), torch_generator(0)), grey, atol=1e-5)


@pytest.mark.parametrize("name", list(ALWAYS))
def test_each_disturbance_changes_pictures_and_keeps_them_pictures(name: str) -> None:
    images = pictures()
    before = images.clone()
    without = disturb(images, AugmentationConfig(**OFF), torch_generator(0))
    after = disturb(images, AugmentationConfig(**OFF | {name: ALWAYS[name]}), torch_generator(0))
    assert (after - without).abs().flatten(1).amax(1).gt(0.02).float().mean() > 0.7
    assert after.min() >= 0
    assert after.max() <= 1
    assert torch.equal(images, before)


def test_the_generator_alone_decides() -> None:
    config = AugmentationConfig()
    first, again, other = (disturb(pictures(), config, torch_generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_grey_has_no_colour_left() -> None:
    images = disturb(pictures(), AugmentationConfig(**OFF | {"grey": 1.0}), torch_generator(0))
    assert (images - images[:, :1]).abs().max() < 1e-5


def test_compression_keeps_flat_pictures_flat() -> None:
    flat = torch.full((8, 3, 32, 32), 0.5)
    images = disturb(flat, AugmentationConfig(**OFF | {"compression": 1.0}), torch_generator(0))
    assert images.flatten(1).std(1).max() < 1e-5
    assert (images - 0.5).abs().max() < 0.02
