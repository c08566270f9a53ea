"""MobileFaceNet: a million weights, for phones and small machines.

References:
    S. Chen, Y. Liu, X. Gao, Z. Han, "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on
    Mobile Devices", CCBR 2018: table 1 (layers), section 3.2 (global depthwise convolution in place of the mean).
"""

from __future__ import annotations

from torch import Tensor, nn

from pifr.backbones.registry import BACKBONES, STRIDE_PX, scaled_channels

_STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""Rows of table 1: expansion t, channels c, bottlenecks n, stride s of the first."""


def _norm_convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


class Bottleneck(nn.Module):
    """1 x 1 up, 3 x 3 depthwise, 1 x 1 down without activation; a shortcut where shapes allow (section 3.2)."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.residual = nn.Sequential(
            *_norm_convolution(inputs, inner, 1), nn.PReLU(inner),
            *_norm_convolution(inner, inner, 3, stride, groups=inner), nn.PReLU(inner),
            *_norm_convolution(inner, outputs, 1),
        )  # fmt: skip
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, inputs, H, W)`` to ``(B, outputs, H / stride, W / stride)``."""
        inner: Tensor = self.residual(features)
        return features + inner if self.shortcut else inner


class MobileFaceNet(nn.Module):
    """MobileFaceNet of table 1; its global convolution takes the side of the last map, 7 at 112 px.

    The last batch normalisation has no scale, as in this package's other backbones.

    Args:
        size_px: Side of the input; 112 in the paper.
        embedding_dim: Length of the embedding; 128 in the paper.
        width: Factor on all channel counts.
        dropout: Share of features dropped before the embedding; none in the paper.
    """

    def __init__(self, size_px: int, embedding_dim: int, width: float = 1.0, dropout: float = 0.0) -> None:
        super().__init__()
        channels, last = scaled_channels(64, width), scaled_channels(512, width)
        layers: list[nn.Module] = [
            *_norm_convolution(3, channels, 3, stride=2), nn.PReLU(channels),
            *_norm_convolution(channels, channels, 3, groups=channels), nn.PReLU(channels),
        ]  # fmt: skip
        for expansion, outputs, count, stride in _STAGES:
            outputs = scaled_channels(outputs, width)
            for index in range(count):
                layers.append(Bottleneck(channels, outputs, expansion, stride if index == 0 else 1))
                channels = outputs
        layers += [*_norm_convolution(channels, last, 1), nn.PReLU(last)]
        self.features = nn.Sequential(*layers)
        side = size_px // STRIDE_PX
        self.global_convolution = nn.Sequential(
            nn.Conv2d(last, last, side, groups=last, bias=False), nn.BatchNorm2d(last)
        )
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Linear(last, embedding_dim, bias=False)
        self.embedding_norm = nn.BatchNorm1d(embedding_dim, affine=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, images: Tensor) -> Tensor:
        """Embed ``(B, 3, S, S)`` pictures as ``(B, D)``."""
        features = self.global_convolution(self.features(images)).flatten(1)
        embedding: Tensor = self.embedding_norm(self.embedding(self.dropout(features)))
        return embedding


@BACKBONES.register("mobilefacenet")
def mobilefacenet(size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
    """Build :class:`MobileFaceNet`."""
    return MobileFaceNet(size_px, embedding_dim, width, dropout)
