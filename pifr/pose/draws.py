"""Random draws for whole batches, from a CPU generator, so that they are the same on every device."""

from __future__ import annotations

import torch
from torch import Tensor


def uniform(like: Tensor, columns: int, generator: torch.Generator) -> Tensor:
    """Return ``(B, columns)`` numbers in [-1, 1), B and device being those of ``like``."""
    return (torch.rand(len(like), columns, generator=generator) * 2 - 1).to(like.device)


def chosen(like: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Return ``(B, 1, 1, 1)`` bool, each true with ``probability``."""
    return (torch.rand(len(like), 1, 1, 1, generator=generator) < probability).to(like.device)
