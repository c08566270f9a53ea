"""How does it look at us: a picture becomes a small Gaussian over pose codes."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ipgan.blocks import GAIN, EqualLinear, Trunk, activate
from ipgan.config import ModelConfig


class Pose(NamedTuple):
    """The posterior of a batch.

    Attributes:
        mean: ``(B, P)``, float32; the pose code of a picture at inference.
        log_variance: ``(B, P)``, float32.
    """

    mean: Tensor
    log_variance: Tensor

    def sample(self) -> Tensor:
        """Draw a code ``(B, P)`` by the reparametrisation trick (Kingma and Welling, 2014)."""
        return self.mean + torch.randn_like(self.mean) * torch.exp(0.5 * self.log_variance)


class PoseEncoder(nn.Module):
    """Small residual encoder x -> (mu, log sigma^2), the attribute encoder of Bao et al. (CVPR 2018).

    Args:
        config: Sizes.
        size_px: Side of the pictures.
    """

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__()
        self.trunk = Trunk(size_px, config.pose_channel_base, config.channel_max, normalise=True)
        self.hidden = EqualLinear(self.trunk.outputs * 16, 128, gain=GAIN)
        self.head = EqualLinear(128, 2 * config.pose_dim)
        self.yaw_head = EqualLinear(config.pose_dim, 1)

    def forward(self, images: Tensor) -> Pose:
        """Encode ``(B, 3, S, S)``."""
        hidden = activate(self.hidden(self.trunk(images)[-1].flatten(1)))
        mean, log_variance = self.head(hidden).float().chunk(2, dim=1)
        return Pose(mean, log_variance.clamp(-8, 4))

    def yaw_of(self, pose_mean: Tensor) -> Tensor:
        """Read the yaw ``(B,)``, in units of 90 degrees, off codes ``(B, P)`` by a linear map."""
        return self.yaw_head(pose_mean)[:, 0]
