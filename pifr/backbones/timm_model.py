"""Any network of the timm library as a backbone, with this package's embedding layer on its pooled features."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from pifr.core.errors import ConfigError, near_names, require_extra

PREFIX = "timm:"
"""What a name begins with."""


class TimmBackbone(nn.Module):
    """A timm network without its classifier, then BN - Dropout - FC - BN as in IResNet's head.

    Args:
        features: ``(B, 3, S, S) -> (B, C)`` pooled features.
        channels: C.
        embedding_dim: Length of the embedding.
        dropout: Share of features dropped before the embedding layer.
    """

    def __init__(self, features: nn.Module, channels: int, embedding_dim: int, dropout: float) -> None:
        super().__init__()
        self.features = features
        self.norm = nn.BatchNorm1d(channels)
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Linear(channels, embedding_dim)
        self.embedding_norm = nn.BatchNorm1d(embedding_dim, affine=False)

    def forward(self, images: Tensor) -> Tensor:
        """Embed ``(B, 3, S, S)`` pictures as ``(B, D)``."""
        features = self.dropout(self.norm(self.features(images)))
        embedding: Tensor = self.embedding_norm(self.embedding(features))
        return embedding


def build_timm(name: str, size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
    """Build timm's network ``name`` with fresh weights; nothing is downloaded.

    Networks with a fixed grid of patches are built for ``size_px``.

    Args:
        name: timm's name, without the prefix.
        size_px: Side of the input.
        embedding_dim: Length of the embedding.
        width: Must be 1: timm's names say the width themselves.
        dropout: Share of features dropped before the embedding layer.

    Raises:
        ConfigError: If timm has no such network, it can't take pictures of this size, or a width is asked for.
        DependencyError: If timm is not installed.
    """
    timm: Any = require_extra("timm", "timm", f"the backbone {PREFIX}{name}")
    if not timm.is_model(name):
        cure = near_names(name, timm.list_models(f"{name[:3]}*") or timm.list_models("resnet*"))
        raise ConfigError(f"timm has no network {name!r}", where="backbone.name", cure=cure)
    if width != 1:
        raise ConfigError(
            f"{PREFIX}{name} has a width of its own", where="backbone.width", found=width, cure="set it to 1"
        )
    fixed = bool(timm.get_pretrained_cfg(name, allow_unregistered=True).fixed_input_size)
    try:
        features = timm.create_model(name, pretrained=False, num_classes=0, **({"img_size": size_px} if fixed else {}))
    except (AssertionError, RuntimeError, ValueError, TypeError) as error:
        raise ConfigError(
            f"{PREFIX}{name} can't be built for {size_px} px", where="backbone.name",
            found=str(error).partition("\n")[0] or type(error).__name__,
        ) from error  # fmt: skip
    channels = int(getattr(features, "head_hidden_size", None) or features.num_features)
    return TimmBackbone(features, channels, embedding_dim, dropout)
