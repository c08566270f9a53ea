"""What the London splits say: one JSON and one table, with two kinds of uncertainty.

* **Interval over people**: a bootstrap that draws the set's people once a round and weighs them alike in every split
  that tests them (:func:`benchmarks.study.london_steps.benchmark`); rates are averaged over splits round by round.
  Somebody who is tested in four splits is one person, not four. Trained networks stay as they are, so what other
  training people or another seed would do is not in it.
* **Spread over splits**: the standard deviation. Splits share people, so it says less than ten sets would. For changes
  between systems the corrected interval of Nadeau and Bengio ("Inference for the Generalization Error", Machine
  Learning 52, 2003, section 3) stands beside it: mean +- t sqrt((1/J + n_test/n_train) S^2) for J splits. The gap
  closed is a ratio of two means; its interval is that of the ratio made linear.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.study.gaps import Measured, Statistic, change_over_seeds, gap_over_seeds, rate_over_seeds
from benchmarks.study.london import Outcome
from benchmarks.study.london_settings import FRONTAL, TRUE, LondonSettings, System
from benchmarks.study.london_steps import EER, FIGURES
from benchmarks.study.steps import RANK1
from benchmarks.study.tables import gap_text, markdown_table, statistic_text
from pifr.metrics.bootstrap import LEVEL

STUDY = "london splits"
"""How stored results of this study are known."""
YAWS = ("0", "45", "90")
WIDE = ("45", "90")
_NAMES = {RANK1: "rank-1", EER: "EER"}


def corrected_interval(changes: Sequence[float], tested: int, trained: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a mean change over random splits of one set; None for fewer than two splits.

    Args:
        changes: One a split.
        tested: Test people of a split.
        trained: Its training people.
    """
    from scipy.stats import t

    splits = len(changes)
    if splits < 2:
        return None
    error = math.sqrt((1 / splits + tested / trained) * float(np.var(changes, ddof=1)))
    half = float(t.ppf((1 + LEVEL) / 2, splits - 1)) * error
    mean = float(np.mean(changes))
    return mean - half, mean + half


def corrected_ratio(
    numerators: Sequence[float], denominators: Sequence[float], tested: int, trained: int
) -> tuple[float, float] | None:
    """Return :func:`corrected_interval` of a ratio of means, linearised; None unless the denominators' own is above 0.

    With denominators that may be 0, or of either sign, the ratio could be anything and its line says nothing.

    Args:
        numerators: One a split.
        denominators: One a split.
        tested: Test people of a split.
        trained: Its training people.
    """
    ends, mean = corrected_interval(denominators, tested, trained), float(np.mean(denominators))
    if ends is None or ends[0] <= 0:
        return None
    ratio = float(np.mean(numerators)) / mean
    influence = ratio + (np.asarray(numerators) - ratio * np.asarray(denominators)) / mean
    return corrected_interval(influence.tolist(), tested, trained)


def summarise(
    outcome: Outcome, systems: Sequence[System], settings: LondonSettings, record: dict[str, Any]
) -> dict[str, Any]:
    """Return everything that was found, JSON-ready, rates and gaps in percent.

    Args:
        outcome: The figures of every system and split.
        systems: The systems asked for.
        settings: The study's.
        record: Command, machine, date.
    """
    return {
        "study": STUDY, **record, "hours": round(outcome.seconds / 3600, 3),
        "settings": settings.model_dump(mode="json"), "inputs": outcome.inputs,
        "splits": outcome.splits, "tested": {str(split): names for split, names in outcome.tested.items()},
        "uncertainty": {
            "interval": "over people, each drawn once a round for all splits that test them; networks fixed",
            "corrected_interval": "over splits, Nadeau and Bengio 2003",
        },
        "rows": {system.key: _system(outcome, system, settings) for system in systems},
    }  # fmt: skip


def _system(outcome: Outcome, system: System, settings: LondonSettings) -> dict[str, Any]:
    measured = outcome.measured
    everybody = len({name for names in outcome.tested.values() for name in names})
    found: dict[str, Any] = {"title": system.title}
    for figure in FIGURES:
        mine = measured[system.key][figure]
        groups = {yaw: [yaw] for yaw in YAWS} | {"45 and 90": list(WIDE)}
        found[f"{figure}_percent_by_abs_yaw"] = {
            name: rate_over_seeds(mine, yaws, everybody).to_dict(100) for name, yaws in groups.items()
        }
        if FRONTAL in measured and system.key != FRONTAL:
            base = measured[FRONTAL][figure]
            found[f"{figure}_change_to_frontal_points"] = {
                name: _change(mine, base, yaws, settings) for name, yaws in groups.items()
            }
        if {FRONTAL, TRUE} <= set(measured) and system.key not in (FRONTAL, TRUE) and figure == RANK1:
            ends = measured[FRONTAL][figure], measured[TRUE][figure]
            found["gap_closed_percent"] = {
                name: _gap(mine, *ends, groups[name], settings) for name in (*WIDE, "45 and 90")
            }
    return found


