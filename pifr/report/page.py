"""The page: what stands where, from results to HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pifr.core.errors import DataError
from pifr.core.files import write_text
from pifr.evaluation.figures import SystemScores
from pifr.evaluation.joining import join_results
from pifr.evaluation.poses import pose_matrix
from pifr.evaluation.preservation_result import PreservationResult
from pifr.evaluation.results import BenchmarkResult
from pifr.evaluation.streamed import StreamedScores
from pifr.metrics import cumulative_match
from pifr.report import plots, tables
from pifr.report.maps import embedding_map
from pifr.report.pictures import file_uri, worst_pairs
from pifr.report.settings import downloads, flat_environment, settings
from pifr.report.words import Headline, headline

_CMC_RANKS = 20
_BARS = 50
_UNNAMED: dict[str, Any] = {"name": "", "title": "", "data": "", "measures": "", "source": "unknown", "notes": []}
"""Of scores made elsewhere, with no protocol.json beside them."""


def write_report(
    results: BenchmarkResult | Sequence[BenchmarkResult],
    path: Path,
    pictures: Sequence[tuple[str, Path]] = (),
    summary_rows: Sequence[tuple[str, str]] = (),
    title: str = "Face recognition across pose",
    preservation: Sequence[PreservationResult] = (),
) -> Path:
    """Write one self-contained HTML page.

    Args:
        results: One benchmark, or several. Those that hold the same comparisons are put side by side, see
            :func:`~pifr.evaluation.joining.join_results`; others stand below each other.
        path: Where to write; its folder is made.
        pictures: Titles and PNG or JPEG files shown right after the first table, for example a grid of views.
        summary_rows: Labels and values shown beside the headline, for example times by stage.
        title: The page's heading.
        preservation: What ``pifr benchmark --protocol preservation`` found, shown below the benchmarks.

    Returns:
        ``path``.

    Raises:
        DataError: If there is no result or a picture is missing.
    """
    results = join_results([results] if isinstance(results, BenchmarkResult) else list(results))
    if not results and not preservation:
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
        preservation=[tables.preservation_section(each) for each in preservation],
        pictures=shown,
        summary_rows=list(summary_rows),
    )
    write_text(Path(path), page)
    return Path(path)


def _section(result: BenchmarkResult) -> dict[str, Any]:
    """Collect everything the page says of one benchmark."""
    prepared: Mapping[str, SystemScores | StreamedScores] = result.prepared()
    folder = Path(str(result.protocol.get("folder", ".")))
    told: Headline = headline(result)
    return {
        "protocol": {**_UNNAMED, **result.protocol},
        "headline": told.sentence,
        "facts": told.facts,
        "rank_table": tables.rank_table(result),
        "eer_table": tables.eer_table(result),
        "tar_tables": tables.tar_tables(result),
        "open_set": tables.open_set_table(result),
        "accuracy": tables.accuracy_table(result),
        "published": tables.published_tables(result),
        "column_tables": tables.column_tables(result),
        "plots": _plots(result, prepared),
        "errors": [_errors(result, each, folder, index) for index, each in enumerate(prepared.values())],
        "dev_rows": [(plots.colour(i), s.name, t) for i, s in enumerate(result.systems) for t in s.at_dev_thresholds],
        "settings": settings(result),
        "records": [(system.name, system.record) for system in result.systems],
        "measure": result.measure,
        "environment": flat_environment(result),
        "downloads": downloads(result),
    }


def _plots(result: BenchmarkResult, prepared: Mapping[str, SystemScores | StreamedScores]) -> dict[str, Any]:
    curves = [(name, scores.curve()) for name, scores in prepared.items()]
    drawn: dict[str, Any] = {"roc": Markup(plots.roc(curves)), "det": Markup(plots.det(curves))}
    drawn["yaw"] = drawn["cmc"] = None
    if result.systems[0].by_yaw and result.systems[0].overall.rank:
        drawn["yaw"] = Markup(plots.rank_against_yaw([(s.name, s.by_yaw) for s in result.systems]))
    ranks = [(name, s.ranks[s.enrolled]) for name, s in prepared.items() if s.ranks is not None]
    if len(ranks) == len(prepared):
        people = next(len(s.search.people) for s in prepared.values() if s.search is not None)
        deepest = min(_CMC_RANKS, people)
        drawn["cmc"] = Markup(plots.cmc([(name, cumulative_match(found, deepest)) for name, found in ranks]))
    return drawn


def _errors(
    result: BenchmarkResult, prepared: SystemScores | StreamedScores, folder: Path, index: int
) -> dict[str, Any]:
    """Everything about one system that has a place of its own: histogram, heat map, worst pairs."""
    name = prepared.system
    false_matches, false_nonmatches = worst_pairs(prepared.worst, name, folder)
    heat = drawn_map = None
    if not result.scores.search.all():
        found = embedding_map(result.scores, name)
        drawn_map = [Markup(plot) for plot in plots.embedding_map(found, name)] if found else None
        names, rates, _ = pose_matrix(result.scores, name, result.measure.bin_degrees)
        heat = Markup(plots.yaw_heat_map(names, rates, name))
    return {
        "name": name,
        "colour": plots.colour(index),
        "histogram": Markup(_histogram(prepared, index)),
        "heat_map": heat,
        "map": drawn_map,
        "false_matches": false_matches,
        "false_nonmatches": false_nonmatches,
    }


def _histogram(prepared: SystemScores | StreamedScores, index: int) -> str:
    if isinstance(prepared, SystemScores):
        values, mated = prepared.table.scores[prepared.system], prepared.table.mated
        known = ~np.isnan(values)
        return plots.score_histogram(values[known & mated], values[known & ~mated], index)
    return plots.counted_histogram(*prepared.counts["all"]["all"].scores.histogram(_BARS), index)
