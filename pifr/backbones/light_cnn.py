"""Light CNN: small networks whose activation, Max-Feature-Map, lets two feature maps compete.

References:
    X. Wu, R. He, Z. Sun, T. Tan, "A Light CNN for Deep Face Representation with Noisy Labels", IEEE TIFS 13(11),
    2018: equation 4 (MFM 2/1) and table II (the nine-layer network).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pifr.backbones.registry import BACKBONES, STRIDE_PX, scaled_channels


class MaxFeatureMap(nn.Module):
    """Max-Feature-Map 2/1: the larger of channel k and channel k + C, ``(B, 2C, ...) -> (B, C, ...)`` (equation 4)."""

    def forward(self, features: Tensor) -> Tensor:
        """Let the two halves of the channels compete."""
        first, second = features.chunk(2, dim=1)
        return torch.maximum(first, second)


def _convolution(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, 2 * outputs, kernel, padding=kernel // 2), MaxFeatureMap()]


def _group(inputs: int, outputs: int) -> list[nn.Module]:
    """Return "network in network" (1 x 1) followed by 3 x 3, both with MFM."""
    return [*_convolution(inputs, inputs, 1), *_convolution(inputs, outputs, 3)]


class LightCNN9(nn.Module):
    """The nine-layer Light CNN of table II, on RGB input.

    Two departures: the embedding passes a batch normalisation without scale, as ArcFace networks do, since margin
    losses learn badly on features that are not centred; and colour takes the place of grey.

    Args:
        size_px: Side of the input.
        embedding_dim: Length of the embedding; 256 in the paper.
        width: Factor on all channel counts.
        dropout: Share of features dropped before the embedding; 0.7 in the authors' training.
    """

    def __init__(self, size_px: int, embedding_dim: int, width: float = 1.0, dropout: float = 0.0) -> None:
        super().__init__()
        c48, c96, c192, c128 = (scaled_channels(channels, width) for channels in (48, 96, 192, 128))
        self.features = nn.Sequential(
            *_convolution(3, c48, 5), nn.MaxPool2d(2),
            *_group(c48, c96), nn.MaxPool2d(2),
            *_group(c96, c192), nn.MaxPool2d(2),
            *_group(c192, c128), *_group(c128, c128), nn.MaxPool2d(2),
        )  # fmt: skip
        side = size_px // STRIDE_PX
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Linear(c128 * side * side, 2 * embedding_dim)
        self.compete = MaxFeatureMap()
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
    """Build :class:`LightCNN9`."""
    return LightCNN9(size_px, embedding_dim, width, dropout)
