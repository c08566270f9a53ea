"""Softmax over the cosines to class centres, with or without a margin on the target's angle or cosine.

References:
    Without margin: F. Wang et al., "NormFace", ACM Multimedia 2017, equation 5. ArcFace: J. Deng et al., CVPR 2019,
    equation 3. CosFace: H. Wang et al., CVPR 2018, equation 4; the bound on the scale s is its section 3.3, equation
    6. Sub-center ArcFace: J. Deng et al., ECCV 2020, section 3.2: the nearest of a person's K centres counts.
"""

from __future__ import annotations

import math

from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss, NormalizedSoftmaxLoss, SubCenterArcFaceLoss

from pifr.core.errors import ConfigError
from pifr.core.progress import say
from pifr.recognition.losses.base import LOSSES, MetricLoss, checked

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


@LOSSES.register("softmax")
def softmax(people: int, embedding_dim: int, scale: float | None = None) -> MetricLoss:
    """Build the softmax over scaled cosines, without margin."""
    loss = NormalizedSoftmaxLoss(people, embedding_dim, temperature=1 / checked_scale(scale, people))
    return MetricLoss(loss, people)


@LOSSES.register("arcface")
def arcface(people: int, embedding_dim: int, margin: float | None = None, scale: float | None = None) -> MetricLoss:
    """Build ArcFace; ``margin`` in radians, by default 0.5."""
    margin = checked("arcface", "margin", margin, 0.5, 0, math.pi / 2, "radians")
    # The library wants degrees.
    loss = ArcFaceLoss(people, embedding_dim, margin=math.degrees(margin), scale=checked_scale(scale, people))
    return MetricLoss(loss, people)


@LOSSES.register("subcenter_arcface")
def subcenter_arcface(
    people: int,
    embedding_dim: int,
    margin: float | None = None,
    scale: float | None = None,
    sub_centers: int | None = None,
) -> MetricLoss:
    """Build Sub-center ArcFace; ``margin`` in radians, by default 0.5, ``sub_centers`` K a person, by default 3.

    It keeps K times the centres of ArcFace, for people whose pictures fall into groups or carry wrong names.
    """
    margin = checked("subcenter_arcface", "margin", margin, 0.5, 0, math.pi / 2, "radians")
    centres = checked("subcenter_arcface", "sub_centers", sub_centers, 3, 1, 17, "a number")
    loss = SubCenterArcFaceLoss(
        num_classes=people, embedding_size=embedding_dim, margin=math.degrees(margin),
        scale=checked_scale(scale, people), sub_centers=int(centres),
    )  # fmt: skip
    return MetricLoss(loss, people)


@LOSSES.register("cosface")
def cosface(people: int, embedding_dim: int, margin: float | None = None, scale: float | None = None) -> MetricLoss:
    """Build CosFace; ``margin`` is a cosine, by default 0.35."""
    margin = checked("cosface", "margin", margin, 0.35, 0, 1.0, "a cosine")
    return MetricLoss(CosFaceLoss(people, embedding_dim, margin=margin, scale=checked_scale(scale, people)), people)


def checked_scale(scale: float | None, people: int) -> float:
    """Return the scale, or the default for this many people; a doubtful one costs a line.

    Raises:
        ConfigError: If it is not positive.
    """
    scale = default_scale(people) if scale is None else scale
    if scale <= 0:
        raise ConfigError("the scale of a softmax loss is positive", where="loss.scale", found=scale)
    if warning := scale_warning(scale, people):
        say(warning)
    return scale
