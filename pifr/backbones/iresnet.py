"""IResNet: the residual networks of the ArcFace paper, "improved" units with PReLU and a batch-normalised embedding.

References:
    J. Deng, J. Guo, N. Xue, S. Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR
    2019, section 3.1: units BN-Conv-BN-PReLU-Conv-BN and the head BN-Dropout-FC-BN. Units a stage as in the authors'
    recognition/arcface_torch/backbones/iresnet.py (github.com/deepinsight/insightface).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from pifr.backbones.registry import BACKBONES, STRIDE_PX, scaled_channels


class IResidualUnit(nn.Module):
    """BN - 3x3 - BN - PReLU - 3x3 (strided) - BN, added to the shortcut, with no activation after the sum."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, inputs, H, W)`` to ``(B, outputs, H / stride, W / stride)``."""
        total: Tensor = self.residual(features) + self.shortcut(features)
        return total


class IResNet(nn.Module):
    """An IResNet for square pictures.

    Args:
        units: Residual units in each of the four stages; (2, 2, 2, 2) is IResNet-18.
        size_px: Side of the input.
        embedding_dim: Length of the embedding.
        width: Factor on the channels 64, 128, 256, 512.
        dropout: Share of features dropped before the embedding layer.
    """

    def __init__(
        self, units: Sequence[int], size_px: int, embedding_dim: int, width: float = 1.0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        channels = [scaled_channels(count, width) for count in (64, 128, 256, 512)]
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels[0], 3, padding=1, bias=False), nn.BatchNorm2d(channels[0]), nn.PReLU(channels[0])
        )
        stages: list[nn.Module] = []
        inputs = channels[0]
        for outputs, count in zip(channels, units, strict=True):
            for index in range(count):
                stages.append(IResidualUnit(inputs, outputs, stride=2 if index == 0 else 1))
                inputs = outputs
        self.stages = nn.Sequential(*stages)
        side = size_px // STRIDE_PX
        self.norm = nn.BatchNorm2d(inputs)
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Linear(inputs * side * side, embedding_dim)
        # No learned scale: a margin loss sees directions only, and a scale of zero would switch a feature off.
        self.embedding_norm = nn.BatchNorm1d(embedding_dim, affine=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.1)

    def forward(self, images: Tensor) -> Tensor:
        """Embed ``(B, 3, S, S)`` pictures as ``(B, D)``."""
        features = self.dropout(self.norm(self.stages(self.stem(images)))).flatten(1)
        embedding: Tensor = self.embedding_norm(self.embedding(features))
        return embedding


@BACKBONES.register("ir18")
def ir18(size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
    """Build IResNet-18."""
    return IResNet((2, 2, 2, 2), size_px, embedding_dim, width, dropout)


@BACKBONES.register("ir34")
def ir34(size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
    """Build IResNet-34."""
    return IResNet((3, 4, 6, 3), size_px, embedding_dim, width, dropout)


@BACKBONES.register("ir50")
def ir50(size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
    """Build IResNet-50, as insightface counts it: basic units throughout, not bottlenecks."""
    return IResNet((3, 4, 14, 3), size_px, embedding_dim, width, dropout)


@BACKBONES.register("ir100")
def ir100(size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
    """Build IResNet-100."""
    return IResNet((3, 13, 30, 3), size_px, embedding_dim, width, dropout)
