"""The registry of backbones and the one way to build them."""

from __future__ import annotations

from functools import partial
from typing import Protocol

import torch
from torch import nn

from pifr.backbones.config import BackboneConfig, DreamConfig
from pifr.backbones.dream import DreamBackbone
from pifr.backbones.timm_model import PREFIX, build_timm
from pifr.core.errors import ConfigError
from pifr.core.registry import Registry

SMALLEST_PX, LARGEST_PX, STRIDE_PX = 64, 224, 16


class BackboneBuilder(Protocol):
    """Builds a network ``(B, 3, S, S) -> (B, embedding_dim)``."""

    def __call__(self, size_px: int, embedding_dim: int, width: float, dropout: float) -> nn.Module:
        """Build it; the meaning of the arguments is that of :func:`create_backbone`."""


BACKBONES: Registry[BackboneBuilder] = Registry("backbone")


def create_backbone(
    name: str,
    size_px: int = 112,
    embedding_dim: int = 512,
    width: float = 1.0,
    dropout: float = 0.0,
    dream: DreamConfig | None = None,
) -> nn.Module:
    """Build a backbone in channels-last layout, with fresh weights.

    Args:
        name: One of :func:`list_backbones`, or ``timm:NAME`` for a network of timm, built without its weights.
        size_px: Side of the input, 64 to 224 and a multiple of 16.
        embedding_dim: Length D of the embedding.
        width: Factor on the channels of every layer; below 1 for small data or no GPU.
        dropout: Share of features dropped before the embedding layer.
        dream: Put a DREAM block on the embedding; the module is then a :class:`~pifr.backbones.dream.DreamBackbone`
            and takes yaw as well.

    Returns:
        A module ``(B, 3, S, S) float32 -> (B, D)``. The embedding is not normalised.

    Raises:
        ConfigError: If the name is unknown or a number is out of range.
    """
    build = partial(build_timm, name.removeprefix(PREFIX)) if name.startswith(PREFIX) else BACKBONES[name]
    if size_px % STRIDE_PX or not SMALLEST_PX <= size_px <= LARGEST_PX:
        raise ConfigError(
            f"backbones take pictures of {SMALLEST_PX} to {LARGEST_PX} px, a multiple of {STRIDE_PX}",
            where="size_px", found=size_px,
        )  # fmt: skip
    if embedding_dim < 2 or width <= 0 or not 0 <= dropout < 1:
        raise ConfigError(
            "a backbone needs embedding_dim >= 2, width > 0 and dropout in [0, 1)", where=name,
            found=f"embedding_dim={embedding_dim}, width={width}, dropout={dropout}",
        )  # fmt: skip
    network = build(size_px, embedding_dim, width, dropout).to(memory_format=torch.channels_last)
    return network if dream is None else DreamBackbone(network, embedding_dim, dream)


def build_backbone(shape: BackboneConfig, size_px: int) -> nn.Module:
    """Build the backbone of a recipe or checkpoint; see :func:`create_backbone`."""
    return create_backbone(shape.name, size_px, shape.embedding_dim, shape.width, shape.dropout, shape.dream)


def list_backbones() -> list[str]:
    """Return the names of all backbones of this package, sorted; those of timm come on top."""
    return list(BACKBONES)


def scaled_channels(channels: int, width: float) -> int:
    """Return ``channels * width`` rounded to a multiple of 8, at least 16.

    Fewer than 16 would not only be useless: torch 2.15 corrupts memory in the backward pass of a strided 1 x 1
    convolution of 8 channels-last channels on the CPU.
    """
    return max(16, round(channels * width / 8) * 8)
