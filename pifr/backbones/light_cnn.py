"""Light CNN: small networks whose activation, Max-Feature-Map, lets two feature maps compete.

References:
    X. Wu, R. He, Z. Sun, T. Tan, "A Light CNN for Deep Face Representation with Noisy Labels", IEEE TIFS 13(11),
    2018: equation 4 (MFM 2/1), table II (nine layers) and table III (29 layers, residual blocks). The second version
    of the 29 layers is the authors' release (github.com/AlfredXiangWu/LightCNN, light_cnn.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pifr.backbones.registry import BACKBONES, STRIDE_PX, scaled_channels

_BLOCKS_29 = (1, 2, 3, 4)
"""Residual blocks before each group of the 29 layers: 1 + 2 x 10 + 2 x 4 convolutions."""


class MaxFeatureMap(nn.Module):
    """Max-Feature-Map 2/1: the larger of channel k and channel k + C, ``(B, 2C, ...) -> (B, C, ...)`` (equation 4)."""

    def forward(self, features: Tensor) -> Tensor:
        """Let the two halves of the channels compete."""
        first, second = features.chunk(2, dim=1)
        return torch.maximum(first, second)


class MaxPlusMeanPool(nn.Module):
    """Halves the map: the largest of each 2 x 2 cells plus their mean, as the second version pools."""

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, C, H, W)`` to ``(B, C, H / 2, W / 2)``."""
        return F.max_pool2d(features, 2) + F.avg_pool2d(features, 2)


class MFMResidual(nn.Module):
    """Two 3 x 3 convolutions with MFM beside a shortcut, with no activation after the sum (table III)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(*_convolution(channels, channels, 3), *_convolution(channels, channels, 3))

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, C, H, W)`` to the same shape."""
        total: Tensor = features + self.residual(features)
        return total


def _convolution(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, 2 * outputs, kernel, padding=kernel // 2), MaxFeatureMap()]


def _group(inputs: int, outputs: int) -> list[nn.Module]:
    """Return "network in network" (1 x 1) followed by 3 x 3, both with MFM."""
    return [*_convolution(inputs, inputs, 1), *_convolution(inputs, outputs, 3)]


class LightCNN(nn.Module):
    """A Light CNN on RGB input.

    Two departures: the embedding passes a batch normalisation without scale, as ArcFace networks do, since margin
    losses learn badly on features that are not centred; and colour takes the place of grey.

    Args:
        size_px: Side of the input.
        embedding_dim: Length of the embedding; 256 in the paper.
        width: Factor on all channel counts.
        dropout: Share of features dropped before the embedding; 0.7 in the authors' training.
        blocks: Residual blocks before each of the four groups; zeros make the nine layers.
        pool: What halves the maps.
        competing_embedding: Whether the embedding is the larger of two linear layers, as in the paper, or one layer.
    """

    def __init__(
        self,
        size_px: int,
        embedding_dim: int,
        width: float = 1.0,
        dropout: float = 0.0,
        blocks: Sequence[int] = (0, 0, 0, 0),
        pool: Callable[[], nn.Module] = lambda: nn.MaxPool2d(2),
        competing_embedding: bool = True,
    ) -> None:
        super().__init__()
        c48, c96, c192, c128 = (scaled_channels(channels, width) for channels in (48, 96, 192, 128))
        first, second, third, fourth = (
            [MFMResidual(channels) for _ in range(count)]
            for channels, count in zip((c48, c96, c192, c128), blocks, strict=True)
        )
        self.features = nn.Sequential(
            *_convolution(3, c48, 5), pool(),
            *first, *_group(c48, c96), pool(),
            *second, *_group(c96, c192), pool(),
            *third, *_group(c192, c128), *fourth, *_group(c128, c128), pool(),
        )  # fmt: skip
        side = size_px // STRIDE_PX
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Linear(c128 * side * side, embedding_dim * (2 if competing_embedding else 1))
        self.compete: nn.Module = MaxFeatureMap() if competing_embedding else nn.Identity()
        self.norm = nn.BatchNorm1d(embedding_dim, affine=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                # The larger of two zero-mean maps has about the variance ReLU lets through, doubled: gain 1.
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Embed ``(B, 3, S, S)`` pictures as ``(B, D)``."""
        features = self.dropout(self.features(images).flatten(1))
        embedding: Tensor = self.norm(self.compete(self.embedding(features)))
        return embedding


@BACKBONES.register("lightcnn9")
def lightcnn9(size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
    """Build the nine layers of table II."""
    return LightCNN(size_px, embedding_dim, width, dropout)


@BACKBONES.register("lightcnn29")
def lightcnn29(size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
    """Build the 29 layers of table III."""
    return LightCNN(size_px, embedding_dim, width, dropout, _BLOCKS_29)


@BACKBONES.register("lightcnn29v2")
def lightcnn29v2(size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
    """Build the authors' second version: maximum plus mean pooling, and one linear embedding layer."""
    return LightCNN(size_px, embedding_dim, width, dropout, _BLOCKS_29, MaxPlusMeanPool, competing_embedding=False)
