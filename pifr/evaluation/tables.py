"""Figures and curves as files for spreadsheets and other plots: one JSON, and CSV tables with a row a point."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pifr.core.files import write_json
from pifr.data.manifest import write_table
from pifr.evaluation.poses import pose_matrix
from pifr.evaluation.results import RESULTS, TABLE, BenchmarkResult
from pifr.metrics import cumulative_match

_MOST_RANKS = 100


def save_tables(result: BenchmarkResult, folder: Path) -> Path:
    """Write every figure and curve of a benchmark.

    Args:
        result: The benchmark.
        folder: Gets ``results.json``, ``results.csv`` (a row a system and group), ``roc.csv``, ``cmc.csv`` and
            ``yaw_by_yaw.csv``; the last two where the protocol has a search, or pictures a yaw.

    Returns:
        ``folder``.
    """
    folder = Path(folder)
    write_json(folder / RESULTS, result.to_dict())
    write_table(folder / TABLE, result.long_table())
    for name, table in (("roc", roc_table(result)), ("cmc", cmc_table(result)), ("yaw_by_yaw", yaw_table(result))):
        if len(table):
            write_table(folder / f"{name}.csv", table)
    return folder


def roc_table(result: BenchmarkResult) -> pd.DataFrame:
    """Return ``system, threshold, fmr, fnmr``, a row a threshold."""
    found = []
    for name, prepared in result.prepared().items():
        rates = prepared.curve()
        found.append(pd.DataFrame({
            "system": name, "threshold": rates.thresholds, "fmr": rates.fmr, "fnmr": rates.fnmr,
        }))  # fmt: skip
    return pd.concat(found, ignore_index=True)


def cmc_table(result: BenchmarkResult) -> pd.DataFrame:
    """Return ``system, rank, share``; no row where the protocol has no search."""
    found = [pd.DataFrame({"system": [], "rank": [], "share": []})]
    for name, prepared in result.prepared().items():
        if prepared.search is None or prepared.ranks is None:
            continue
        people = len(prepared.search.people)
        share = cumulative_match(prepared.ranks[prepared.enrolled], min(_MOST_RANKS, people))
        found.append(pd.DataFrame({"system": name, "rank": np.arange(1, len(share) + 1), "share": share}))
    return pd.concat(found[1:] or found, ignore_index=True)


def yaw_table(result: BenchmarkResult) -> pd.DataFrame:
    """Return ``system, yaw, other_yaw, eer_percent, mated_comparisons``; no row without pairs across poses."""
    rows = []
    if not result.scores.search.all():
        for name in result.scores.systems:
            yaws, rates, counts = pose_matrix(result.scores, name, result.measure.bin_degrees)
            rows += [
                (name, yaws[i], yaws[j], 100 * rates[i, j], counts[i, j])
                for i in range(len(yaws)) for j in range(i, len(yaws))
            ]  # fmt: skip
    return pd.DataFrame(rows, columns=["system", "yaw", "other_yaw", "eer_percent", "mated_comparisons"])
