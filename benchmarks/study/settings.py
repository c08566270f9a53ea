"""The sizes of the study."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from benchmarks.study.rows import A_SIZES, GENERATORS
from pifr.core.config import Config

CAMERAS = ("11_0", "12_0", "09_0", "08_0", "13_0", "14_0", "05_1", "05_0", "04_1", "19_0", "20_0", "01_0", "24_0")
VIEW_YAWS = (-90.0, -75.0, -60.0, -45.0, -30.0, -15.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0)


class StudySettings(Config):
    """Everything that decides a result; a row is done again when one of these that it depends on has changed."""

    twin: str | None = None
    """Manifest of rendered people to draw from; null renders them."""
    people: tuple[int, int, int] = (400, 600, 200)
    """People of A, B and C."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Each draws other people and trains anew."""
    rows: tuple[str, ...] = ()
    """Keys of the rows; none named takes all."""
    a_sizes: tuple[int, ...] = A_SIZES
    """People of A for the rows on its size, the full A beside them."""
    train_lights: tuple[str, ...] = ("07", "10")
    """Lights that A and B are seen in."""
    test_lights: tuple[str, ...] = ("04", "17")
    """Lights that C is seen in."""
    cameras: tuple[str, ...] = CAMERAS
    """Cameras; of a given manifest pictures of others are left out, where it names cameras."""
    size_px: int = Field(64, ge=32)
    """Side of the pictures, rendered or read."""
    view_yaws_degrees: tuple[float, ...] = VIEW_YAWS
    """Views made of each source."""
    sources_per_person: int = Field(2, ge=1)
    """Frontal pictures of each person of B that are turned."""
    generator: dict[str, Any] = Field(default={"steps": 6000, "batch_size": 32})
    """Settings of ``ipgan train`` for every generator, less data, name and seed."""
    generator_runs: dict[str, str] = Field(default={})
    """Generator -> run folder of one trained elsewhere, used for every seed and every size of A."""
    recogniser: dict[str, Any] = Field(default={"steps": 2000, "backbone": {"name": "ir18", "width": 0.5}})
    """Settings of ``pifr train-recognizer`` for every row, less data, name, seed and flips."""
    bootstrap_rounds: int = Field(1000, ge=100)
    """Rounds over people behind every interval."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        unknown = set(self.generator_runs) - set(GENERATORS)
        if unknown:
            raise ValueError(f"generator_runs names {sorted(unknown)}, generators are {list(GENERATORS)}")
        if self.generator_runs and self.twin is None:
            raise ValueError("generator_runs want twin, a manifest of people the generators have not seen: "
                             "among those that the study renders are the teachers of twin-64")  # fmt: skip
        if not isinstance(self.recogniser.get("backbone", {}), dict):
            raise ValueError(f"recogniser.backbone holds keys, such as name, found {self.recogniser['backbone']!r}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds are one or several different numbers, found {list(self.seeds)}")
        return self


QUICK: dict[str, Any] = {
    "people": (80, 120, 60),
    "seeds": (0,),
    "a_sizes": (),
    "generator": {"steps": 300, "warmup_steps": 240, "coarse_steps": 150, "batch_size": 32},
    "recogniser": {"steps": 150, "backbone": {"name": "ir18", "width": 0.25}},
}
"""What ``--quick`` changes: it shows that the study runs, not what it finds."""


def folder_of_seed(out: Path, seed: int) -> Path:
    """Return the folder of one seed's files."""
    return Path(out) / f"seed{seed}"
