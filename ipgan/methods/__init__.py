"""Three generators behind one interface; each file is one of them, from networks to losses.

Choose by the recipe's key ``generator``. To add one, see docs/generators.md.
"""

from __future__ import annotations

from ipgan.methods import crgan, drgan, ipgan
from ipgan.methods.method import METHODS, Adversary, Faces, Method, Stage, Terms, weighted_sum

__all__ = [
    "METHODS", "Adversary", "Faces", "Method", "Stage", "Terms", "crgan", "drgan", "ipgan", "weighted_sum",
]  # fmt: skip
