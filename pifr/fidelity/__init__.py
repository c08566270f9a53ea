"""What a generator makes, measured on people it never saw: who it shows, from where, how sharp, what leaked."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pifr.fidelity.evaluate import evaluate_generator
    from pifr.fidelity.result import FidelityResult

__all__ = ["FidelityResult", "evaluate_generator"]

_HOMES = {"FidelityResult": "pifr.fidelity.result", "evaluate_generator": "pifr.fidelity.evaluate"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
