"""Who is it: a picture becomes a point on the unit sphere."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ipgan.blocks import GAIN, EqualLinear, Trunk, activate
from ipgan.config import ModelConfig


class Identity(NamedTuple):
    """What the encoder says of a batch.

    Attributes:
        code: ``(B, F)``, unit norm, float32.
        features: Feature maps of the two last but one scales, for the identity loss on features.
    """

    code: Tensor
    features: tuple[Tensor, ...]


class IdentityEncoder(nn.Module):
    """Residual encoder x -> f.

    The last 4 x 4 features are flattened, not pooled: where something is belongs to who someone is.

    Args:
        config: Sizes.
        size_px: Side of the pictures.
    """

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__()
        self.trunk = Trunk(size_px, config.encoder_channel_base, config.channel_max, normalise=True)
        self.hidden = EqualLinear(self.trunk.outputs * 16, 2 * config.identity_dim, gain=GAIN)
        self.head = EqualLinear(2 * config.identity_dim, config.identity_dim)

    def forward(self, images: Tensor) -> Identity:
        """Encode ``(B, 3, S, S)``."""
        features = self.trunk(images)
        code = self.head(self._summary(features))
        return Identity(F.normalize(code.float(), dim=1), tuple(features[-3:-1]))

    @torch.no_grad()
    def centre(self, images: Tensor) -> None:
        """Shift and scale the head so that the codes of ``(B, 3, S, S)`` have mean 0 and spread 1 before normalising.

        Fresh networks give all faces nearly one code (cosine 0.7 and more), and learning starts slowly: what tells
        people apart is then a small part of a large vector. Called once, before the first step (data-dependent
        initialisation, Kraehenbuehl et al., ICLR 2016).
        """
        codes = self.head(self._summary(self.trunk(images)))
        mean = codes.mean(dim=0)
        spread = (codes - mean).square().mean().sqrt().clamp_min(1e-6)
        self.head.weight.div_(spread)
        self.head.bias.copy_((self.head.bias - mean) / spread)

    def _summary(self, features: list[Tensor]) -> Tensor:
        return activate(self.hidden(features[-1].flatten(1)))
