"""Figures of identity preservation, as objects, a table, JSON and CSV."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pifr.core.errors import DataError
from pifr.core.files import read_json, write_json
from pifr.data.manifest import write_table
from pifr.metrics import Interval
from pifr.metrics.bootstrap import LEVEL

RESULTS, TABLE = "preservation.json", "preservation.csv"
_MEANS = {
    "cosine": ("cosine_to_source", 1), "other": ("cosine_to_nearest_other", 1), "rank1": ("rank1_percent", 100),
    "accepted": ("accepted_percent", 100), "kept": ("accepted_by_generating_run_percent", 100),
    "yaw_error": ("yaw_error_degrees", 1),
}  # fmt: skip
"""Figure -> its key in JSON and what it is multiplied by there."""


@dataclass(frozen=True)
class Mean:
    """A mean over views.

    Attributes:
        value: The mean.
        interval: Over people.
    """

    value: float
    interval: Interval

    def text(self, scale: float = 1.0, digits: int = 1) -> str:
        """Return ``97.5 [92.1, 100.0]``, the interval only where it is known."""
        return f"{scale * self.value:.{digits}f}{self.interval.text(scale, digits)}"

    def to_dict(self, scale: float = 1.0) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "mean": round(scale * self.value, 4), "interval": self.interval.scaled(scale),
            "people": self.interval.people,
        }  # fmt: skip


@dataclass(frozen=True)
class PreservationFigures:
    """What one embedder says of one group of views. Means are None where nothing could be measured.

    Attributes:
        group: ``all`` or the yaw asked for, in degrees.
        views: Number of views.
        people: Number of people they show.
        failures: Views that gave no embedding, or whose source gave none; never accepted. The former are never found
            either; the latter are searched among the other pictures of their person.
        cosine: Cosine to the source.
        other: Cosine to the most similar real picture of anybody else.
        rank1: Share of views whose person is the first among all real people; every real picture is enrolled.
        accepted: Share of views whose cosine to the source reaches the threshold of acceptance.
        kept: Share of views that the generating run accepted by its own check.
        yaw_error: Absolute difference of the measured yaw to the one asked for, in degrees.
        real_cosine: Mean cosine of the same sources with real pictures of the same people at that yaw, for all
            views weighted as their yaws are; NaN where there are none.
    """

    group: str
    views: int
    people: int
    failures: int
    cosine: Mean | None
    other: Mean | None
    rank1: Mean | None
    accepted: Mean | None
    kept: Mean | None
    yaw_error: Mean | None
    real_cosine: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values, shares in percent; the unknown is null."""
        means = {key: (getattr(self, name), scale) for name, (key, scale) in _MEANS.items()}
        return {
            "group": self.group, "views": self.views, "people": self.people, "failures_to_acquire": self.failures,
            **{key: None if mean is None else mean.to_dict(scale) for key, (mean, scale) in means.items()},
            "real_cosine_at_this_yaw": None if math.isnan(self.real_cosine) else round(self.real_cosine, 4),
        }  # fmt: skip


@dataclass(frozen=True)
class PreservationSystem:
    """Figures of one embedder.

    Attributes:
        name: Name in tables.
        record: What it is.
        overall: All views.
        by_yaw: Yaw asked for, as text -> figures.
        threshold: Cosine from which a view is accepted; None where impostors are too few to set it.
        impostor_comparisons: Comparisons of two real people behind it.
        note: Why there is no threshold, in words.
    """

    name: str
    record: dict[str, Any]
    overall: PreservationFigures
    by_yaw: dict[str, PreservationFigures]
    threshold: float | None
    impostor_comparisons: int
    note: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "name": self.name, "embedder": self.record, **self.overall.to_dict(),
            "by_yaw": {group: figures.to_dict() for group, figures in self.by_yaw.items()},
            "threshold": self.threshold, "impostor_comparisons": self.impostor_comparisons, "note": self.note,
        }  # fmt: skip


