"""Every random draw is a function of named parts, so a resumed run draws what an unbroken run would have drawn."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive_seed(*parts: int | str) -> int:
    """Return a 63-bit seed that depends on all ``parts`` and on nothing else.

    Example:
        >>> derive_seed(7, "sampler", 12) == derive_seed(7, "sampler", 12)
        True
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def numpy_generator(*parts: int | str) -> np.random.Generator:
    """Return a NumPy generator seeded from ``parts``."""
    return np.random.default_rng(derive_seed(*parts))


def torch_generator(*parts: int | str, device: str = "cpu") -> torch.Generator:
    """Return a torch generator on ``device`` seeded from ``parts``."""
    import torch

    return torch.Generator(device=device).manual_seed(derive_seed(*parts))


def seed_step(seed: int, step: int, rank: int = 0) -> None:
    """Seed torch's global generators for one training step.

    Called at the top of every step, it makes each step's noise a function of (seed, step, rank): a run
    that was killed needs no saved generator state to continue exactly.
    """
    import torch

    torch.manual_seed(derive_seed(seed, "step", step, rank))
