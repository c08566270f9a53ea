"""Benchmarks: protocols, scores, figures with intervals, exact search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pifr.core.late import late_names

if TYPE_CHECKING:
    from pifr.evaluation.all_pairs import verification_of_all
    from pifr.evaluation.arrays import (
        IdentificationResult,
        VerificationResult,
        cosine_scores,
        identification,
        verification,
    )
    from pifr.evaluation.benchmark import evaluate
    from pifr.evaluation.comparison import compare, side_by_side
    from pifr.evaluation.figures import Figures
    from pifr.evaluation.index import IndexConfig, SearchIndex, build_index
    from pifr.evaluation.measure import Measure
    from pifr.evaluation.measuring import read_result
    from pifr.evaluation.preservation import measure_preservation
    from pifr.evaluation.preservation_result import PreservationResult
    from pifr.evaluation.protocols import Protocol, load_protocol, protocol_names
    from pifr.evaluation.results import BenchmarkResult, SystemResult
    from pifr.evaluation.retrieval import ExactSearch
    from pifr.evaluation.scores import ScoreTable, read_scores
    from pifr.evaluation.search_report import SearchReport, measure_search

_HOMES = {
    "BenchmarkResult": "pifr.evaluation.results",
    "ExactSearch": "pifr.evaluation.retrieval",
    "IdentificationResult": "pifr.evaluation.arrays",
    "VerificationResult": "pifr.evaluation.arrays",
    "cosine_scores": "pifr.evaluation.arrays",
    "identification": "pifr.evaluation.arrays",
    "verification": "pifr.evaluation.arrays",
    "Figures": "pifr.evaluation.figures",
    "IndexConfig": "pifr.evaluation.index",
    "Measure": "pifr.evaluation.measure",
    "PreservationResult": "pifr.evaluation.preservation_result",
    "Protocol": "pifr.evaluation.protocols",
    "ScoreTable": "pifr.evaluation.scores",
    "SearchIndex": "pifr.evaluation.index",
    "SearchReport": "pifr.evaluation.search_report",
    "SystemResult": "pifr.evaluation.results",
    "build_index": "pifr.evaluation.index",
    "compare": "pifr.evaluation.comparison",
    "evaluate": "pifr.evaluation.benchmark",
    "load_protocol": "pifr.evaluation.protocols",
    "measure_preservation": "pifr.evaluation.preservation",
    "measure_search": "pifr.evaluation.search_report",
    "protocol_names": "pifr.evaluation.protocols",
    "read_result": "pifr.evaluation.measuring",
    "read_scores": "pifr.evaluation.scores",
    "side_by_side": "pifr.evaluation.comparison",
    "verification_of_all": "pifr.evaluation.all_pairs",
}
__all__ = [
    "BenchmarkResult",
    "ExactSearch",
    "Figures",
    "IdentificationResult",
    "IndexConfig",
    "Measure",
    "PreservationResult",
    "Protocol",
    "ScoreTable",
    "SearchIndex",
    "SearchReport",
    "SystemResult",
    "VerificationResult",
    "build_index",
    "compare",
    "cosine_scores",
    "evaluate",
    "identification",
    "load_protocol",
    "measure_preservation",
    "measure_search",
    "protocol_names",
    "read_result",
    "read_scores",
    "side_by_side",
    "verification",
    "verification_of_all",
]

__getattr__ = late_names(__name__, _HOMES)
