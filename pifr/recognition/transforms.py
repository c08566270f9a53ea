"""Random changes of whole batches on tensors: each picture gets its own draw, all draws come from one generator."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from pifr.recognition.config import TransformConfig

_RED_GREEN_BLUE = (0.299, 0.587, 0.114)
_MOST_ERASED, _LEAST_ERASED = 0.5, 0.25


@dataclass(frozen=True)
class PartDraws:
    """The draws of some pictures of a batch: what they would get if the whole batch were changed at once.

    Attributes:
        generator: A CPU generator, in the same state for every part.
        places: ``(B,)`` int64 places of the pictures in the whole batch.
        total: Pictures in the whole batch.
    """

    generator: torch.Generator
    places: Tensor
    total: int


def transform_batch(images: Tensor, config: TransformConfig, generator: torch.Generator | PartDraws) -> Tensor:
    """Flip, shift, scale, turn, recolour, blur and partly hide pictures.

    Args:
        images: ``(B, 3, S, S)`` centred on zero, channels last.
        config: Strengths and probabilities.
        generator: A CPU generator, so that the draws are the same on every device, or a part of its draws.

    Returns:
        ``(B, 3, S, S)``; the input stays as it is.
    """
    images = _move(images, config, generator)
    images = _recolour(images, config, generator)
    images = _blur(images, config, generator)
    return _erase(images, config, generator)


def _uniform(images: Tensor, columns: int, generator: torch.Generator | PartDraws) -> Tensor:
    """Return ``(B, columns)`` numbers in [-1, 1) on the pictures' device."""
    if isinstance(generator, PartDraws):
        draws = torch.rand(generator.total, columns, generator=generator.generator)[generator.places] * 2 - 1
    else:
        draws = torch.rand(len(images), columns, generator=generator) * 2 - 1
    return draws.to(images.device, non_blocking=True)


def _chosen(images: Tensor, probability: float, generator: torch.Generator | PartDraws) -> Tensor:
    """Return ``(B, 1, 1, 1)`` bool, each true with ``probability``."""
    return ((_uniform(images, 1, generator) + 1) / 2 < probability)[:, :, None, None]


def _move(images: Tensor, config: TransformConfig, generator: torch.Generator | PartDraws) -> Tensor:
    """Mirror, shift, scale and turn in one bilinear resampling; the border is mirrored."""
    draws = _uniform(images, 5, generator)
    mirror = torch.where((draws[:, 0] + 1) / 2 < config.flip, -1.0, 1.0)
    if not (config.shift or config.scale or config.rotation_degrees):
        return torch.where((mirror < 0)[:, None, None, None], images.flip(-1), images)
    angle = draws[:, 1] * math.radians(config.rotation_degrees)
    zoom = 1 + draws[:, 2] * config.scale
    shift = draws[:, 3:] * config.shift * 2  # grid coordinates run from -1 to 1
    cosine, sine = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    rows = torch.stack([mirror * cosine, -sine, shift[:, 0], mirror * sine, cosine, shift[:, 1]], dim=1)
    grid = F.affine_grid(rows.view(-1, 2, 3), list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return moved.contiguous(memory_format=torch.channels_last)


def _recolour(images: Tensor, config: TransformConfig, generator: torch.Generator | PartDraws) -> Tensor:
    """Scale saturation around grey, contrast around each picture's mean, then brightness around black."""
    draws = _uniform(images, 3, generator)[:, :, None, None, None]
    strengths = (config.saturation, config.contrast, config.brightness)
    saturation, contrast, brightness = (1 + draws[:, i] * strength for i, strength in enumerate(strengths))
    grey = (images * images.new_tensor(_RED_GREEN_BLUE)[:, None, None]).sum(1, keepdim=True)
    images = grey + (images - grey) * saturation
    mean = grey.mean((2, 3), keepdim=True)
    images = mean + (images - mean) * contrast
    # Pixel values are centred: black is -1.
    return ((images + 1) * brightness - 1).clamp(-1, 1)


def _blur(images: Tensor, config: TransformConfig, generator: torch.Generator | PartDraws) -> Tensor:
    chosen = _chosen(images, config.blur, generator)
    if not config.blur:
        return images
    small = F.avg_pool2d(images, 2)
    blurred = F.interpolate(small, size=images.shape[-2:], mode="bilinear", align_corners=False)
    return torch.where(chosen, blurred, images)


def _erase(images: Tensor, config: TransformConfig, generator: torch.Generator | PartDraws) -> Tensor:
    chosen = _chosen(images, config.erase, generator)
    draws = (_uniform(images, 3, generator) + 1) / 2
    if not config.erase:
        return images
    side = _LEAST_ERASED + draws[:, 0] * (_MOST_ERASED - _LEAST_ERASED)
    start = draws[:, 1:] * (1 - side[:, None])
    places = (torch.arange(images.shape[-1], device=images.device) + 0.5) / images.shape[-1]
    inside = (places >= start[:, :, None]) & (places < (start + side[:, None])[:, :, None])
    square = inside[:, 0, :, None] & inside[:, 1, None, :]
    return torch.where(chosen & square[:, None], torch.zeros_like(images), images)
