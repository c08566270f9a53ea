"""Benchmarks: protocols, scores, figures with intervals, exact search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pifr.evaluation.arrays import (
        IdentificationResult,
        VerificationResult,
        cosine_scores,
        identification,
        verification,
    )
    from pifr.evaluation.benchmark import evaluate
    from pifr.evaluation.comparison import compare, side_by_side
    from pifr.evaluation.figures import Figures, Measure
    from pifr.evaluation.protocols import Protocol, load_protocol, protocol_names
    from pifr.evaluation.results import BenchmarkResult, SystemResult, read_result
    from pifr.evaluation.retrieval import ExactSearch
    from pifr.evaluation.scores import ScoreTable, read_scores

_HOMES = {
    "BenchmarkResult": "pifr.evaluation.results",
    "ExactSearch": "pifr.evaluation.retrieval",
    "IdentificationResult": "pifr.evaluation.arrays",
    "VerificationResult": "pifr.evaluation.arrays",
    "cosine_scores": "pifr.evaluation.arrays",
    "identification": "pifr.evaluation.arrays",
    "verification": "pifr.evaluation.arrays",
    "Figures": "pifr.evaluation.figures",
    "Measure": "pifr.evaluation.figures",
    "Protocol": "pifr.evaluation.protocols",
    "ScoreTable": "pifr.evaluation.scores",
    "SystemResult": "pifr.evaluation.results",
    "compare": "pifr.evaluation.comparison",
    "evaluate": "pifr.evaluation.benchmark",
    "load_protocol": "pifr.evaluation.protocols",
    "protocol_names": "pifr.evaluation.protocols",
    "read_result": "pifr.evaluation.results",
    "read_scores": "pifr.evaluation.scores",
    "side_by_side": "pifr.evaluation.comparison",
}
__all__ = [
    "BenchmarkResult",
    "ExactSearch",
    "Figures",
    "IdentificationResult",
    "Measure",
    "Protocol",
    "ScoreTable",
    "SystemResult",
    "VerificationResult",
    "compare",
    "cosine_scores",
    "evaluate",
    "identification",
    "load_protocol",
    "protocol_names",
    "read_result",
    "read_scores",
    "side_by_side",
    "verification",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package stays cheap."""
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
