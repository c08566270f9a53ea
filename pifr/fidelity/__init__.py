"""What a generator makes, measured on people it never saw: who it shows, from where, how sharp, what leaked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pifr.core.late import late_names

if TYPE_CHECKING:
    from pifr.fidelity.evaluate import evaluate_generator
    from pifr.fidelity.result import FidelityResult

__all__ = ["FidelityResult", "evaluate_generator"]

_HOMES = {"FidelityResult": "pifr.fidelity.result", "evaluate_generator": "pifr.fidelity.evaluate"}

__getattr__ = late_names(__name__, _HOMES)
