"""The shape of a backbone, as recipes and checkpoints state it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pifr.core.config import Config

Gate = Literal["paper", "code"]
"""Formulas of how far DREAM's mapping opens."""


class DreamConfig(Config):
    """A residual mapping of the embedding, opened by yaw; see :mod:`pifr.backbones.dream`."""

    gate: Gate = "paper"
    """How far it opens at a yaw: the paper's formula, or the steeper one of the authors' code."""
    yaw: Literal["manifest", "estimate"] = "estimate"
    """Where yaw comes from: estimated from the picture, or the manifest's (estimated where that has none)."""


class BackboneConfig(Config):
    """The network."""

    name: str = "ir18"
    """One of the names that pifr.backbones.list_backbones() returns, or timm:NAME."""
    embedding_dim: int = Field(default=128, ge=2)
    """Length of the embedding."""
    width: float = Field(default=0.25, gt=0)
    """Factor on all channel counts; the quarter suits two cores and hundreds of people, 1 is the paper's network."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of features dropped before the embedding layer."""
    dream: DreamConfig | None = None
    """Residual mapping gated by yaw; null for none."""