@dataclass(frozen=True)
class PreservationResult:
    """Identity preservation of one set of views, by several embedders.

    Attributes:
        protocol: What was compared, and how.
        systems: One entry an embedder.
        environment: Versions, machine, command, data fingerprint.
    """

    protocol: dict[str, Any]
    systems: list[PreservationSystem]
    environment: dict[str, Any] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """Return one row an embedder and yaw, all views last, means with 95 % intervals over people."""
        rows = []
        for system in self.systems:
            for figures in (*system.by_yaw.values(), system.overall):
                rows.append({
                    "system": system.name, "yaw": figures.group, "views": figures.views,
                    "cosine to source": _text(figures.cosine, 1, 2),
                    "real at this yaw": "" if math.isnan(figures.real_cosine) else f"{figures.real_cosine:.2f}",
                    "nearest other": _text(figures.other, 1, 2), "rank-1 %": _text(figures.rank1, 100),
                    "accepted %": _text(figures.accepted, 100) or ("too few impostors" if system.note else ""),
                    "yaw error°": _text(figures.yaw_error),
                })  # fmt: skip
        table = pd.DataFrame(rows)
        return table.loc[:, (table != "").any()]

    def long_table(self) -> pd.DataFrame:
        """Return every figure as one row an embedder and group, for spreadsheets."""
        rows = []
        for system in self.systems:
            for figures in (*system.by_yaw.values(), system.overall):
                row: dict[str, Any] = {"system": system.name}
                for key, value in figures.to_dict().items():
                    if isinstance(value, dict):
                        row[key] = value["mean"]
                        row[f"{key}_low"], row[f"{key}_high"] = value["interval"] or (None, None)
                    else:
                        row[key] = value
                rows.append(row)
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "protocol": self.protocol,
            "systems": [system.to_dict() for system in self.systems],
            "environment": self.environment,
        }

    def save(self, out: Path) -> Path:
        """Write ``preservation.json`` and ``preservation.csv`` into the folder ``out``."""
        write_json(Path(out) / RESULTS, self.to_dict())
        write_table(Path(out) / TABLE, self.long_table())
        return Path(out)


def _text(mean: Mean | None, scale: float = 1.0, digits: int = 1) -> str:
    return "" if mean is None else mean.text(scale, digits)


def read_preservation(folder: Path) -> PreservationResult:
    """Read what :meth:`PreservationResult.save` wrote; intervals come without their bootstrap rounds.

    Raises:
        DataError: If the folder holds no such result, or it is damaged.
    """
    path = Path(folder) / RESULTS
    if not path.is_file():
        raise DataError(f"there is no {RESULTS}", where=folder, cure="run pifr benchmark --protocol preservation --out")
    record = read_json(path)
    try:
        systems = [_read_system(each) for each in record["systems"]]
        return PreservationResult(record["protocol"], systems, record["environment"])
    except (KeyError, TypeError) as error:
        raise DataError(
            "can't read the preservation result", where=path, found=error, cure="benchmark again"
        ) from error


def _read_system(record: dict[str, Any]) -> PreservationSystem:
    by_yaw = {group: _read_figures(figures) for group, figures in record["by_yaw"].items()}
    return PreservationSystem(
        record["name"], record["embedder"], _read_figures(record), by_yaw, record["threshold"],
        record["impostor_comparisons"], record["note"],
    )  # fmt: skip


def _read_figures(record: dict[str, Any]) -> PreservationFigures:
    means = {name: _read_mean(record[key], scale) for name, (key, scale) in _MEANS.items()}
    real = record["real_cosine_at_this_yaw"]
    return PreservationFigures(
        record["group"], record["views"], record["people"], record["failures_to_acquire"], **means,
        real_cosine=math.nan if real is None else real,
    )  # fmt: skip


def _read_mean(record: dict[str, Any] | None, scale: float) -> Mean | None:
    if record is None:
        return None
    low, high = (math.nan, math.nan) if record["interval"] is None else (end / scale for end in record["interval"])
    return Mean(record["mean"] / scale, Interval(low, high, LEVEL, record["people"], np.zeros(0)))
