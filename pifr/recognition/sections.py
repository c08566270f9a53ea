"""Sections of a recogniser's recipe that concern generated pictures, the class centres and given weights."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from pifr.core.config import Config


class OnTheFlyConfig(Config):
    """Views generated inside the training step: no disk, a fresh pose each time."""

    generator: str
    """Run folder of ipgan, one of its checkpoints, or what Rotator.save wrote."""
    sources_per_person: int = Field(default=3, ge=1)
    """Real pictures of each person to turn: the most frontal first; each counts as one generated picture."""
    max_source_yaw_degrees: float = Field(default=30.0, ge=0, le=180)
    """Pictures known to be turned farther than this are no sources."""
    yaws: Literal["uniform", "normal"] = "uniform"
    """Distribution of the yaw drawn: uniform up to the largest, or normal around the front, cut there."""
    largest_yaw_degrees: float = Field(default=90.0, gt=0, le=180)
    """Largest turn to either side."""
    std_degrees: float = Field(default=45.0, gt=0)
    """Standard deviation of the normal distribution before it is cut."""
    bin_degrees: float = Field(default=15.0, gt=0)
    """Width of the bins in which the yaw is drawn and accepted."""
    min_cosine: float | None = Field(default=None, ge=-1, le=1)
    """Draw no yaw bin in which a source's own view is less alike to the source, by the judge; null draws all."""
    judge: str | None = None
    """The embedder that measures this, once for each source and bin; null takes fine_tuning.initial."""

    @model_validator(mode="after")
    def _bins_fit(self) -> Self:
        if self.bin_degrees > self.largest_yaw_degrees:
            raise ValueError("bin_degrees is wider than largest_yaw_degrees")
        return self


class MixingConfig(Config):
    """How generated pictures count; their share of a batch is batch.generated_share."""

    generated_weight: float = Field(default=1.0, gt=0)
    """Weight of a generated picture in the loss; a real one has 1, and the mean weight is brought back to 1."""
    separate_statistics: bool = False
    """Give generated pictures batch norms of their own, left out of the finished network (AdvProp)."""
    curriculum_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the steps over which generated pictures turn from nearly frontal to all the way; 0 is off."""
    curriculum_start_degrees: float = Field(default=15.0, ge=0)
    """Largest turn of generated pictures at the first step."""


class HeadConfig(Config):
    """Where the class centres live."""

    sharded: bool = False
    """Each process holds its part of the people (cosface and arcface); for very many of them."""
    sampled_share: float = Field(default=1.0, gt=0, le=1)
    """Share of a process's centres compared with in a step, those of the batch's people always (Partial FC)."""

    @model_validator(mode="after")
    def _only_shards_sample(self) -> Self:
        if self.sampled_share < 1 and not self.sharded:
            raise ValueError("sampled_share needs sharded=true")
        return self


class FineTuningConfig(Config):
    """Starting from given weights, and what of the backbone stays as it was."""

    initial: str | None = None
    """A recogniser's run folder, or weights of the same network: FILE.safetensors, or a torch file of plain tensors."""
    strict: bool = True
    """Refuse weights with missing or left-over names; false takes what has the right name and shape, and says it."""
    freeze: Literal["none", "backbone"] | int = "none"
    """none, backbone (only the class centres learn), or N: all layers that read maps larger than side / 2^N."""

    @model_validator(mode="after")
    def _freezes_what_is_there(self) -> Self:
        if isinstance(self.freeze, int) and not 0 < self.freeze < 16:
            raise ValueError("freeze is none, backbone or a number from 1 on")
        if self.freeze != "none" and self.initial is None:
            raise ValueError("freeze needs initial: random weights would never learn")
        return self
