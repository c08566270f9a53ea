"""New people out of known ones, by deforming all views of a head alike.

Stretch a head in depth and width by s(y), a function of height alone, and move its features up and down by g(y): seen
from any yaw, orthographically and turning about the picture's middle, the picture becomes x -> s(y) x, y -> g(y). So
one warp, applied to source and true view alike, gives two views of one new head that is nobody's. The same holds for
a change of colour, and for the mirror image, whose yaw has the other sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Warp:
    """One warp a picture.

    Attributes:
        flip: ``(B,)`` 1 or -1.
        shape: ``(B, 5)`` coefficients of s and g.
        gain: ``(B, 3)`` factor on each colour.
        shift: ``(B, 3)`` added to each colour.
    """

    flip: Tensor
    shape: Tensor
    gain: Tensor
    shift: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        """Warp ``(B, 3, S, S)`` in -1..1; the identity warp returns the pixels as they are."""
        batch, _, height, width = images.shape
        y = _centres(height, images)[None, :, None]
        x = _centres(width, images)[None, None, :]
        height_scale, bend, width_scale, taper, waist = self.shape.T[:, :, None, None]
        source_y = y * (1 + height_scale) + bend * torch.cos(0.5 * math.pi * y)
        stretch = 1 + width_scale + taper * y + waist * torch.cos(math.pi * y)
        source_x = x * stretch * self.flip[:, None, None]
        grid = torch.stack([source_x.expand(batch, height, width), source_y.expand(batch, height, width)], dim=3)
        warped = F.grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False)
        coloured = torch.addcmul(self.shift[:, :, None, None], warped, self.gain[:, :, None, None])
        return coloured.clamp(-1, 1).contiguous(memory_format=torch.channels_last)


def draw_warp(warped: Tensor, strength: float, colour: float) -> Warp:
    """Draw warps from torch's global generator.

    Args:
        warped: ``(B,)`` bool, which pictures are changed at all.
        strength: How far heads are stretched; 0.1 is by up to a tenth.
        colour: How far colours change.
    """
    batch, device = len(warped), warped.device
    on = warped.float()[:, None]

    def uniform(columns: int) -> Tensor:
        return (torch.rand(batch, columns, device=device) * 2 - 1) * on

    sizes = torch.tensor([1.0, 0.7, 1.0, 0.5, 0.5], device=device)
    light, tint, offset = uniform(1), uniform(3), uniform(1)
    return Warp(
        flip=torch.ones(batch, device=device),
        shape=uniform(5) * sizes * strength,
        gain=1 + colour * (light + 0.5 * tint),
        shift=(0.5 * colour * (offset + 0.5 * uniform(3))),
    )


def draw_flip(batch: int, flip: bool, device: torch.device) -> Tensor:
    """Return ``(B,)`` of 1 and, for half of the pictures where ``flip``, -1."""
    return 1.0 - 2.0 * (torch.rand(batch, device=device) < 0.5).float() * float(flip)


def _centres(size: int, like: Tensor) -> Tensor:
    return (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) / size * 2 - 1
