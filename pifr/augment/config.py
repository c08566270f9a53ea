"""What to generate, from which pictures, and how it is checked."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from pifr.core.config import Config


class AugmentConfig(Config):
    """One augmentation: poses by degrees or by pictures to imitate, sources, and the check of what came out."""

    yaws_degrees: tuple[float, ...] = ()
    """Views to make of every source picture, in degrees; positive turns the nose to the picture's right."""
    imitate_per_source: int = Field(0, ge=0)
    """How many pictures of the pose manifest each source imitates; drawn with the seed, without repeats."""
    sources_per_person: int = Field(1, ge=1)
    """How many pictures of each person are turned: the most frontal first, where the yaw is known."""
    max_source_yaw_degrees: float = Field(30.0, ge=0, le=180)
    """Pictures known to be turned farther than this are no sources; people with none are listed."""
    min_identity_cosine: float | None = Field(None, ge=-1, le=1)
    """Reject a view whose cosine to its own source, by the judge, is below this; None keeps all and records it."""
    batch_size: int = Field(32, ge=1)
    """Views generated at once."""
    picture_format: str = Field("png", pattern="^(png|jpg)$")
    """png keeps every bit; jpg (quality 92, no chroma subsampling) is about six times smaller."""
    seed: int = 0
    """Seed of the draw of pose pictures."""

    @model_validator(mode="after")
    def _one_way_to_pose(self) -> Self:
        if bool(self.yaws_degrees) == bool(self.imitate_per_source):
            raise ValueError("name either yaws_degrees or imitate_per_source, one of the two")
        if len(set(self.yaws_degrees)) < len(self.yaws_degrees):
            raise ValueError(f"yaws_degrees names a view twice: {list(self.yaws_degrees)}")
        return self
