"""Angles as distributions over bins: a network says where the angle may lie, its mean is the estimate.

Gao, Zhou, Wu, Geng, "Age estimation using expectation of label distribution learning", IJCAI 2018, equations 1 to 6:
a Gaussian label over bins, the Kullback-Leibler divergence to it, and the absolute error of the expectation. The
bins reach well beyond the largest angle, so that the mean is not pulled inwards at a profile.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

_DEGREES_PER_UNIT_OF_LOSS = 10.0
_REACH_DEGREES = 30.0
"""How far round its peak a distribution is averaged; five standard deviations of a label."""


@dataclass(frozen=True)
class AngleBins:
    """Evenly spaced bins and the width of the labels on them, in degrees.

    Attributes:
        limit_degrees: The outermost bins lie at plus and minus this.
        step_degrees: From one bin to the next.
        label_std_degrees: Standard deviation of the Gaussian that stands for a known angle.
    """

    limit_degrees: float
    step_degrees: float = 6.0
    label_std_degrees: float = 6.0

    @property
    def count(self) -> int:
        """Number of bins."""
        return round(2 * self.limit_degrees / self.step_degrees) + 1

    def centres(self, like: Tensor) -> Tensor:
        """Return the bins' angles ``(count,)`` in degrees, on the device of ``like``."""
        return torch.linspace(-self.limit_degrees, self.limit_degrees, self.count, device=like.device)

    def mean(self, logits: Tensor) -> Tensor:
        """Return the expected angles ``(B,)`` in degrees of scores ``(B, count)``."""
        return (F.softmax(logits.float(), dim=1) * self.centres(logits)).sum(1)

    def decode(self, share: Tensor) -> tuple[Tensor, Tensor]:
        """Turn distributions into angles.

        The angle is the mean near the highest peak: of two guesses far apart, such as a profile taken for a half
        profile, the likelier one is told, not an angle between them that neither means. The spread counts both.

        Args:
            share: ``(B, count)`` probabilities.

        Returns:
            ``(B,)`` angles and ``(B,)`` standard deviations beyond the labels' own width, in degrees.
        """
        centres = self.centres(share)
        smooth = F.avg_pool1d(share[:, None], 3, stride=1, padding=1)[:, 0]
        near = share * ((centres - centres[smooth.argmax(1)][:, None]).abs() <= _REACH_DEGREES)
        angle = (near * centres).sum(1) / near.sum(1)
        mean = (share * centres).sum(1)
        variance = (share * (centres - mean[:, None]) ** 2).sum(1)
        return angle, (variance - self.label_std_degrees**2).clamp(min=0).sqrt()

    def loss(self, logits: Tensor, angles_degrees: Tensor) -> Tensor:
        """Return the mean loss of scores ``(B, count)`` for true angles ``(B,)``."""
        distance = (self.centres(logits) - angles_degrees[:, None]) / self.label_std_degrees
        label = F.softmax(-0.5 * distance**2, dim=1)
        divergence = F.kl_div(F.log_softmax(logits.float(), dim=1), label, reduction="batchmean")
        return divergence + F.l1_loss(self.mean(logits), angles_degrees) / _DEGREES_PER_UNIT_OF_LOSS


YAW_BINS = AngleBins(126.0)
PITCH_BINS = AngleBins(66.0)
