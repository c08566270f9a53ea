"""Identity and pose become a picture."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ipgan.appearance_flow import AppearanceFlow, Laid, Photograph
from ipgan.blocks import GAIN, EqualConv, EqualLinear, UpBlock, activate, channels_at, double
from ipgan.config import ModelConfig

_FIRST_SIDE = 8
_SKETCH_SIZE = 2048
"""Numbers sketched at each size above the first: 8 channels at 16 px, 2 at 32."""


class Generator(nn.Module):
    """Residual decoder (f, p) -> x.

    A learned 8 x 8 constant, moved by both codes, is doubled to the picture's side; a mapping of both codes styles
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
        sides = [side for side in (2**power for power in range(3, 20)) if side <= size_px]
        widths = [channels_at(side, config.generator_channel_base, config.channel_max) for side in sides]
        self.first_width = channels_at(2 * _FIRST_SIDE, config.generator_channel_base, config.channel_max)
        widths[0] = self.first_width
        self.identity_gain = config.identity_dim**0.5
        self.mapping = nn.ModuleList([EqualLinear(codes, style, gain=GAIN), EqualLinear(style, style, gain=GAIN)])
        self.first = EqualLinear(codes, self.first_width * _FIRST_SIDE**2)
        self.blocks = nn.ModuleList(
            UpBlock(inputs, outputs, style, side, _SKETCH_SIZE // side**2)
            for (inputs, outputs), side in zip(pairwise(widths), sides[1:], strict=True)
        )
        self.to_rgb = nn.ModuleList([EqualConv(width, 3, 3, gain=0.2) for width in widths[1:]])
        self.flow = AppearanceFlow(widths[-1], config.pose_dim) if config.appearance_flow else None

    def forward(
        self, identity: Tensor, pose: Tensor, dtype: torch.dtype = torch.float32,
        photograph: Photograph | None = None,
    ) -> Tensor:  # fmt: skip
        """Draw faces, with what the photographs show of them where there are any.

        Args:
            identity: ``(B, F)``, unit norm.
            pose: ``(B, P)``.
            dtype: Number format to compute in.
            photograph: ``B`` pictures of the same people; without them, or without ``model.appearance_flow``, faces
                are drawn from the codes alone.

        Returns:
            ``(B, 3, S, S)`` float32, about -1..1.
        """
        drawn, features = self.draw(identity, pose, dtype)
        if photograph is None or self.flow is None:
            return drawn
        laid: Laid = self.flow(drawn, features, photograph)
        return laid.faces

    def draw(
        self, identity: Tensor, pose: Tensor, dtype: torch.dtype = torch.float32, coarse: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Draw faces from codes alone.

        Args:
            identity: ``(B, F)``, unit norm.
            pose: ``(B, P)``.
            dtype: Number format to compute in.
            coarse: Leave the last and costliest size out and enlarge the one before.

        Returns:
            ``(B, 3, S, S)`` float32, about -1..1, and the last features, as large unless ``coarse``.
        """
        # A unit vector has entries of 1 / sqrt(F); pose codes have entries of about 1.
        style = codes = torch.cat([identity * self.identity_gain, pose], dim=1).to(dtype)
        for layer in self.mapping:
            style = activate(layer(style))
        x = self.first(codes).view(len(codes), _FIRST_SIDE, _FIRST_SIDE, self.first_width).permute(0, 3, 1, 2)
        image = torch.zeros(len(x), 3, _FIRST_SIDE, _FIRST_SIDE, device=x.device)
        for block, to_rgb in list(zip(self.blocks, self.to_rgb, strict=True))[: len(self.blocks) - coarse]:
            x = block(x, style)
            image = double(image) + to_rgb(x).float()
        return double(image) if coarse else image, x
