"""The London splits: who learns from what, and how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from pifr.core.config import Config, read_yaml
from pifr.core.errors import ConfigError, near_names

LONDON_RECIPE = Path(__file__).resolve().parents[2] / "configs" / "london.yaml"
TWIN_RECIPE = LONDON_RECIPE.with_name("twin-64.yaml")

Source = Literal["twin", "own", "both", "adapted"]


@dataclass(frozen=True)
class System:
    """One recogniser of a split.

    Attributes:
        key: Short name, a file name.
        title: As tables show it.
        generator: Whose views it learns from; None for none.
        true_views: Whether it learns from the true views.
        probes: Whose generator turns the probes to the front; None for none.
        fused: Whether the probe's own embedding is added to that of its frontal view.
        recogniser_of: The system that trains its recogniser, where the two differ in the test alone; None for itself.
    """

    key: str
    title: str
    generator: Source | None = None
    true_views: bool = False
    probes: Source | None = None
    fused: bool = False
    recogniser_of: str | None = None

    @property
    def sources(self) -> set[Source]:
        """All generators it needs."""
        return {source for source in (self.generator, self.probes) if source is not None}


def _turned(of: str, title: str, views: Source | None, probes: Source) -> tuple[System, System]:
    """Return the two systems that turn the probes of a recogniser, its own embedding left out or added."""
    whose = "the twin's" if probes == "twin" else "the one trained on"
    alone = System(f"{of}_turned", f"{title}, probes turned by {whose}", views, probes=probes, recogniser_of=of)
    return alone, replace(alone, key=f"{of}_fused", title=f"{title}, probes as they are and turned", fused=True)


FRONTAL, TRUE = "frontal", "true"
SYSTEMS = (
    System(FRONTAL, "frontal only"),
    System("twin", "+ views, generator of the twin", "twin"),
    System("own", "+ views, generator of the 44 people", "own"),
    System("both", "+ views, the twin's generator trained on with the 44", "both"),
    System("adapted", "+ views, the twin's adapted without labels", "adapted"),
    System(TRUE, "true views", true_views=True),
    *_turned(FRONTAL, "frontal only", None, "twin"),
    *_turned("twin", "+ views by the twin's", "twin", "twin"),
    *_turned("both", "+ views by the one trained on", "both", "both"),
)


def choose_systems(keys: Sequence[str]) -> list[System]:
    """Return the systems called ``keys`` in the order of tables; all of them where none is named.

    Raises:
        ConfigError: If there is no such system.
    """
    known = [system.key for system in SYSTEMS]
    for key in keys:
        if key not in known:
            raise ConfigError(f"no system {key!r}", where="--systems", cure=near_names(key, known))
    return [system for system in SYSTEMS if not keys or system.key in keys]


class LondonSettings(Config):
    """Everything that decides a result."""

    london: str = "../shared/data/london/index.csv"
    """Manifest of the London set."""
    twin: str | None = None
    """Manifest of rendered people at 64 px, beside the real ones in the systems both and adapted."""
    start: str = "twin-64"
    """The twin's generator."""
    splits: tuple[int, ...] = tuple(range(10))
    """Seeds of the people drawn; seed 0 draws those of configs/london.yaml."""
    parts: dict[str, int] = Field(default={"train": 44, "val": 8, "test": 20})
    """People of each part; val choose the checkpoint in configs/london.yaml, here they stay aside."""
    twin_people: int = Field(100, ge=2)
    """Rendered people beside the unlabelled pictures; another draw each split."""
    recogniser_steps: int = Field(400, ge=1)
    """Training steps of every recogniser, as in configs/london.yaml."""
    generator_steps: int = Field(300, ge=1)
    """Steps by which the twin's generator is trained on, in both and adapted."""
    own_steps: int = Field(1600, ge=1)
    """Training steps of the generator of the 44 people, as in configs/london.yaml."""
    bootstrap_rounds: int = Field(1000, ge=100)
    """Rounds over people behind every interval."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not self.splits or len(set(self.splits)) < len(self.splits):
            raise ValueError(f"splits are one or several different numbers, found {list(self.splits)}")
        return self


def recogniser_recipe(settings: LondonSettings) -> dict[str, Any]:
    """Return the recogniser of configs/london.yaml, the same for all systems."""
    return {**read_yaml(LONDON_RECIPE)["recognizer"], "size_px": 64, "steps": settings.recogniser_steps}


def view_recipe() -> tuple[list[float], int]:
    """Return yaws in degrees and sources a person of configs/london.yaml."""
    augment = read_yaml(LONDON_RECIPE)["augment"]
    return list(augment["yaws_degrees"]), int(augment["sources_per_person"])


def generator_recipe(source: Source, settings: LondonSettings) -> dict[str, Any]:
    """Return the settings of ``ipgan train`` behind a system.

    * own: configs/london.yaml, its early stages in proportion to the steps.
    * both: pairs alone, since a discriminator has to be learned from nothing and 300 steps are few. The rate
      was chosen by people kept aside (docs/results.md).
      The pose is not erased from the codes again: 440 pictures say too little of it, the generator would have no time
      to get used to it, and the erasure of the shipped weights comes along with them.
    * adapted: all terms, since the unlabelled pictures work through the generation path and the discriminator alone.

    Yaws in degrees stay usable: the pose map is learned anew from the run's own pictures whose yaw is known.
    """
    if source == "own":
        recipe = dict(read_yaml(LONDON_RECIPE)["ipgan"])
        share = settings.own_steps / recipe["steps"]
        early = {key: round(recipe[key] * share) for key in ("warmup_steps", "coarse_steps")}
        return recipe | early | {"steps": settings.own_steps}
    twin = read_yaml(TWIN_RECIPE)
    recipe = {key: twin[key] for key in ("model", "losses", "augmentation")}
    recipe |= {"start_from": settings.start, "steps": settings.generator_steps, "erase_steps": 0}
    if source == "both":
        return recipe | {"warmup_steps": settings.generator_steps, "batch_size": 8, "optimizer": {"lr": 0.0007}}
    return recipe | {"batch_size": 16, "optimizer": {"lr": 0.001}}
