"""What a benchmark found: figures of every system, side by side, as objects, a table, JSON and CSV."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from pifr.core.errors import DataError, PifrError
from pifr.core.files import atomic_path, read_json, write_json
from pifr.core.runs import refuse_run_folder
from pifr.data.manifest import write_table
from pifr.evaluation.figures import Figures, SystemScores
from pifr.evaluation.measure import Measure
from pifr.evaluation.openset import OpenSet
from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.spread import Spread, spread
from pifr.evaluation.streamed import StreamedScores
from pifr.evaluation.summary import SUMMARY, write_summary
from pifr.evaluation.thresholds import DevThreshold, reported_part
from pifr.metrics import FoldAccuracy, Interval

SCORES, PROTOCOL, ENVIRONMENT = "scores.parquet", "protocol.json", "environment.json"
RESULTS, TABLE = "results.json", "results.csv"
SAMPLE = "scores_sample.parquet"
"""The pairs across poses of a streamed benchmark."""


@dataclass(frozen=True)
class SystemResult:
    """Figures of one system.

    Attributes:
        name: Name in tables.
        record: What the system is: embedder, digest, options such as flip fusion.
        overall: All probes.
        by_abs_yaw: Absolute yaw in degrees, as text -> figures.
        by_yaw: Signed yaw, as text -> figures.
        by_column: Other column -> its value -> figures.
        at_dev_thresholds: Error rates at thresholds set on the protocol's development people, where it has some.
        open_set: Figures of the open set, where people search who are not enrolled; else None.
        folds: Accuracy over the protocol's folds, thresholds exact; None where it has none.
        folds_on_legacy_grid: The same with thresholds of the field's customary grid of squared distances.
    """

    name: str
    record: dict[str, Any]
    overall: Figures
    by_abs_yaw: dict[str, Figures]
    by_yaw: dict[str, Figures]
    by_column: dict[str, dict[str, Figures]] = field(default_factory=dict)
    at_dev_thresholds: list[DevThreshold] = field(default_factory=list)
    open_set: OpenSet | None = None
    folds: FoldAccuracy | None = None
    folds_on_legacy_grid: FoldAccuracy | None = None

    def spreads(self) -> list[Spread]:
        """Return how far the groups of absolute yaw and of every other column lie apart."""
        columns = {"abs_yaw": self.by_abs_yaw, **self.by_column}
        return [each for column, groups in columns.items() for each in spread(column, groups)]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; rates in percent."""
        overall = self.overall.to_dict()
        del overall["group"]
        return {
            "name": self.name,
            **overall,
            "rank1_percent_by_abs_yaw": _of(self.by_abs_yaw, "rank1_percent"),
            "rank1_interval_by_abs_yaw": _of(self.by_abs_yaw, "rank1_interval"),
            "rank5_percent_by_abs_yaw": _of(self.by_abs_yaw, "rank5_percent"),
            "eer_percent_by_abs_yaw": _of(self.by_abs_yaw, "eer_percent"),
            "eer_interval_by_abs_yaw": _of(self.by_abs_yaw, "eer_interval"),
            "tar_at_far_by_abs_yaw": _of(self.by_abs_yaw, "tar_at_far"),
            "probes_by_abs_yaw": _of(self.by_abs_yaw, "probes"),
            "failures_by_abs_yaw": _of(self.by_abs_yaw, "failures_to_acquire"),
            "rank1_percent_by_yaw": _of(self.by_yaw, "rank1_percent"),
            "rank1_interval_by_yaw": _of(self.by_yaw, "rank1_interval"),
            "eer_percent_by_yaw": _of(self.by_yaw, "eer_percent"),
            "by_column": {
                column: {name: figures.to_dict() for name, figures in groups.items()}
                for column, groups in self.by_column.items()
            },
            "spread_between_groups": [each.to_dict() for each in self.spreads()],
            "at_dev_thresholds": [each.to_dict() for each in self.at_dev_thresholds],
            "open_set": None if self.open_set is None else self.open_set.to_dict(),
            "accuracy_over_folds": None if self.folds is None else _fold_record(self.folds),
            "accuracy_over_folds_on_legacy_grid": None
            if self.folds_on_legacy_grid is None
            else _fold_record(self.folds_on_legacy_grid),
            "embedder": self.record,
        }


