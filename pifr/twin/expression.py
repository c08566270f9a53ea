"""Multi-PIE's expressions as weights of facial actions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pifr.core.errors import DataError, near_names
from pifr.core.seeds import numpy_generator
from pifr.twin.scene import EXPRESSIONS

_ACTIONS: Mapping[str, Mapping[str, float]] = {
    "neutral": {},
    "smile": {
        "mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "cheekSquintLeft": 0.55, "cheekSquintRight": 0.55,
        "eyeSquintLeft": 0.2, "eyeSquintRight": 0.2, "mouthUpperUpLeft": 0.55, "mouthUpperUpRight": 0.55,
        "jawOpen": 0.08, "mouthLowerDownLeft": 0.25, "mouthLowerDownRight": 0.25,
    },
    "surprise": {
        "browInnerUp": 0.85, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.8, "eyeWideLeft": 0.75,
        "eyeWideRight": 0.75, "jawOpen": 0.42, "mouthFunnel": 0.12,
    },
    "squint": {
        "eyeSquintLeft": 0.6, "eyeSquintRight": 0.6, "eyeBlinkLeft": 0.12, "eyeBlinkRight": 0.12,
        "browDownLeft": 0.55, "browDownRight": 0.55, "cheekSquintLeft": 0.5, "cheekSquintRight": 0.5,
        "noseSneerLeft": 0.15, "noseSneerRight": 0.15,
    },
    "disgust": {
        "noseSneerLeft": 0.9, "noseSneerRight": 0.9, "mouthUpperUpLeft": 0.6, "mouthUpperUpRight": 0.6,
        "browDownLeft": 0.6, "browDownRight": 0.6, "eyeSquintLeft": 0.35, "eyeSquintRight": 0.35,
        "eyeBlinkLeft": 0.1, "eyeBlinkRight": 0.1, "mouthFrownLeft": 0.35, "mouthFrownRight": 0.35,
        "cheekSquintLeft": 0.4, "cheekSquintRight": 0.4, "mouthShrugLower": 0.25,
    },
    "scream": {
        "jawOpen": 0.8, "eyeBlinkLeft": 0.2, "eyeBlinkRight": 0.2, "eyeSquintLeft": 0.5, "eyeSquintRight": 0.5,
        "browDownLeft": 0.4, "browDownRight": 0.4, "mouthStretchLeft": 0.45, "mouthStretchRight": 0.45,
        "mouthUpperUpLeft": 0.4, "mouthUpperUpRight": 0.4, "mouthLowerDownLeft": 0.35, "mouthLowerDownRight": 0.35,
        "cheekSquintLeft": 0.6, "cheekSquintRight": 0.6, "noseSneerLeft": 0.3, "noseSneerRight": 0.3,
    },
}  # fmt: skip

_SCATTER = 0.18
"""People smile differently, and one person never twice quite alike: relative spread of each weight."""


def action_weights(seed: int, person: int, session: int, expression: str, variation: int = 0) -> dict[str, float]:
    """Return the weight of each facial action of one take.

    Args:
        seed: World.
        person: Number of the person; their manner of smiling is theirs in every session.
        session: Number of the sitting.
        expression: One of `EXPRESSIONS`.
        variation: Number of the take within the sitting.

    Returns:
        Facial action -> weight 0 to 1, in a fixed order.

    Raises:
        DataError: If the expression is unknown.
    """
    if expression not in _ACTIONS:
        raise DataError("no such expression", found=repr(expression), cure=near_names(expression, EXPRESSIONS))
    manner = numpy_generator(seed, "twin", person, "manner", expression)
    take = numpy_generator(seed, "twin", person, "take", session, expression, variation)
    weights: dict[str, float] = {}
    for action, amount in _ACTIONS[expression].items():
        factor = 1.0 + _SCATTER * float(manner.normal()) + 0.4 * _SCATTER * float(take.normal())
        weights[action] = float(np.clip(amount * factor, 0.0, 1.0))
    resting = {"eyeBlinkLeft": 0.0, "browInnerUp": 0.0, "mouthPressLeft": 0.0}
    for action in resting:
        amount = 0.05 * abs(float(take.normal()))
        pair = [action, action.replace("Left", "Right")] if action.endswith("Left") else [action]
        for one in pair:
            weights[one] = float(min(weights.get(one, 0.0) + amount, 1.0))
    return weights
