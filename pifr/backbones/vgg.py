"""VGG-16 as in VGG-Face: thirteen 3 x 3 convolutions, two wide layers, one embedding layer.

References:
    O. Parkhi, A. Vedaldi, A. Zisserman, "Deep Face Recognition", BMVC 2015, table 3 (network A, configuration D of
    K. Simonyan and A. Zisserman, ICLR 2015). With batch normalisation after each convolution: S. Ioffe, C. Szegedy,
    ICML 2015; it learns where the plain network, which the authors grew from a shallower one, stands still.
"""

from __future__ import annotations

from torch import Tensor, nn

from pifr.backbones.registry import BACKBONES, scaled_channels

_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and convolutions of each block; a maximum over 2 x 2 ends it."""
_WIDE = 4096


class VGG16(nn.Module):
    """VGG-16 whose first wide layer takes the last map of any input size: 7 x 7 at 224 px, 2 x 2 at 64 px.

    Args:
        size_px: Side of the input; 224 in the paper.
        embedding_dim: Length of the embedding, in place of the paper's classes.
        width: Factor on all channel counts, the wide layers included.
        dropout: Share of features dropped in both wide layers; 0.5 in the paper.
        batch_norm: Normalise after each convolution.
    """

    def __init__(
        self, size_px: int, embedding_dim: int, width: float = 1.0, dropout: float = 0.0, batch_norm: bool = False
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs, count in _BLOCKS:
            outputs = scaled_channels(outputs, width)
            for _ in range(count):
                layers.append(nn.Conv2d(inputs, outputs, 3, padding=1))
                layers += [nn.BatchNorm2d(outputs)] if batch_norm else []
                layers.append(nn.ReLU(inplace=True))
                inputs = outputs
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        side, wide = size_px // 2 ** len(_BLOCKS), scaled_channels(_WIDE, width)
        self.wide = nn.Sequential(
            nn.Linear(inputs * side * side, wide), nn.ReLU(inplace=True), nn.Dropout(dropout),
            nn.Linear(wide, wide), nn.ReLU(inplace=True), nn.Dropout(dropout),
        )  # fmt: skip
        self.embedding = nn.Linear(wide, embedding_dim)
        self.embedding_norm = nn.BatchNorm1d(embedding_dim, affine=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Embed ``(B, 3, S, S)`` pictures as ``(B, D)``."""
        features = self.wide(self.features(images).flatten(1))
        embedding: Tensor = self.embedding_norm(self.embedding(features))
        return embedding


@BACKBONES.register("vgg16")
def vgg16(size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
    """Build :class:`VGG16` as published."""
    return VGG16(size_px, embedding_dim, width, dropout)


@BACKBONES.register("vgg16bn")
def vgg16bn(size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
    """Build :class:`VGG16` with batch normalisation."""
    return VGG16(size_px, embedding_dim, width, dropout, batch_norm=True)
