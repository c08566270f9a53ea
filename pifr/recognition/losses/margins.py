"""Softmax losses with a margin on the target's angle or cosine.

References:
    ArcFace: J. Deng et al., CVPR 2019, equation 3. CosFace: H. Wang et al., CVPR 2018, equation 4; the bound on the
    scale s is its section 3.3, equation 6.
"""

from __future__ import annotations

import math

from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss

from pifr.core.errors import ConfigError
from pifr.core.progress import say
from pifr.recognition.losses.base import LOSSES, MetricLoss

LARGE_SCALE_FACTOR = 5.0
"""A scale this many times the bound saturates the softmax: only hard pictures teach, and few people are learned
by heart. It leaves the customary 64 alone from about 2,500 people on."""


def scale_bound(people: int, probability: float = 0.99) -> float:
    """Return the smallest scale s at which a perfect embedding gives its class ``probability``.

    Equation 6 of CosFace: ``s >= (C - 1) / C * ln((C - 1) P / (1 - P))``.

    Args:
        people: Number of classes C, at least 2.
        probability: The wanted posterior P of a class centre.

    Example:
        >>> round(scale_bound(44), 2)
        8.17
    """
    return (people - 1) / people * math.log((people - 1) * probability / (1 - probability))


def default_scale(people: int) -> float:
    """Return the scale used where none is configured.

    The bound itself for tens of people (8, 16 and 32 were tried on 32 people, and the smallest told unseen faces
    apart best: see configs/recognizer.yaml), and the customary 64, four times the bound, for a hundred thousand.

    Example:
        >>> [round(default_scale(people)) for people in (32, 300, 10_000, 100_000)]
        [8, 20, 48, 64]
    """
    times = min(4.0, max(1.0, math.log10(people) - 0.5))
    return min(64.0, times * scale_bound(people))


def scale_warning(scale: float, people: int) -> str | None:
    """Return a line that says why ``scale`` is a bad choice for this many people, or None."""
    bound = scale_bound(people)
    if scale > LARGE_SCALE_FACTOR * bound:
        return (
            f"warning: loss scale {scale:g} is large for {people} people, which risks learning them by heart; "
            f"try {default_scale(people):.0f}"
        )
    if scale < scale_bound(people, 0.9):
        return (
            f"warning: loss scale {scale:g} is too small for {people} people: even a perfect embedding keeps a high "
            f"loss; use at least {bound:.0f}"
        )
    return None


@LOSSES.register("arcface")
def arcface(people: int, embedding_dim: int, margin: float | None, scale: float | None) -> MetricLoss:
    """Build ArcFace; ``margin`` in radians, by default 0.5."""
    margin = _margin_in(margin, 0.5, math.pi / 2, "arcface", "radians")
    # The library wants degrees.
    loss = ArcFaceLoss(people, embedding_dim, margin=math.degrees(margin), scale=_checked_scale(scale, people))
    return MetricLoss(loss, people)


@LOSSES.register("cosface")
def cosface(people: int, embedding_dim: int, margin: float | None, scale: float | None) -> MetricLoss:
    """Build CosFace; ``margin`` is a cosine, by default 0.35."""
    margin = _margin_in(margin, 0.35, 1.0, "cosface", "a cosine")
    return MetricLoss(CosFaceLoss(people, embedding_dim, margin=margin, scale=_checked_scale(scale, people)), people)


def _margin_in(margin: float | None, default: float, limit: float, name: str, unit: str) -> float:
    margin = default if margin is None else margin
    if not 0 <= margin < limit:
        raise ConfigError(f"the margin of {name} is {unit} in [0, {limit:.3g})", where="loss.margin", found=margin)
    return margin


def _checked_scale(scale: float | None, people: int) -> float:
    scale = default_scale(people) if scale is None else scale
    if scale <= 0:
        raise ConfigError("the scale of a margin loss is positive", where="loss.scale", found=scale)
    if warning := scale_warning(scale, people):
        say(warning)
    return scale
