"""The recipe of a chain: one story from pictures to report."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from pifr.augment.config import AugmentConfig
from pifr.core.config import Config

FRONTAL = "frontal only"
GENERATED = "with generated views"
TRUE_VIEWS = "with true views"


class Pictures(Config):
    """Where the pictures come from, and how they become squares."""

    manifest: str | None = None
    """A manifest of pictures on disk; relative paths start at the folder the command runs in."""
    twin: dict[str, Any] | None = None
    """Or: render the Multi-PIE twin with these settings (see pifr data twin --help)."""
    template: str | None = None
    """Align to this template first (see pifr data align --help); null uses the pictures as they are."""
    size_px: int = Field(64, ge=32)
    """Side of the aligned pictures."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.manifest is None) == (self.twin is None):
            raise ValueError("name either manifest or twin, one of the two")
        return self


class Split(Config):
    """Who is who. Parts hold different people, drawn with the seed."""

    parts: dict[str, int | float]
    """People in each part, as counts or shares: train, val, test, and optionally teachers."""
    seed: int = 0
    """Seed of the draw."""

    @model_validator(mode="after")
    def _known_parts(self) -> Self:
        unknown = set(self.parts) - {"teachers", "train", "val", "test"}
        missing = {"train", "val", "test"} - set(self.parts)
        if unknown or missing:
            raise ValueError(f"parts are train, val, test and optionally teachers, found {sorted(self.parts)}")
        return self

    @property
    def generator_part(self) -> str:
        """The people whose many views teach the generator: ``teachers``, or ``train`` where there are none."""
        return "teachers" if "teachers" in self.parts else "train"


class ChainConfig(Config):
    """Data, generator, views, recognisers with and without them, benchmark, report."""

    name: str = Field(pattern=r"^[\w.-]+$")
    """Name of the chain."""
    pictures: Pictures
    """Pictures."""
    split: Split
    """Who is who."""
    ipgan: dict[str, Any]
    """Settings of ``ipgan train``, less its data, which the chain supplies."""
    augment: AugmentConfig
    """Views to generate of the training people's frontal pictures."""
    recognizer: dict[str, Any]
    """Settings of ``pifr train-recognizer``, less its data; the same for every system."""
    systems: tuple[str, ...] = (FRONTAL, GENERATED)
    """Recognisers to train and compare. 'with true views' trains on the real pictures of all poses: the ceiling."""
    max_frontal_yaw_degrees: float = 10.0
    """Pictures turned no farther than this count as frontal; only they are given to the frontal-only recogniser."""
    bootstrap_rounds: int = Field(1000, ge=100)
    """Rounds of the bootstrap over people behind every interval."""

    @model_validator(mode="after")
    def _known_systems(self) -> Self:
        known = (FRONTAL, GENERATED, TRUE_VIEWS)
        for name in self.systems:
            if name not in known:
                raise ValueError(f"unknown system {name!r}, use some of: {', '.join(known)}")
        return self
