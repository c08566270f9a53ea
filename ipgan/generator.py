"""Identity and pose become a picture."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ipgan.blocks import GAIN, EqualConv, EqualLinear, Styled, UpBlock, activate, channels_at, double
from ipgan.config import ModelConfig


class Generator(nn.Module):
    """Residual decoder (f, p) -> x.

    A learned 4 x 4 constant, moved by both codes, is doubled to the picture's side; a mapping of both codes styles
    every convolution. Each size adds its own detail to the enlarged picture of the size before, so the face at large
    is learned first (Karras et al., CVPR 2020, section 4.1, output skips).

    Args:
        config: Sizes.
        size_px: Side of the pictures.
    """

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__()
        codes = config.identity_dim + config.pose_dim
        style = config.style_dim
        sides = [2**power for power in range(2, size_px.bit_length())]
        widths = [channels_at(side, config.generator_channel_base, config.channel_max) for side in sides]
        self.identity_gain = config.identity_dim**0.5
        self.mapping = nn.ModuleList([EqualLinear(codes, style, gain=GAIN), EqualLinear(style, style, gain=GAIN)])
        self.constant = nn.Parameter(torch.randn(widths[0], 4, 4))
        self.moved = EqualLinear(style, widths[0] * 16)
        self.first = Styled(widths[0], widths[0], style)
        self.blocks = nn.ModuleList([UpBlock(a, b, style) for a, b in pairwise(widths)])
        self.to_rgb = nn.ModuleList([EqualConv(width, 3, 3, gain=0.2) for width in widths[1:]])

    def forward(
        self, identity: Tensor, pose: Tensor, dtype: torch.dtype = torch.float32, coarse: bool = False
    ) -> Tensor:
        """Draw faces.

        Args:
            identity: ``(B, F)``, unit norm.
            pose: ``(B, P)``.
            dtype: Number format to compute in.
            coarse: Leave the last and costliest size out and enlarge the one before.

        Returns:
            ``(B, 3, S, S)`` float32, about -1..1.
        """
        # A unit vector has entries of 1 / sqrt(F); pose codes have entries of about 1.
        style = torch.cat([identity * self.identity_gain, pose], dim=1).to(dtype)
        for layer in self.mapping:
            style = activate(layer(style))
        x = self.moved(style).view(len(style), *self.constant.shape) + self.constant.to(dtype)
        x = self.first(x.contiguous(memory_format=torch.channels_last), style)
        image = torch.zeros(len(x), 3, 4, 4, device=x.device)
        for block, to_rgb in list(zip(self.blocks, self.to_rgb, strict=True))[: len(self.blocks) - coarse]:
            x = block(x, style)
            image = double(image) + to_rgb(x).float()
        return double(image) if coarse else image
