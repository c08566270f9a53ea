"""What to generate, from which pictures, and how it is checked."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from pifr.core.config import Config

TargetKind = Literal["uniform", "like", "imitate", "yaws"]


class AcceptanceConfig(Config):
    """The checks a picture must pass; null switches one off. What was measured is recorded either way."""

    fmr: float | None = Field(default=1e-3, gt=0, lt=1)
    """False match rate at which the threshold of the identity check is set, on impostor pairs among the sources.
    Used where there is a judge and no ``min_identity_cosine``."""
    min_identity_cosine: float | None = Field(default=None, ge=-1, le=1)
    """An explicit threshold instead of ``fmr``."""
    max_yaw_error_degrees: float | None = Field(default=20.0, gt=0)
    """Largest distance of the yaw that pifr.pose measures to the one asked for."""
    min_sharpness: float | None = Field(default=0.1, gt=0)
    """Least sharpness (see pifr.augment.quality) as a share of the source's."""
    min_difference: float | None = Field(default=2.0, gt=0)
    """A picture nearer than this to a source or an accepted one of the same person is a duplicate; RMS grey levels."""
    retries: int = Field(default=2, ge=0)
    """A rejected view is drawn again this often, each time with another pose code near the one asked for."""
    retry_spread: float = Field(default=0.15, gt=0)
    """Spread of that draw as a share of the code's length; of a method that takes degrees, in units of 30 degrees."""


class AugmentConfig(Config):
    """One augmentation: whom to show in which poses, from which sources, and what is kept."""

    target: TargetKind = "uniform"
    """Yaw histogram to reach: uniform over the method's range, like a manifest's, the poses of a manifest's pictures
    (imitate), or the listed yaws."""
    yaws_degrees: tuple[float, ...] = ()
    """With target yaws: each listed yaw once a source; positive turns the nose to the picture's right."""
    per_person: int | None = Field(None, ge=1)
    """Pictures that each person's histogram is brought up to, real ones included; with yaws, imitate without known
    yaws: most views generated. Null: one a bin for uniform, 12 for like and imitate, all for yaws."""
    limit: int | None = Field(None, ge=1)
    """Most views planned over all people; everybody's first before anybody's second."""
    bin_degrees: float = Field(15.0, gt=0, le=90)
    """Width of a bin of the histogram; bins are centred on multiples of it."""
    count_real: bool = True
    """Real pictures of a person count towards the histogram, so that only what is missing is made."""
    sources_per_person: int = Field(1, ge=1)
    """Different sources (or fused groups) of each person that are turned, best first."""
    fuse: int = Field(1, ge=1)
    """Pictures whose identity codes are averaged to one source."""
    max_source_yaw_degrees: float = Field(30.0, ge=0, le=180)
    """Pictures known to be turned farther than this are no sources; people with none are listed."""
    acceptance: AcceptanceConfig = AcceptanceConfig()
    """Checks."""
    batch_size: int = Field(64, ge=1)
    """Views worked on together, in whole people: what a shard takes as one, and what a kill loses at most."""
    picture_format: Literal["png", "jpg"] = "png"
    """png keeps every bit; jpg (quality 92, no chroma subsampling) is about four times smaller."""
    shard_megabytes: float | None = Field(None, gt=0)
    """Pack pictures into tar files of about this size, in the webdataset layout, instead of folders."""
    seed: int = 0
    """Seed of every draw."""

    @model_validator(mode="before")
    @classmethod
    def _listed_yaws_are_the_target(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("yaws_degrees") and "target" not in values:
            return {**values, "target": "yaws"}
        return values

    @model_validator(mode="after")
    def _one_way_to_pose(self) -> Self:
        if (self.target == "yaws") != bool(self.yaws_degrees):
            raise ValueError(f"target {self.target!r} and yaws_degrees {list(self.yaws_degrees)} contradict each other")
        if len(set(self.yaws_degrees)) < len(self.yaws_degrees):
            raise ValueError(f"yaws_degrees names a view twice: {list(self.yaws_degrees)}")
        return self

    @property
    def needs_reference(self) -> bool:
        """Whether the target is a manifest's."""
        return self.target in ("like", "imitate")
