"""From scores to a result: every figure of a benchmark, computed from a table, a stream, or a folder it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pifr.core.errors import DataError
from pifr.core.files import read_json
from pifr.evaluation.blocks import ScoreSource
from pifr.evaluation.figures import SystemScores
from pifr.evaluation.measure import Measure
from pifr.evaluation.openset import open_set
from pifr.evaluation.passes import stream_system
from pifr.evaluation.results import ENVIRONMENT, PROTOCOL, SAMPLE, SCORES, BenchmarkResult, SystemResult
from pifr.evaluation.scores import ScoreTable, read_scores
from pifr.evaluation.stream_file import ParquetBlocks
from pifr.evaluation.streamed import StreamedScores
from pifr.evaluation.summary import SUMMARY, read_summary
from pifr.evaluation.thresholds import dev_thresholds, reported_part, streamed_dev_thresholds

_MANY_PEOPLE = 300


def measure_scores(
    scores: ScoreTable,
    protocol: dict[str, Any],
    records: Mapping[str, dict[str, Any]] | None = None,
    measure: Measure | None = None,
    environment: dict[str, Any] | None = None,
    by: tuple[str, ...] = (),
    folder: Path | None = None,
) -> BenchmarkResult:
    """Compute every figure from scores; nothing else is looked at.

    Args:
        scores: Every comparison.
        protocol: Its record.
        records: System name -> what it is.
        measure: How to compute.
        environment: Record of the run.
        by: Further columns to group probes by.
        folder: Where the scores lie.
    """
    from threadpoolctl import threadpool_limits

    measure = measure or Measure()
    # Thousands of small matrix products: threads would spend their time waiting for each other.
    with threadpool_limits(1 if len(scores.people) < _MANY_PEOPLE else None):
        systems = [_measure_system(scores, name, records, measure, by) for name in scores.systems]
    return BenchmarkResult(protocol, systems, scores, measure, environment or {}, folder)


def measure_stream(
    source: ScoreSource,
    protocol: dict[str, Any],
    records: Mapping[str, dict[str, Any]] | None = None,
    measure: Measure | None = None,
    environment: dict[str, Any] | None = None,
    by: tuple[str, ...] = (),
    folder: Path | None = None,
) -> BenchmarkResult:
    """Compute every figure from comparisons that come block by block; arguments as of :func:`measure_scores`."""
    from threadpoolctl import threadpool_limits

    measure = measure or Measure()
    with threadpool_limits(1 if len(source.outline.people) < _MANY_PEOPLE else None):
        streamed = {name: stream_system(source, name, measure, by) for name in source.systems}
    return summarised(streamed, source.sample(), protocol, records, measure, environment, by, folder)


def summarised(
    streamed: dict[str, StreamedScores],
    sample: ScoreTable,
    protocol: dict[str, Any],
    records: Mapping[str, dict[str, Any]] | None,
    measure: Measure,
    environment: dict[str, Any] | None,
    by: tuple[str, ...],
    folder: Path | None = None,
) -> BenchmarkResult:
    """Return the figures of streamed scores.

    Args:
        streamed: System -> what is left of its scores.
        sample: The pairs across poses, of the same systems.
        protocol: Its record.
        records: System name -> what it is.
        measure: How they were computed.
        environment: Record of the run.
        by: Further columns that probes were grouped by.
        folder: Where they lie.
    """
    systems = [
        replace(
            _figures_of(each, name, records, by, "yaw" in each.group_of),
            at_dev_thresholds=streamed_dev_thresholds(each),
        )
        for name, each in streamed.items()
    ]
    return BenchmarkResult(protocol, systems, sample, measure, environment or {}, folder, streamed)


def _measure_system(
    scores: ScoreTable, name: str, records: Mapping[str, dict[str, Any]] | None, measure: Measure, by: tuple[str, ...]
) -> SystemResult:
    prepared = SystemScores(scores, name, measure, reported_part(scores))
    return replace(
        _figures_of(prepared, name, records, by, "yaw" in scores.pictures),
        at_dev_thresholds=dev_thresholds(scores, name, measure),
        folds=prepared.folds(),
        folds_on_legacy_grid=prepared.folds(legacy_grid=True),
    )


def _figures_of(
    prepared: SystemScores | StreamedScores, name: str, records: Mapping[str, dict[str, Any]] | None,
    by: tuple[str, ...], has_yaw: bool,
) -> SystemResult:  # fmt: skip
    """Return the figures that a table and a stream give alike."""
    return SystemResult(
        name=name,
        record=dict((records or {}).get(name, {})),
        overall=prepared.figures(),
        by_abs_yaw=prepared.by("yaw") if has_yaw else {},
        by_yaw=prepared.by("yaw", signed=True) if has_yaw else {},
        by_column={column: prepared.by(column) for column in by},
        open_set=open_set(prepared),
    )


def holds_benchmark(folder: Path) -> bool:
    """Return whether a folder holds scores, or a summary of them."""
    return any((Path(folder) / name).is_file() for name in (SCORES, SUMMARY))


def read_result(
    folder: Path, measure: Measure | None = None, by: tuple[str, ...] | None = None, rounds: int | None = None
) -> BenchmarkResult:
    """Read a benchmark's folder and compute every figure again from its scores.

    Args:
        folder: What ``pifr benchmark --out`` wrote.
        measure: How to compute; as it was computed before where absent.
        by: Further columns to group probes by; those of the benchmark where absent.
        rounds: Bootstrap rounds, where only these are to differ.

    Raises:
        DataError: If the folder holds no scores, or they are damaged.
    """
    folder = Path(folder)
    streamed = (folder / SUMMARY).is_file()
    if not holds_benchmark(folder):
        raise DataError(
            f"no benchmark here (there is no {SCORES})", where=folder, cure="name a folder pifr benchmark --out wrote"
        )
    protocol: dict[str, Any] = read_json(folder / PROTOCOL) if (folder / PROTOCOL).is_file() else {}
    environment = read_json(folder / ENVIRONMENT) if (folder / ENVIRONMENT).is_file() else {}
    records = protocol.pop("systems", {})
    before = Measure.from_dict(protocol.get("measure", {}))
    measure = replace(measure or before, rounds=rounds or (measure or before).rounds)
    by = tuple(protocol.get("by", ())) if by is None else by
    if not streamed:
        return measure_scores(read_scores(folder / SCORES), protocol, records, measure, environment, by, folder)
    if measure == before and set(by) <= set(protocol.get("by", ())):
        sample = read_scores(folder / SAMPLE)
        return summarised(read_summary(folder / SUMMARY), sample, protocol, records, measure, environment, by, folder)
    if not (folder / SCORES).is_file():
        raise DataError(
            "this benchmark kept a summary of its scores, which can't be measured in another way", where=folder,
            found=f"{measure.rounds:,} rounds, by {', '.join(by) or 'nothing'}",
            cure="leave --bootstrap and --by away, or benchmark again with --keep-scores",
        )  # fmt: skip
    return measure_stream(ParquetBlocks(folder / SCORES), protocol, records, measure, environment, by, folder)
