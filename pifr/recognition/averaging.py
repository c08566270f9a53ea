"""A running average of the weights: what is validated and kept where a recipe asks for it."""

from __future__ import annotations

import torch
from torch import nn

_LARGEST_SHARE = 0.1
"""The half-life is at most this share of the steps so far, or the first random weights would linger."""


@torch.no_grad()
def update_average(averaged: nn.Module, trained: nn.Module, steps: int, half_life_steps: float) -> None:
    """Move ``averaged`` toward ``trained``; running statistics of batch norms are averaged alike.

    T. Karras et al., NeurIPS 2020, appendix C, ``ema_kimg`` and ``ema_rampup``, here counted in steps.

    Args:
        averaged: A copy of ``trained``.
        trained: The network that learns.
        steps: Steps done.
        half_life_steps: After so many steps an old weight counts half.
    """
    keep = 0.5 ** (1 / max(min(half_life_steps, _LARGEST_SHARE * steps), 1e-8))
    mine, theirs = averaged.state_dict(), trained.state_dict()
    floats = [name for name, tensor in mine.items() if tensor.is_floating_point()]
    torch._foreach_lerp_([mine[name] for name in floats], [theirs[name] for name in floats], 1 - keep)
    for name in mine.keys() - set(floats):  # counts of batches
        mine[name].copy_(theirs[name])
