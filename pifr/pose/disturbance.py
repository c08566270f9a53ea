"""Everything that makes a photograph unlike a rendering: colour, gamma, blur, noise, compression, things in the way."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from pifr.pose.config import AugmentationConfig
from pifr.pose.draws import chosen, uniform

_RED_GREEN_BLUE = (0.299, 0.587, 0.114)
_BLOCK = 8


def disturb(images: Tensor, config: AugmentationConfig, generator: torch.Generator) -> Tensor:
    """Hide parts of pictures, recolour, blur, roughen and compress them; each picture gets its own draw.

    Args:
        images: ``(B, 3, S, S)`` in [0, 1], S a multiple of 8.
        config: Strengths and probabilities.
        generator: A CPU generator.

    Returns:
        ``(B, 3, S, S)`` in [0, 1]; the input stays as it is.
    """
    images = _other_background(images, config.background, generator)
    images = _curtain(images, config.curtain, generator)
    images = _patch(images, config.patch, generator)
    images = _recolour(images, config, generator)
    images = _blur(images, config.blur, generator)
    strength = config.noise * ((uniform(images, 1, generator) + 1) / 2) ** 2
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    images = (images + noise * strength[:, :, None, None]).clamp(0, 1)
    return _compress(images, config.compression, generator)


def _places(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pixels' coordinates across ``(1, S)`` and down ``(S, 1)``, from -1 to 1."""
    side = images.shape[-1]
    steps = (torch.arange(side, device=images.device) + 0.5) / side * 2 - 1
    return steps[None, :], steps[:, None]


def _colours(images: Tensor, generator: torch.Generator) -> Tensor:
    return (uniform(images, 3, generator)[:, :, None, None] + 1) / 2


def _other_background(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    draws = uniform(images, 5, generator)[:, :, None, None]
    use, one_colour = chosen(images, probability, generator), chosen(images, 0.4, generator)
    across, down = _places(images)
    radius = 0.85 + 0.25 * draws[:, 0:2]
    inside = ((across - 0.2 * draws[:, 2:3]) / radius[:, :1]) ** 2 + ((down - 0.2 * draws[:, 3:4]) / radius[:, 1:]) ** 2
    weight = torch.sigmoid((inside - 1) * (6 + 20 * (draws[:, 4:] + 1)))  # a soft or a hard edge
    other = torch.where(one_colour, _colours(images, generator), images.roll(1, dims=0))
    return torch.where(use, images + weight * (other - images), images)


def _curtain(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    draws = uniform(images, 4, generator)[:, :, None, None]
    across, down = _places(images)
    angle = draws[:, 0:1] * math.pi
    depth = across * torch.cos(angle) + down * torch.sin(angle)  # from the face's middle to the hidden side
    along = down * torch.cos(angle) - across * torch.sin(angle)
    edge = 0.75 + 0.3 * draws[:, 1:2] + 0.06 * torch.sin(along * (6 + 5 * draws[:, 2:3]))
    streaks = 1 + 0.3 * torch.sin(along * (30 + 25 * draws[:, 3:4]) + 2 * depth)
    hair = (_colours(images, generator) ** 2 * streaks).clamp(0, 1)
    hidden = (depth > edge) & chosen(images, probability, generator)
    return torch.where(hidden, hair, images)


def _patch(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    draws = uniform(images, 4, generator)[:, :, None, None]
    across, down = _places(images)
    half = 0.2 + 0.12 * draws[:, 2:]
    hidden = ((across - draws[:, 0:1]).abs() < half[:, :1]) & ((down - draws[:, 1:2]).abs() < half[:, 1:])
    return torch.where(hidden & chosen(images, probability, generator), _colours(images, generator), images)


def _recolour(images: Tensor, config: AugmentationConfig, generator: torch.Generator) -> Tensor:
    draws = uniform(images, 7, generator)[:, :, None, None]
    images = images.clamp(1e-4, 1) ** torch.exp(draws[:, 0:1] * math.log(config.gamma))
    grey = (images * images.new_tensor(_RED_GREEN_BLUE)[:, None, None]).sum(1, keepdim=True)
    saturation = (draws[:, 1:2] + 1) / 2 * (1 + config.colour)
    saturation = torch.where(chosen(images, config.grey, generator), torch.zeros_like(saturation), saturation)
    images = grey + (images - grey) * saturation
    mean = grey.mean((2, 3), keepdim=True)
    images = mean + (images - mean) * (1 + config.colour * draws[:, 2:3])
    tint = torch.where(saturation > 0, 1 + config.colour / 3 * draws[:, 4:7], torch.ones_like(draws[:, 4:7]))
    return (images * tint * (1 + config.colour * draws[:, 3:4])).clamp(0, 1)


def _blur(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    which = chosen(images, probability, generator)
    coarse = chosen(images, 0.3, generator)
    side = images.shape[-1]
    half, third = (
        F.interpolate(F.interpolate(images, size=side // n, mode="area"), size=side, mode="bilinear") for n in (2, 3)
    )
    return torch.where(which, torch.where(coarse, third, half), images)


def _compress(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    use = chosen(images, probability, generator)
    coarseness = 0.01 * torch.exp(1.2 * uniform(images, 1, generator))[:, :, None, None]
    batch, channels, height, width = images.shape
    blocks = images.reshape(batch, channels, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).transpose(3, 4)
    cosines = _cosines().to(images.device)
    waves = cosines @ blocks @ cosines.T
    frequency = torch.arange(_BLOCK, device=images.device, dtype=images.dtype)
    step = coarseness[..., None, None] * (1 + frequency[:, None] + frequency)
    blocks = cosines.T @ ((waves / step).round() * step) @ cosines
    coded = blocks.transpose(3, 4).reshape(images.shape)
    return torch.where(use, coded.clamp(0, 1), images)


@cache
def _cosines() -> Tensor:
    """Return the orthonormal cosine transform ``(8, 8)``, one wave a row."""
    places, waves = torch.arange(_BLOCK) + 0.5, torch.arange(_BLOCK)
    matrix = torch.cos(math.pi / _BLOCK * waves[:, None] * places) * math.sqrt(2 / _BLOCK)
    matrix[0] /= math.sqrt(2)
    return matrix
