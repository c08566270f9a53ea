"""What to render: the whole room or any subset of it, or a free training set."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pifr.core.config import Config
from pifr.core.errors import near_names
from pifr.twin.scene import EXPRESSIONS
from pifr.twin.tables import SESSIONS, cameras, lights

VERSION = 1
"""Raised whenever the same seed would give other pixels; stored beside the pictures."""
MULTI_PIE_PEOPLE = 337
MOST_PEOPLE = 2000

Extra = Literal["depth", "normals", "mask"]


class FreeConfig(Config):
    """A training set: many people who are in no protocol, each seen from any side in any light."""

    people: int = Field(default=500, ge=1, le=100_000)
    """Number of people. They are other people than those of the room."""
    pictures_per_person: int = Field(default=20, ge=1, le=10_000)
    """Pictures of each person."""
    pictures_per_sitting: int = Field(default=4, ge=1, le=1000)
    """Pictures that share one sitting and one expression; fewer is more varied and slower."""
    max_yaw_degrees: float = Field(default=90.0, ge=0.0, le=120.0)
    """Yaw is drawn evenly from -max to +max."""
    max_pitch_degrees: float = Field(default=20.0, ge=0.0, le=45.0)
    """Pitch is drawn evenly from -max to +max."""
    field_scale: float = Field(default=1.0, ge=0.5, le=2.5)
    """Side of the square that a picture shows, as a multiple of the room's; 1.5 shows the whole head and shoulders."""
    expressions: tuple[str, ...] = EXPRESSIONS
    """Expressions to draw from, each as likely; a name may stand there more than once."""

    @field_validator("expressions")
    @classmethod
    def _known_expressions(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known("expression", names, EXPRESSIONS, unique=False)


class TwinConfig(Config):
    """Which pictures of the room to render, and how."""

    people: int | str = MULTI_PIE_PEOPLE
    """The first N people, or a choice such as ``201-337`` or ``1,5,9-12``."""
    sessions: tuple[int, ...] = SESSIONS
    """Sessions 1 to 4; who came to which follows Multi-PIE's attendance."""
    recordings: tuple[int, ...] = (1, 2, 3)
    """Recordings of a session, one an expression; 1 is neutral in every session."""
    cameras: tuple[str, ...] = Field(default_factory=lambda: tuple(cameras()))
    """Cameras by Multi-PIE's names."""
    lights: tuple[str, ...] = Field(default_factory=lambda: tuple(lights()))
    """Lights ``00`` to ``19``."""
    size_px: int = Field(default=128, ge=32, le=512)
    """Side of the square pictures."""
    samples_per_side: int = Field(default=2, ge=1, le=8)
    """Each pixel is the mean of this number of rays squared."""
    seed: int = Field(default=0, ge=0)
    """Another seed gives other people."""
    picture_format: Literal["png", "jpg"] = "png"
    """File format; Multi-PIE's own is png."""
    extra: tuple[Extra, ...] = ()
    """Ground truth written beside each view: depth in metres, normals in camera axes, mask of materials."""
    free: FreeConfig | None = None
    """Render a free training set instead of the room; people, sessions, cameras and lights are then unused."""

    @property
    def template(self) -> str:
        """Alignment template id of the pictures: the room's own framing at this size, or a wider free one."""
        scale = 1.0 if self.free is None else self.free.field_scale
        return f"twin-{self.size_px}" if scale == 1 else f"twin-{self.size_px}-field-{scale:g}"

    @property
    def person_numbers(self) -> tuple[int, ...]:
        """The people chosen, in order."""
        return parse_people(self.people)

    @field_validator("people")
    @classmethod
    def _usable_people(cls, people: int | str) -> int | str:
        parse_people(people)
        return people

    @field_validator("sessions", "recordings")
    @classmethod
    def _known_numbers(cls, numbers: tuple[int, ...], info: Any) -> tuple[int, ...]:
        known = SESSIONS if info.field_name == "sessions" else (1, 2, 3)
        _known(info.field_name.removesuffix("s"), [str(n) for n in numbers], [str(n) for n in known])
        return numbers

    @field_validator("cameras")
    @classmethod
    def _known_cameras(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known("camera", names, cameras())

    @field_validator("lights", mode="before")
    @classmethod
    def _two_digits(cls, names: Any) -> Any:
        # YAML reads 07 as the number 7.
        return [f"{n:02d}" if isinstance(n, int) else n for n in names] if isinstance(names, list | tuple) else names

    @field_validator("lights")
    @classmethod
    def _known_lights(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known("light", names, lights())

    @model_validator(mode="after")
    def _extras_once(self) -> Self:
        if len(set(self.extra)) < len(self.extra):
            raise ValueError("an extra is named twice")
        return self


def parse_people(people: int | str) -> tuple[int, ...]:
    """Read a choice of people.

    Args:
        people: A number N for the first N, or text such as ``40`` or ``1,5,201-337``.

    Returns:
        Person numbers, ascending, each once.

    Raises:
        ValueError: If it is no such choice or names a person outside 1..2000.
    """
    if isinstance(people, int) or people.strip().isdigit():
        count = int(people)
        if not 1 <= count <= MOST_PEOPLE:
            raise ValueError(f"people must be 1 to {MOST_PEOPLE}, found {count}")
        return tuple(range(1, count + 1))
    chosen: set[int] = set()
    for part in people.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise ValueError(f"people are a number or a choice such as 1,5,201-337, found {people!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= MOST_PEOPLE:
            raise ValueError(f"people are numbered 1 to {MOST_PEOPLE}, found {part.strip()!r}")
        chosen.update(range(first, last + 1))
    return tuple(sorted(chosen))


def _known(what: str, names: Any, known: Any, unique: bool = True) -> Any:
    if not names:
        raise ValueError(f"name at least one {what}")
    for name in names:
        if name not in known:
            raise ValueError(f"unknown {what} {name!r}; {near_names(name, known)}")
    if unique and len(set(names)) < len(names):
        raise ValueError(f"a {what} is named twice")
    return names
