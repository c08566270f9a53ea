"""A small residual network with two heads: distributions over yaw and over pitch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pifr.pose.bins import PITCH_BINS, YAW_BINS
from pifr.pose.config import NetworkConfig


class PoseNetwork(nn.Module):
    """Pictures to scores of yaw and pitch bins.

    Args:
        config: Input size and channels; the defaults make 0.88 million weights, 3.5 MB.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        first, *rest = config.channels
        self.stem = nn.Sequential(
            nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(first), nn.ReLU()
        )
        stages = []
        channels = first
        for width in rest:
            stages += [_Block(channels, width, stride=2), _Block(width, width)]
            channels = width
        self.stages = nn.Sequential(*stages)
        # The place of a feature tells as much of the pose as its kind, so the last map is not pooled to one cell.
        self.features = nn.Linear(channels * 4, channels)
        self.head = nn.Linear(channels, YAW_BINS.count + PITCH_BINS.count)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Score the bins.

        Args:
            images: ``(B, 3, S, S)``, channels last.

        Returns:
            ``(B, Y)`` and ``(B, P)`` logits of yaw and pitch bins.
        """
        maps = self.stages(self.stem(images))
        cells = F.adaptive_avg_pool2d(maps, 2).flatten(1)
        scores = self.head(F.relu(self.features(cells)))
        yaw, pitch = torch.split(scores, [YAW_BINS.count, PITCH_BINS.count], dim=1)
        return yaw, pitch


class _Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels_out)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride), nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of the new shape."""
        inner = F.relu(self.first_norm(self.first(maps)))
        return F.relu(self.second_norm(self.second(inner)) + self.shortcut(maps))
