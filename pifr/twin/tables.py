"""The room as data: cameras, lights, expressions by session and who attended, read from ``tables/*.csv``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

_FOLDER = Path(__file__).parent / "tables"

SESSIONS = (1, 2, 3, 4)
FRONTAL_CAMERA = "05_1"
FRONTAL_LIGHT = "07"


@dataclass(frozen=True)
class Camera:
    """One camera of the room.

    Attributes:
        name: Multi-PIE's name, for example ``05_1``.
        yaw_degrees: How far around the head it stands. At the height of the head this is the yaw of a head that looks
            straight ahead, as the camera sees it; the two cameras above see one of about 52 instead of 45 degrees.
        elevation_degrees: How far the camera hangs above the height of the head.
        gains: Its colour balance, red, green, blue; the profile cameras of the real room are of another make.
    """

    name: str
    yaw_degrees: float
    elevation_degrees: float
    gains: tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """One of the twenty pictures a camera takes: with one flash, or with none.

    Attributes:
        name: ``00`` to ``19``.
        flash: Whether a flash fires; ``00`` and ``19`` show the room's own light only.
        yaw_degrees: Where the flash stands, in the same measure as the cameras: a flash of yaw 90 stands beside
            camera 24_0.
        elevation_degrees: How far it hangs above the height of the head.
    """

    name: str
    flash: bool
    yaw_degrees: float
    elevation_degrees: float


@cache
def cameras() -> Mapping[str, Camera]:
    """Return the 15 cameras by name, from yaw -90 to +90."""
    found = {
        row["camera"]: Camera(
            row["camera"],
            float(row["yaw_degrees"]),
            float(row["elevation_degrees"]),
            (float(row["gain_red"]), float(row["gain_green"]), float(row["gain_blue"])),
        )
        for row in _rows("cameras")
    }
    return MappingProxyType(found)


@cache
def lights() -> Mapping[str, Light]:
    """Return the 20 lights by name, ``00`` to ``19``."""
    found = {
        row["light"]: Light(
            row["light"], row["flash"] == "1", float(row["yaw_degrees"] or 0), float(row["elevation_degrees"] or 0)
        )
        for row in _rows("lights")
    }
    return MappingProxyType(found)


@cache
def recordings(session: int) -> tuple[str, ...]:
    """Return the expressions of a session's recordings 01, 02, 03 in order."""
    rows = [row for row in _rows("expressions") if int(row["session"]) == session]
    return tuple(row["expression"] for row in sorted(rows, key=lambda row: int(row["recording"])))


def sessions_of(person: int) -> tuple[int, ...]:
    """Return the sessions that a person attended.

    The table meets every total that is published of Multi-PIE: 249, 203, 230 and 239 people, 129 in all four
    sessions, 264 in at least two, 621 sittings of the first 200 people and 300 of the other 137. People beyond the
    337th attend as the table does from its start again.

    Args:
        person: Number from 1.
    """
    table = _attendance()
    return table[(person - 1) % len(table)]


@cache
def _attendance() -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(session) for session in row["sessions"]) for row in _rows("attendance"))


def _rows(name: str) -> list[dict[str, str]]:
    with open(_FOLDER / f"{name}.csv", newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
