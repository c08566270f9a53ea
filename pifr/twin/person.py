"""Who a person of the twin is: traits drawn once from (seed, person) and kept through all sittings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pifr.core.seeds import numpy_generator
from pifr.twin import controls

YOUNG_YEARS, OLD_YEARS = 25.0, 90.0
"""Ages at which MakeHuman's anchors `young` and `old` stand."""


@dataclass(frozen=True)
class Build:
    """What a census would note of a person.

    Attributes:
        sex: `male` or `female`.
        age_years: 18 to 75.
        ancestry: Shares of African, Asian and Caucasian head shape, summing to 1.
        muscle: 0 to 1.
        weight: 0 to 1, 0.5 being average.
        melanin: Depth of skin tone, 0.03 (very light) to 1.15 (very dark).
    """

    sex: str
    age_years: float
    ancestry: tuple[float, float, float]
    muscle: float
    weight: float
    melanin: float


def draw_build(seed: int, person: int) -> Build:
    """Draw sex, age, ancestry, stature and skin tone of person `person` of the world `seed`."""
    random = numpy_generator(seed, "twin", person, "build")
    sex = controls.SEXES[int(random.random() < 0.45)]
    age = 18.0 + 57.0 * float(random.beta(1.3, 2.2))
    shares = random.dirichlet([0.16, 0.18, 0.24])
    african, asian, caucasian = (float(share) for share in shares)
    muscle = float(np.clip(random.normal(0.55 if sex == "male" else 0.42, 0.18), 0.05, 0.95))
    weight = float(np.clip(random.normal(0.48, 0.22), 0.02, 0.98))
    tone = 0.80 * african + 0.21 * asian + 0.13 * caucasian
    melanin = float(np.clip(tone * random.lognormal(0.0, 0.38), 0.03, 1.15))
    return Build(sex, age, (african, asian, caucasian), muscle, weight, melanin)


def shape_weights(seed: int, person: int, build: Build) -> dict[str, float]:
    """Return the weight of every target that makes this person's head.

    Left and right of a paired control share one draw and differ by a tenth of it; `asym-*` targets add
    the lopsidedness every face has.

    Returns:
        Target name -> weight, in a fixed order.
    """
    weights = _macro_weights(build)
    random = numpy_generator(seed, "twin", person, "shape")
    for control in controls.shape_controls():
        value, left, right = random.normal(size=3)
        for side, jitter in (("l", left), ("r", right)) if control.sides == "two" else (("", 0.0),):
            amount = control.spread * float(value + 0.12 * jitter)
            amount = float(np.clip(amount, -control.limit, control.limit))
            target = (control.high_target if amount > 0 else control.low_target).format(side=side)
            if target:
                weights[target] = abs(amount)
    return weights


def _macro_weights(build: Build) -> dict[str, float]:
    """Mix MakeHuman's anchors linearly, as `anny` does (arXiv 2511.03589 section 3)."""
    old = float(np.clip((build.age_years - YOUNG_YEARS) / (OLD_YEARS - YOUNG_YEARS), 0.0, 1.0))
    ages = dict(zip(controls.AGES, (1.0 - old, old), strict=True))
    weights: dict[str, float] = {}
    for age, age_share in ages.items():
        for muscle, muscle_share in _thirds(controls.MUSCLES, build.muscle).items():
            for weight, weight_share in _thirds(controls.WEIGHTS, build.weight).items():
                weights[f"universal-{build.sex}-{age}-{muscle}-{weight}"] = age_share * muscle_share * weight_share
        for ancestry, share in zip(controls.ANCESTRIES, build.ancestry, strict=True):
            weights[f"{ancestry}-{build.sex}-{age}"] = age_share * share
    return weights


def _thirds(anchors: tuple[str, ...], value: float) -> Mapping[str, float]:
    """Linear shares of three anchors at 0, 0.5 and 1."""
    shares = np.interp(value, [0.0, 0.5, 1.0], [1.0, 0.0, 0.0]), 0.0, np.interp(value, [0.0, 0.5, 1.0], [0.0, 0.0, 1.0])
    return {anchors[0]: float(shares[0]), anchors[1]: float(1.0 - shares[0] - shares[2]), anchors[2]: float(shares[2])}