def _change(
    mine: Sequence[Measured], base: Sequence[Measured], yaws: Sequence[str], settings: LondonSettings
) -> dict[str, Any]:
    change: Statistic = change_over_seeds(mine, base, yaws)
    corrected = corrected_interval(change.per_seed, settings.parts["test"], settings.parts["train"])
    return {**change.to_dict(100), "corrected_interval": _percent(corrected)}


def _gap(
    mine: Sequence[Measured], base: Sequence[Measured], ceiling: Sequence[Measured], yaws: Sequence[str],
    settings: LondonSettings,
) -> dict[str, Any]:  # fmt: skip
    gained, whole = (change_over_seeds(each, base, yaws).per_seed for each in (mine, ceiling))
    corrected = corrected_ratio(gained, whole, settings.parts["test"], settings.parts["train"])
    closed: Statistic = gap_over_seeds(mine, base, ceiling, yaws)
    return {**closed.to_dict(100), "corrected_interval": _percent(corrected)}


def _percent(ends: tuple[float, float] | None) -> list[float] | None:
    return None if ends is None else [round(100 * end, 3) for end in ends]


def figure_table(rows: Mapping[str, Mapping[str, Any]], figure: str, decimals: int = 1, pooled: bool = False) -> str:
    """Return a figure's table as Markdown.

    Args:
        rows: Label -> what was found of a system.
        figure: One of ``FIGURES``; the gap is closed in rank-1 alone.
        decimals: Places behind the point.
        pooled: Whether they come from several files and have intervals over splits alone.
    """
    with_gap = figure == RANK1 and any("gap_closed_percent" in row for row in rows.values())
    head = [f"{_NAMES[figure]}, percent", "0°", "45°", "90°", "change to frontal only at 45 and 90°, points"]
    head += ["gap closed at 45 and 90°, percent"] * with_gap
    body: list[list[str]] = []
    for label, row in rows.items():
        cells = [statistic_text(row[f"{figure}_percent_by_abs_yaw"][yaw], decimals) for yaw in YAWS]
        change = row.get(f"{figure}_change_to_frontal_points", {}).get("45 and 90")
        cells.append("" if change is None else statistic_text(change, decimals) + _corrected(change, decimals))
        if with_gap:
            cells.append(_gap_cell(row.get("gap_closed_percent", {}).get("45 and 90"), decimals, pooled))
        body.append([label, *cells])
    return markdown_table(head, body)


def is_pooled(found: Mapping[str, Any]) -> bool:
    """Return whether stored results were put together from several files; see benchmarks/london_pool.py."""
    return "pooled_from" in found


def markdown(found: Mapping[str, Any]) -> str:
    """Return the tables as Markdown."""
    rows = {row["title"]: row for row in found["rows"].values()}
    tables = [figure_table(rows, figure, pooled=is_pooled(found)) for figure in FIGURES]
    splits, parts = len(found["splits"]), found["settings"]["parts"]
    tested = len({name for names in found["tested"].values() for name in names})
    brackets = "Brackets: 95 % intervals over people, each drawn once for all splits that test them; "
    note = (
        f"{splits} random split{'' if splits == 1 else 's'} of {parts['train']} / {parts['val']} / {parts['test']} "
        f"people; {tested} different people were tested. {'' if is_pooled(found) else brackets}± the deviation "
        "over splits; braces: 95 % interval over splits, corrected for the people they share (Nadeau and Bengio 2003)."
    )
    return "\n".join([*tables, note]) + "\n"


def _gap_cell(gap: Mapping[str, Any] | None, decimals: int, pooled: bool) -> str:
    """Return what is closed of a gap, or that there is no clear gap: no interval of the kind that the table has."""
    kind = "corrected_interval" if pooled else "interval"
    if gap is None or gap.get(kind) is None:
        return gap_text(None if gap is None else {**gap, "interval": None}, decimals)
    return statistic_text(gap, decimals) + _corrected(gap, decimals)


def _corrected(change: Mapping[str, Any], decimals: int) -> str:
    ends = change.get("corrected_interval")  # gaps of files from before November 29, 2026 have none
    return "" if ends is None else f" {{{ends[0]:.{decimals}f}, {ends[1]:.{decimals}f}}}"