@dataclass(frozen=True)
class BenchmarkResult:
    """Figures of several systems on one protocol, and the scores they come from.

    Attributes:
        protocol: Record of the protocol, as in ``protocol.json``.
        systems: One entry a system, in the order given.
        scores: Every comparison.
        measure: How the figures were computed.
        environment: Versions, machine, command, data fingerprint.
        folder: Where it is saved; None if it is not.
        streamed: System -> what is left of its scores, where there were too many to keep; ``scores`` then holds the
            pairs across poses only. None where every score is in ``scores``.
    """

    protocol: dict[str, Any]
    systems: list[SystemResult]
    scores: ScoreTable
    measure: Measure
    environment: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    streamed: dict[str, StreamedScores] | None = None

    def system(self, name: str) -> SystemResult:
        """Return the system called ``name``."""
        for system in self.systems:
            if system.name == name:
                return system
        raise DataError(f"no system {name!r}", found=", ".join(system.name for system in self.systems))

    def prepared(self) -> dict[str, SystemScores] | dict[str, StreamedScores]:
        """Return what curves and searches are read from, system by system: all scores, or what is left of them."""
        if self.streamed is not None:
            return self.streamed
        part = reported_part(self.scores)
        return {name: SystemScores(self.scores, name, self.measure, part) for name in self.scores.systems}

    def table(self) -> pd.DataFrame:
        """Return rank-1 by absolute yaw, one row a system, the overall figures last.

        Columns: ``system``, one for each absolute yaw in degrees, ``all``, ``EER %``, and ``accuracy %`` where there
        are folds. Percent as text with intervals.
        """
        rows = []
        for system in self.systems:
            row = {"system": system.name}
            for group, figures in system.by_abs_yaw.items():
                row[f"{group}°" if group != "unknown" else group] = rate_text(figures.rank, figures.rank_interval)
            if system.overall.rank:
                row["all"] = rate_text(system.overall.rank, system.overall.rank_interval)
            row["EER %"] = interval_text(system.overall.eer, system.overall.eer_interval)
            if system.folds is not None:
                row["accuracy %"] = f"{100 * system.folds.mean:.2f} ± {100 * system.folds.deviation:.2f}"
            rows.append(row)
        return pd.DataFrame(rows).fillna("")

    def spread_table(self) -> pd.DataFrame:
        """Return how far groups lie apart, one row a system, column and figure; empty without columns to group by."""
        rows = [
            each.row(system.name) for system in self.systems for each in system.spreads() if each.column != "abs_yaw"
        ]
        return pd.DataFrame(rows)

    def long_table(self) -> pd.DataFrame:
        """Return every figure as one row a system and group, for spreadsheets."""
        rows: list[dict[str, Any]] = []
        for system in self.systems:
            kinds = {"all": {"all": system.overall}, "abs_yaw": system.by_abs_yaw, "yaw": system.by_yaw}
            for kind, groups in {**kinds, **system.by_column}.items():
                rows.extend(_flat(system.name, kind, figures) for figures in groups.values())
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values: ``{"protocol": ..., "systems": [...]}``."""
        return {
            "protocol": {key: value for key, value in self.protocol.items() if key != "definition"},
            "systems": [system.to_dict() for system in self.systems],
            "measure": {
                "bootstrap_rounds": self.measure.rounds, "seed": self.measure.seed,
                "interval_percent": 95, "interval_over": "people", "bin_degrees": self.measure.bin_degrees,
            },
            "environment": self.environment,
        }  # fmt: skip

    def save(self, out: Path) -> Path:
        """Write scores, protocol, environment, ``results.json`` and ``results.csv`` into the folder ``out``.

        Of streamed scores ``scores_summary.npz`` and ``scores_sample.parquet`` are written in place of all scores.

        Raises:
            DataError: If ``out`` is the folder of a training run, which has an environment of its own.
        """
        out = Path(out)
        refuse_run_folder(out)
        self.claim(out)
        # Both or neither: an older benchmark's protocol beside these scores would give them its names.
        with atomic_path(out / PROTOCOL) as protocol:
            self._write_protocol(protocol)
            if self.streamed is None:
                for name in (SUMMARY, SAMPLE):  # of an older benchmark in this folder
                    (out / name).unlink(missing_ok=True)
                self.scores.save(out / SCORES)
            else:
                write_summary(out / SUMMARY, self.streamed)
                self.scores.save(out / SAMPLE)
        write_json(out / ENVIRONMENT, self.environment)
        write_json(out / RESULTS, self.to_dict())
        write_table(out / TABLE, self.long_table())
        return out

    def claim(self, out: Path) -> None:
        """Write the protocol into a folder that has none, before its scores: by it a broken-off benchmark is known.

        That of an older benchmark stays beside its scores until these are replaced.
        """
        if not (out / PROTOCOL).is_file():
            self._write_protocol(out / PROTOCOL)

    def _write_protocol(self, path: Path) -> None:
        write_json(path, {**self.protocol, "systems": {s.name: s.record for s in self.systems}})


def is_claimed(out: Path) -> bool:
    """Return whether a folder holds the protocol that :meth:`BenchmarkResult.claim` writes, not another of its name."""
    try:
        record = read_json(out / PROTOCOL)
    except (PifrError, OSError):
        return False
    return isinstance(record, dict) and "systems" in record and "measure" in record


def rate_text(rate: dict[int, float], interval: dict[int, Interval], n: int = 1) -> str:
    """Return a rank-N rate in percent with its interval, ``97.5 [92.1, 100.0]``; empty where there is none."""
    return interval_text(rate[n], interval[n]) if n in rate else ""


def interval_text(rate: float, interval: Interval | None) -> str:
    """Return a share in percent with its interval; empty for an unknown one."""
    if rate != rate:
        return ""
    ends = None if interval is None else interval.percent()
    return f"{100 * rate:.1f}" + ("" if ends is None else f" [{ends[0]:.1f}, {ends[1]:.1f}]")


def _fold_record(folds: FoldAccuracy) -> dict[str, Any]:
    return {
        "mean_percent": round(100 * folds.mean, 4),
        "deviation": round(100 * folds.deviation, 4),
        "standard_error": round(100 * folds.standard_error, 4),
        "folds_percent": [round(100 * float(each), 4) for each in folds.accuracy],
    }


def _of(groups: dict[str, Figures], key: str) -> dict[str, Any]:
    return {name: figures.to_dict().get(key) for name, figures in groups.items()}


def _flat(system: str, kind: str, figures: Figures) -> dict[str, Any]:
    row: dict[str, Any] = {"system": system, "grouped_by": kind}
    for key, value in figures.to_dict().items():
        if key.endswith("_interval"):
            row[f"{key}_low"], row[f"{key}_high"] = value or (None, None)
        elif key == "tar_at_far":
            for tar in value:
                row[f"tar_percent_at_far_{tar['far']:g}"] = tar["tar_percent"]
        else:
            row[key] = value
    return row
