"""Is it real, and is it this person: a picture and an identity code become one score."""

from __future__ import annotations

from torch import Tensor, nn

from ipgan.blocks import GAIN, EqualLinear, MinibatchStd, Trunk, activate
from ipgan.config import ModelConfig


class Discriminator(nn.Module):
    """Residual discriminator with an identity projection (Miyato and Koyama, ICLR 2018).

    The projection compares the picture with an identity *code*, not a class, so it needs no list of people and holds
    for people never seen.

    Args:
        config: Sizes.
        size_px: Side of the pictures.
    """

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__()
        self.trunk = Trunk(size_px, config.discriminator_channel_base, config.channel_max, False)
        self.spread = MinibatchStd()
        self.hidden = EqualLinear((self.trunk.outputs + 1) * 16, 128, gain=GAIN)
        self.realness = EqualLinear(128, 1)
        self.projection = EqualLinear(config.identity_dim, 128)
        self.projection_scale = (config.identity_dim / 128) ** 0.5

    def forward(self, images: Tensor, identity: Tensor) -> Tensor:
        """Score ``(B, 3, S, S)`` against identity codes ``(B, F)``: ``(B,)`` float32, higher is more real."""
        hidden = activate(self.hidden(self.spread(self.trunk(images)[-1]).flatten(1))).float()
        match = (hidden * self.projection(identity.detach())).sum(dim=1) * self.projection_scale
        return self.realness(hidden)[:, 0] + match
