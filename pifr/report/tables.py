"""The page's tables: figures as cells with a rate, an interval and a mark for the best of a column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pifr.evaluation.figures import Figures
from pifr.evaluation.preservation_result import PreservationResult
from pifr.evaluation.results import BenchmarkResult, SystemResult
from pifr.report.plots import colour


def rank_table(result: BenchmarkResult) -> dict[str, Any] | None:
    """Rank-1 by absolute yaw side by side; None where the protocol has no search."""
    if not result.systems[0].overall.rank:
        return None
    rows = [
        _row(index, system, [_cell(f.rank.get(1, math.nan), f.rank_interval.get(1)) for f in _by_yaw(system)])
        for index, system in enumerate(result.systems)
    ]
    _mark_best([row["cells"] for row in rows], highest=True)
    counts = [f"{figures.probes:,}" for figures in _by_yaw(result.systems[0])]
    return {"groups": degrees(list(result.systems[0].by_abs_yaw)), "rows": rows, "counts": counts}


def eer_table(result: BenchmarkResult) -> dict[str, Any]:
    """Equal error rate by absolute yaw side by side."""
    rows = [
        _row(index, system, [_cell(f.eer, f.eer_interval) for f in _by_yaw(system)])
        for index, system in enumerate(result.systems)
    ]
    _mark_best([row["cells"] for row in rows], highest=False)
    counts = [f"{f.mated:,} / {f.nonmated:,}" for f in _by_yaw(result.systems[0])]
    return {"groups": degrees(list(result.systems[0].by_abs_yaw)), "rows": rows, "counts": counts}


def tar_tables(result: BenchmarkResult) -> dict[str, list[dict[str, Any]]]:
    """One row a system, and one a system and yaw; words instead of a number where impostors are too few."""
    overall, by_yaw = [], []
    for index, system in enumerate(result.systems):
        overall.append(_tar_row(index, system, "all", system.overall))
        names = degrees(list(system.by_abs_yaw))
        by_yaw += [
            _tar_row(index, system, name, figures)
            for name, figures in zip(names, system.by_abs_yaw.values(), strict=True)
        ]
    return {"overall": overall, "by_yaw": by_yaw}


def open_set_table(result: BenchmarkResult) -> dict[str, Any] | None:
    """Detection and identification rate by allowed false positive identification rate; None for a closed set."""
    first = result.systems[0].open_set
    if first is None:
        return None
    rows = []
    for index, system in enumerate(result.systems):
        rates = [] if system.open_set is None else system.open_set.rates
        rows.append(_row(index, system, [_cell(each.rate, each.interval) for each in rates]))
    _mark_best([row["cells"] for row in rows], highest=True)
    galleries = [
        (name or "the gallery", people, mated, strangers)
        for name, (people, mated, strangers) in first.galleries.items()
    ]
    return {"fpirs": [f"{each.fpir:g}" for each in first.rates], "rows": rows, "galleries": galleries}


def accuracy_table(result: BenchmarkResult) -> dict[str, Any] | None:
    """Accuracy over folds beside published figures; None where the protocol has no folds."""
    if result.systems[0].folds is None:
        return None
    rows = [(colour(i), s.name, s.folds, s.folds_on_legacy_grid) for i, s in enumerate(result.systems)]
    published = result.protocol.get("published_accuracy") or {}
    return {"rows": rows, "published": list(published.items()), "source": _source(result)}


def published_tables(result: BenchmarkResult) -> list[dict[str, Any]]:
    """Published rank-1, TAR and EER / HTER, one table each, for protocols that have some."""
    protocol = result.protocol
    tables = []
    for title, key, unit in (("rank-1", "published", "°"), ("TAR at FAR", "published_tar", "")):
        published = protocol.get(key) or {}
        if published:
            groups = sorted({group for row in published.values() for group in row}, key=float)
            rows = [(name, [row.get(group) for group in groups]) for name, row in published.items()]
            tables.append({"title": title, "groups": [group + unit for group in groups], "rows": rows})
    errors = protocol.get("published_eer_hter") or {}
    if errors:
        tables.append({"title": "error", "groups": ["EER on dev", "HTER on eval"], "rows": list(errors.items())})
    return [{**table, "source": _source(result)} for table in tables]


def column_tables(result: BenchmarkResult) -> list[dict[str, Any]]:
    """One table a further column (``--by``): its values, and the spread between the best and the worst."""
    tables = []
    for column in result.systems[0].by_column:
        rows = []
        for index, system in enumerate(result.systems):
            groups = system.by_column[column]
            rates = [figures.rank.get(1, math.nan) for figures in groups.values()]
            spread = max(rates) - min(rates) if rates and not np.isnan(rates).any() else math.nan
            cells = [_cell(f.rank.get(1, math.nan), f.rank_interval.get(1)) for f in groups.values()]
            eers = [_cell(f.eer, f.eer_interval) for f in groups.values()]
            rows.append({**_row(index, system, cells), "spread": spread, "eers": eers})
        first = result.systems[0].by_column[column]
        counts = [f"{figures.probes:,}" for figures in first.values()]
        tables.append({"column": column, "groups": list(first), "rows": rows, "counts": counts})
    return tables


def preservation_section(result: PreservationResult) -> dict[str, Any]:
    """Everything the page says of one set of generated views."""
    table = result.table()
    rows = [
        (colour([each.name for each in result.systems].index(row[0])), list(row))
        for row in table.itertuples(index=False, name=None)
    ]
    return {
        "protocol": result.protocol, "columns": list(table.columns), "rows": rows,
        "notes": [
            *result.protocol.get("notes", []),
            *[f"{system.name}: {system.note}" for system in result.systems if system.note],
        ],
        "records": [(system.name, system.record) for system in result.systems],
        "environment": [(key, value) for key, value in result.environment.items() if value not in (None, "", {}, [])],
    }  # fmt: skip


def degrees(groups: Sequence[str]) -> list[str]:
    """Return names of yaw groups as they are read, ``45°``."""
    return [group if group == "unknown" else f"{group}°" for group in groups]


def _by_yaw(system: SystemResult) -> list[Figures]:
    return [*system.by_abs_yaw.values(), system.overall]


def _row(index: int, system: SystemResult, cells: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": system.name, "colour": colour(index), "cells": cells}


def _tar_row(index: int, system: SystemResult, group: str, figures: Figures) -> dict[str, Any]:
    cells = [
        {
            **_cell(tar.tar, figures.tar_interval.get(tar.far)),
            "far": f"{tar.far:g}",
            "words": str(tar) if tar.too_few else "",
        }
        for tar in figures.tar
    ]
    counts = {"group": group, "impostors": figures.nonmated, "failures": figures.failures}
    return {**_row(index, system, cells), **counts}


def _cell(rate: float, interval: Any) -> dict[str, Any]:
    ends = None if interval is None else interval.percent()
    return {"known": rate == rate, "rate": 100 * rate, "ends": ends, "best": False}


def _mark_best(rows: list[list[dict[str, Any]]], highest: bool) -> None:
    """Mark the best system of each column; nothing where there is one system, or a draw of all."""
    for column in zip(*rows, strict=True):
        rates = [cell["rate"] for cell in column if cell["known"]]
        if len(rates) < 2 or min(rates) == max(rates):
            continue
        best = max(rates) if highest else min(rates)
        for cell in column:
            cell["best"] = cell["known"] and cell["rate"] == best


def _source(result: BenchmarkResult) -> str:
    return str(result.protocol.get("definition", {}).get("published_source", ""))
