"""Yaws as shares of the views they lie between."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Views(NamedTuple):
    """The views of a batch.

    Attributes:
        codes: ``(B, K)`` float32, shares that sum to 1; one-hot at the yaw of a view.
        known: ``(B,)`` bool; where it is false the code is a view drawn at random.
    """

    codes: Tensor
    known: Tensor


def views_of(yaws_degrees: Tensor, centres_degrees: Tensor) -> Views:
    """Turn yaws into shares of views, linear between neighbours; beyond the outermost view, that view.

    Args:
        yaws_degrees: ``(B,)``, NaN where unknown.
        centres_degrees: ``(K,)``, rising, at least two.
    """
    count = len(centres_degrees)
    known = torch.isfinite(yaws_degrees)
    inside = torch.where(known, yaws_degrees, 0.0).clamp(centres_degrees[0], centres_degrees[-1]).contiguous()
    above = torch.searchsorted(centres_degrees, inside, right=True).clamp(1, count - 1)
    low, high = centres_degrees[above - 1], centres_degrees[above]
    share = ((inside - low) / (high - low))[:, None]
    codes = F.one_hot(above - 1, count) * (1 - share) + F.one_hot(above, count) * share
    return Views(torch.where(known[:, None], codes, random_views(len(codes), centres_degrees)), known)


def random_views(count: int, centres_degrees: Tensor) -> Tensor:
    """Draw ``(count, K)`` one-hot views, each as likely as any other."""
    views = len(centres_degrees)
    return F.one_hot(torch.randint(views, (count,), device=centres_degrees.device), views).float()


def view_loss(logits: Tensor, views: Views) -> Tensor:
    """Cross-entropy of view logits ``(B, K)``, not of their softmax, where the view is known; 0 if it is nowhere.

    CR-GAN's code put a softmax before torch's cross-entropy, which takes logits: the loss could then not fall below
    ``log(1 + (K - 1) / e)``, and its gradient all but vanished.
    """
    if not bool(views.known.any()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits[views.known], views.codes[views.known])


def asked(codes: Tensor) -> Views:
    """Wrap views ``(B, K)`` that a generator was asked for: all known."""
    return Views(codes, torch.ones(len(codes), dtype=torch.bool, device=codes.device))
