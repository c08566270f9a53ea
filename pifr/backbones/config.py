"""The shape of a backbone, as recipes and checkpoints state it."""

from __future__ import annotations

from pydantic import Field

from pifr.core.config import Config


class BackboneConfig(Config):
    """The network."""

    name: str = "ir18"
    """One of the names that pifr.backbones.list_backbones() returns."""
    embedding_dim: int = Field(default=128, ge=2)
    """Length of the embedding."""
    width: float = Field(default=0.25, gt=0)
    """Factor on all channel counts; the quarter suits two cores and hundreds of people, 1 is the paper's network."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of features dropped before the embedding layer."""
