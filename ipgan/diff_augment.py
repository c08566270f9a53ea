"""Differentiable augmentation of what the discriminator sees, so that it can't learn a small set by heart.

Real and generated pictures go through the same random changes and the gradient flows back through them (Zhao et al.,
"Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def augment_for_discriminator(images: Tensor, kinds: Sequence[str]) -> Tensor:
    """Change ``(B, 3, S, S)`` at random, each picture otherwise.

    Args:
        images: Pictures, about -1..1.
        kinds: Any of ``colour``, ``translation``, ``cutout``.
    """
    for kind in kinds:
        images = _KINDS[kind](images)
    return images


def _colour(images: Tensor) -> Tensor:
    brightness, saturation, contrast = torch.rand(3, len(images), 1, 1, 1, device=images.device)
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * (0.5 + saturation)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    return middle + (images - middle) * (0.75 + 0.5 * contrast) + 0.5 * (brightness - 0.5)


def _translation(images: Tensor, ratio: float = 0.125) -> Tensor:
    batch, _, height, width = images.shape
    reach = max(1, round(height * ratio))
    shift_y, shift_x = torch.randint(-reach, reach + 1, (2, batch, 1, 1), device=images.device)
    rows = torch.arange(height, device=images.device)[None, :, None] + shift_y
    columns = torch.arange(width, device=images.device)[None, None, :] + shift_x
    inside = ((rows >= 0) & (rows < height) & (columns >= 0) & (columns < width))[:, None]
    pictures = torch.arange(batch, device=images.device)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[pictures, rows.clamp(0, height - 1), columns.clamp(0, width - 1)]
    return moved.permute(0, 3, 1, 2) * inside


def _cutout(images: Tensor, ratio: float = 0.35) -> Tensor:
    batch, _, height, width = images.shape
    half = max(1, round(height * ratio / 2))
    centre_y = torch.randint(0, height, (batch, 1, 1, 1), device=images.device)
    centre_x = torch.randint(0, width, (batch, 1, 1, 1), device=images.device)
    rows = torch.arange(height, device=images.device)[None, None, :, None]
    columns = torch.arange(width, device=images.device)[None, None, None, :]
    hole = ((rows - centre_y).abs() < half) & ((columns - centre_x).abs() < half)
    return images * ~hole


_KINDS = {"colour": _colour, "translation": _translation, "cutout": _cutout}
