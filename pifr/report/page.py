"""The page: what stands where, from results to HTML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pifr.core.errors import DataError
from pifr.core.files import write_text
from pifr.evaluation.figures import SystemScores
from pifr.evaluation.poses import pose_matrix
from pifr.evaluation.results import BenchmarkResult
from pifr.evaluation.thresholds import reported_part
from pifr.metrics import cumulative_match, roc_points
from pifr.report import plots
from pifr.report.maps import embedding_map
from pifr.report.pictures import file_uri, worst_pairs
from pifr.report.words import Headline, headline

_CMC_RANKS = 20


def write_report(
    results: BenchmarkResult | Sequence[BenchmarkResult],
    path: Path,
    pictures: Sequence[tuple[str, Path]] = (),
    summary_rows: Sequence[tuple[str, str]] = (),
    title: str = "Face recognition across pose",
) -> Path:
    """Write one self-contained HTML page.

    Args:
        results: One benchmark, or several; those of one protocol and data are best measured in one call of
            :func:`pifr.evaluation.evaluate`, since the page then puts their systems side by side.
        path: Where to write; its folder is made.
        pictures: Titles and PNG or JPEG files shown right after the first table, for example a grid of views.
        summary_rows: Labels and values shown beside the headline, for example times by stage.
        title: The page's heading.

    Returns:
        ``path``.

    Raises:
        DataError: If there is no result or a picture is missing.
    """
    results = [results] if isinstance(results, BenchmarkResult) else list(results)
    if not results:
        raise DataError("a report needs at least one benchmark")
    shown = [{"title": name, "uri": file_uri(Path(file))} for name, file in pictures]
    environment = Environment(
        loader=PackageLoader("pifr.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    style, _, _ = environment.loader.get_source(environment, "style.css")  # type: ignore[union-attr]
    page = environment.get_template("report.html.j2").render(
        title=title,
        style=Markup(style),
        sections=[_section(result) for result in results],
        pictures=shown,
        summary_rows=list(summary_rows),
    )
    write_text(Path(path), page)
    return Path(path)


def _section(result: BenchmarkResult) -> dict[str, Any]:
    """Collect everything the page says of one benchmark."""
    part = reported_part(result.scores)
    prepared = {s.name: SystemScores(result.scores, s.name, result.measure, part) for s in result.systems}
    folder = Path(str(result.protocol.get("folder", ".")))
    told: Headline = headline(result)
    return {
        "protocol": result.protocol,
        "headline": told.sentence,
        "facts": told.facts,
        "rank_table": _rank_table(result),
        "eer_table": _eer_table(result),
        "tar_table": _tar_table(result),
        "accuracy": _accuracy(result),
        "published": _published(result),
        "column_tables": _column_tables(result),
        "plots": _plots(result, prepared),
        "errors": [_errors(result, each, folder, index) for index, each in enumerate(prepared.values())],
        "dev_rows": [(plots.colour(i), s.name, t) for i, s in enumerate(result.systems) for t in s.at_dev_thresholds],
        "records": [(system.name, system.record) for system in result.systems],
        "measure": result.measure,
        "environment": result.environment,
    }


def _rank_table(result: BenchmarkResult) -> dict[str, Any] | None:
    """Rank-1 by absolute yaw side by side; None where the protocol has no search or no yaw."""
    groups = list(result.systems[0].by_abs_yaw)
    rows: list[dict[str, Any]] = []
    if not groups or not result.systems[0].overall.rank:
        return None
    for index, system in enumerate(result.systems):
        figures = [*system.by_abs_yaw.values(), system.overall]
        rows.append({
            "name": system.name, "colour": plots.colour(index),
            "cells": [_cell(f.rank.get(1, float("nan")), f.rank_interval.get(1)) for f in figures],
        })  # fmt: skip
    _mark_best([row["cells"] for row in rows], highest=True)
    first = result.systems[0]
    counts = [figures.probes for figures in [*first.by_abs_yaw.values(), first.overall]]
    return {"groups": _degrees(groups), "rows": rows, "counts": counts}


def _eer_table(result: BenchmarkResult) -> dict[str, Any] | None:
    groups = list(result.systems[0].by_abs_yaw)
    rows: list[dict[str, Any]] = []
    for index, system in enumerate(result.systems):
        figures = [*system.by_abs_yaw.values(), system.overall]
        rows.append({
            "name": system.name, "colour": plots.colour(index),
            "cells": [_cell(f.eer, f.eer_interval) for f in figures],
        })  # fmt: skip
    _mark_best([row["cells"] for row in rows], highest=False)
    first = result.systems[0]
    counts = [f"{f.mated:,} / {f.nonmated:,}" for f in [*first.by_abs_yaw.values(), first.overall]]
    return {"groups": _degrees(groups), "rows": rows, "counts": counts}


def _tar_table(result: BenchmarkResult) -> list[dict[str, Any]]:
    """One row a system, group and false accept rates, with words where impostors are too few."""
    rows = []
    for index, system in enumerate(result.systems):
        named = [
            ("all", system.overall),
            *zip(_degrees(list(system.by_abs_yaw)), system.by_abs_yaw.values(), strict=True),
        ]
        for group, figures in named:
            cells = []
            for tar in figures.tar:
                cell = _cell(tar.tar, figures.tar_interval.get(tar.far))
                cells.append({**cell, "far": f"{tar.far:g}", "words": str(tar) if tar.too_few else ""})
            rows.append({
                "name": system.name, "colour": plots.colour(index), "group": group, "cells": cells,
                "impostors": figures.nonmated, "failures": figures.failures,
            })  # fmt: skip
    return rows


def _accuracy(result: BenchmarkResult) -> dict[str, Any] | None:
    """Accuracy over folds, and published figures; None where the protocol has no folds."""
    if result.systems[0].folds is None:
        return None
    published = result.protocol.get("published_accuracy") or {}
    source = result.protocol.get("definition", {}).get("published_source", "")
    rows = [(plots.colour(i), s.name, s.folds, s.folds_on_legacy_grid) for i, s in enumerate(result.systems)]
    return {"rows": rows, "published": list(published.items()), "source": source}


def _published(result: BenchmarkResult) -> dict[str, Any] | None:
    """Published rank-1 beside ours, for protocols that have some."""
    published = result.protocol.get("published") or {}
    if not published:
        return None
    groups = sorted({group for row in published.values() for group in row}, key=float)
    rows = [(name, [row.get(group) for group in groups]) for name, row in published.items()]
    source = result.protocol.get("definition", {}).get("published_source", "")
    return {"groups": _degrees(groups), "rows": rows, "source": source}


def _column_tables(result: BenchmarkResult) -> list[dict[str, Any]]:
    """One table a further column (``--by``): its values, and the spread between the best and the worst."""
    tables = []
    for column in result.systems[0].by_column:
        rows = []
        for index, system in enumerate(result.systems):
            groups = system.by_column[column]
            rates = [figures.rank.get(1, float("nan")) for figures in groups.values()]
            spread = max(rates) - min(rates) if rates and not np.isnan(rates).any() else float("nan")
            rows.append({
                "name": system.name, "colour": plots.colour(index), "spread": spread,
                "cells": [_cell(f.rank.get(1, float("nan")), f.rank_interval.get(1)) for f in groups.values()],
                "eers": [_cell(f.eer, f.eer_interval) for f in groups.values()],
            })  # fmt: skip
        counts = [figures.probes for figures in result.systems[0].by_column[column].values()]
        tables.append({"column": column, "groups": list(result.systems[0].by_column[column]), "rows": rows,
                       "counts": counts})  # fmt: skip
    return tables


def _plots(result: BenchmarkResult, prepared: dict[str, SystemScores]) -> dict[str, Any]:
    curves = [(name, roc_points(*_two_sides(scores))) for name, scores in prepared.items()]
    drawn: dict[str, Any] = {"roc": Markup(plots.roc(curves)), "det": Markup(plots.det(curves))}
    drawn["yaw"] = drawn["cmc"] = None
    if result.systems[0].by_yaw and result.systems[0].overall.rank:
        drawn["yaw"] = Markup(plots.rank_against_yaw([(s.name, s.by_yaw) for s in result.systems]))
    ranks = [(name, scores.ranks) for name, scores in prepared.items()]
    if all(found is not None for _, found in ranks):
        people = len(set(result.scores.person[result.scores.reference[result.scores.search]].tolist()))
        deepest = min(_CMC_RANKS, people)
        drawn["cmc"] = Markup(plots.cmc([(n, cumulative_match(r, deepest)) for n, r in ranks if r is not None]))
    return drawn


def _errors(result: BenchmarkResult, prepared: SystemScores, folder: Path, index: int) -> dict[str, Any]:
    """Everything about one system that has a place of its own: histogram, heat map, worst pairs."""
    name, table = prepared.system, prepared.table
    values = table.scores[name]
    known = ~np.isnan(values)
    false_matches, false_nonmatches = worst_pairs(table, name, folder)
    heat = drawn_map = None
    if not result.scores.search.all():
        found = embedding_map(result.scores, name)
        drawn_map = Markup(plots.embedding_map(found, name)) if found else None
        names, rates, _ = pose_matrix(result.scores, name, result.measure.bin_degrees)
        heat = Markup(plots.yaw_heat_map(names, rates, name))
    return {
        "name": name,
        "colour": plots.colour(index),
        "histogram": Markup(plots.score_histogram(values[known & table.mated], values[known & ~table.mated], index)),
        "heat_map": heat,
        "map": drawn_map,
        "false_matches": false_matches,
        "false_nonmatches": false_nonmatches,
    }


def _two_sides(scores: SystemScores) -> tuple[np.ndarray, np.ndarray]:
    return scores.scores[scores.table.mated], scores.scores[~scores.table.mated]


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


def _degrees(groups: Sequence[str]) -> list[str]:
    return [group if group == "unknown" else f"{group}°" for group in groups]
