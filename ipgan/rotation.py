"""The face that every generator shows at inference, whatever it was trained by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ipgan.config import ModelConfig


class Rotation(nn.Module):
    """The networks that turn a face: what inference needs, and what is averaged in training.

    Attributes:
        config: Sizes, and whose networks these are.
        identity_encoder: ``(B, 3, S, S)`` -> an object with ``code`` ``(B, F)``.
        pose_encoder: ``(B, 3, S, S)`` -> an object with ``mean`` ``(B, P)``.
        generator: ``(B, F)``, ``(B, P)`` and a number format -> ``(B, 3, S, S)`` float32, about -1..1. Where
            ``config.appearance_flow`` is set it also takes a :class:`ipgan.appearance_flow.Photograph`.
        unit_codes: Whether identity codes lie on the unit sphere, so that only their direction counts.
    """

    identity_encoder: nn.Module
    pose_encoder: Callable[[Tensor], Any]
    generator: nn.Module
    unit_codes: bool = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    def place(self, codes: Tensor) -> Tensor:
        """Bring changed codes ``(B, F)``, such as means, back to where this generator's codes lie."""
        return F.normalize(codes, dim=1) if self.unit_codes else codes

    def confidence(self, encoding: Any) -> Tensor:
        """Return how much each picture of an encoding counts when several are fused: ``(B,)``, all alike."""
        return torch.ones(len(encoding.code), device=encoding.code.device)

    def centre(self, images: Tensor) -> None:
        """Fit fresh networks to the pictures ``(B, 3, S, S)``."""


def fused(codes: Tensor, confidence: Tensor) -> Tensor:
    """Fuse the codes of several pictures of one person, ``f = sum(w f) / sum(w)`` (Tran et al., CVPR 2017, section 3).

    Args:
        codes: ``(..., n, F)``.
        confidence: ``(..., n)``, not negative and not all 0.

    Returns:
        ``(..., F)``.
    """
    weights = confidence[..., None]
    return (weights * codes).sum(dim=-2) / weights.sum(dim=-2)
