"""AdaFace: the margin of ArcFace or CosFace, chosen picture by picture from the length of its embedding.

The length stands for a picture's quality. Good pictures far from their centre are pulled in hard (the margin is then
CosFace's, doubled), poor ones gently (ArcFace's with a negative angle).

References:
    M. Kim, A. Jain, X. Liu, "AdaFace: Quality Adaptive Margin for Face Recognition", CVPR 2022, section 3.3; the
    clipping of cosines and lengths as in the authors' head.py (github.com/mk-minchul/AdaFace).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from pytorch_metric_learning.losses import ArcFaceLoss
from torch import Tensor

from pifr.recognition.losses.base import LOSSES, MetricLoss, checked
from pifr.recognition.losses.margins import checked_scale

_EPSILON = 1e-3
_LENGTHS = (1e-3, 100.0)


class AdaFaceLoss(ArcFaceLoss):  # type: ignore[misc]
    """AdaFace on top of pytorch-metric-learning's margin softmax.

    Mean and spread of the lengths are running averages that begin with the first batch's, so that no embedding length
    is presupposed; the authors begin with 20 and 100.

    Args:
        people: Number of classes.
        embedding_dim: Length of the embeddings.
        margin: m, radians and cosine at once.
        scale: s.
        concentration: h; lengths 1 / h standard deviations off the mean get the largest and smallest margin.
        momentum: Share that the running averages keep at each step.
    """

    lengths_mean: Tensor
    lengths_spread: Tensor
    seen: Tensor

    def __init__(
        self, people: int, embedding_dim: int, margin: float, scale: float, concentration: float, momentum: float
    ) -> None:
        super().__init__(people, embedding_dim, margin=math.degrees(margin), scale=scale)
        self.concentration, self.momentum = concentration, momentum
        self.register_buffer("lengths_mean", torch.zeros(()))
        self.register_buffer("lengths_spread", torch.zeros(()))
        self.register_buffer("seen", torch.zeros((), dtype=torch.bool))

    def compute_loss(self, embeddings: Tensor, labels: Tensor, *others: Any) -> Any:
        """Measure the lengths, then go on as every margin softmax does."""
        self._quality = self.quality(embeddings)
        return super().compute_loss(embeddings, labels, *others)

    @torch.no_grad()
    def quality(self, embeddings: Tensor) -> Tensor:
        """Return the normalised, clipped length of each ``(B, D)`` embedding, ``(B,)`` in [-1, 1]."""
        lengths = embeddings.norm(dim=1).clamp(*_LENGTHS)
        if self.training:
            mean, spread = lengths.mean(), lengths.std(correction=min(1, len(lengths) - 1))
            keep = self.momentum * self.seen.float()  # nothing is kept of the zeros before the first batch
            self.lengths_mean.mul_(keep).add_((1 - keep) * mean)
            self.lengths_spread.mul_(keep).add_((1 - keep) * spread)
            self.seen.fill_(True)
        standard = (lengths - self.lengths_mean) / (self.lengths_spread + _EPSILON)
        return (standard * self.concentration).clamp(-1, 1)

    def modify_cosine_of_target_classes(self, cosine_of_target_classes: Tensor) -> Tensor:
        """Return ``cos(theta - m q) - (m + m q)`` of the own centres' cosines ``(B,)``, q being the quality."""
        theta = cosine_of_target_classes.clamp(-1 + _EPSILON, 1 - _EPSILON).acos()
        shift = self.margin * self._quality
        return (theta - shift).clamp(_EPSILON, math.pi - _EPSILON).cos() - (self.margin + shift)


@LOSSES.register("adaface")
def adaface(
    people: int,
    embedding_dim: int,
    margin: float | None = None,
    scale: float | None = None,
    concentration: float | None = None,
    length_momentum: float | None = None,
) -> MetricLoss:
    """Build AdaFace.

    Args:
        people: Number of classes.
        embedding_dim: Length of the embeddings.
        margin: m, by default 0.4: radians on the angle and a cosine beside it.
        scale: s on the cosines.
        concentration: h, by default 0.333: at h = 1/3 a length three standard deviations off counts fully.
        length_momentum: Share the running mean and spread of the lengths keep at each step, by default 0.99.
    """
    loss = AdaFaceLoss(
        people, embedding_dim,
        margin=checked("adaface", "margin", margin, 0.4, 0, 1.0, "radians and a cosine"),
        scale=checked_scale(scale, people),
        concentration=checked("adaface", "concentration", concentration, 0.333, 0, float("inf"), "a factor"),
        momentum=checked("adaface", "length_momentum", length_momentum, 0.99, 0, 1, "a share"),
    )  # fmt: skip
    return MetricLoss(loss, people)
