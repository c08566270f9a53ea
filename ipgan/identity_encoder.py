"""Who is it: a picture becomes a point on the unit sphere."""

from __future__ import annotations

from typing import NamedTuple

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
        self.trunk = Trunk(size_px, config.encoder_channel_base, config.channel_max)
        self.hidden = EqualLinear(self.trunk.outputs * 16, 2 * config.identity_dim, gain=GAIN)
        self.head = EqualLinear(2 * config.identity_dim, config.identity_dim)

    def forward(self, images: Tensor) -> Identity:
        """Encode ``(B, 3, S, S)``."""
        features = self.trunk(images)
        code = self.head(activate(self.hidden(features[-1].flatten(1))))
        return Identity(F.normalize(code.float(), dim=1), tuple(features[-3:-1]))
