"""Sizes of the baseline's features and projection."""

from __future__ import annotations

from pydantic import Field, model_validator

from pifr.core.config import Config


class FeatureConfig(Config):
    """Where and at which scales patterns are counted.

    The paper cuts patches of 40 px out of faces of 300, 212, 150, 106 and 75 px, so that a patch covers 0.13 to 0.53
    of the face. The same shares are kept here at the smaller pictures of today's crops.
    """

    sizes_px: tuple[int, ...] = Field(default=(128, 90, 64, 45, 32), min_length=1)
    """Sides of the picture at each scale; the first is what the embedder takes."""
    cell_px: int = Field(default=8, ge=2)
    """Side of a cell, one histogram each."""
    cells: int = Field(default=2, ge=1)
    """Cells along each side of a patch; the paper has 4, which makes four times the numbers."""

    @model_validator(mode="after")
    def _sizes_hold_a_patch(self) -> FeatureConfig:
        if min(self.sizes_px) < self.cell_px * self.cells:
            raise ValueError(f"a patch of {self.cell_px * self.cells} px does not fit into {min(self.sizes_px)} px")
        if self.sizes_px[0] != max(self.sizes_px):
            raise ValueError("sizes_px starts with the largest")
        return self


class ProjectionConfig(Config):
    """How the features are made short."""

    pca_dims: int = Field(default=400, ge=1)
    """Principal components kept; fewer where the pictures are fewer."""
    lda: bool = True
    """Turn to the directions that tell people apart; without it the components are only whitened."""
    max_pictures: int = Field(default=8000, ge=4)
    """Pictures learned from, drawn evenly over people where there are more; 8,000 take about 1 GB of memory."""
    seed: int = 0
    """Of that draw and of the randomised PCA."""
