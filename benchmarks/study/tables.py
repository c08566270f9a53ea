"""What the study says: one JSON, one table, two plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.study.gaps import (
    NEAR_YAWS,
    WIDE_YAWS,
    Measured,
    Statistic,
    change_over_seeds,
    gap_over_seeds,
    rate_over_seeds,
)
from benchmarks.study.rows import AB, B_TRUE, COMPARED, ORACLE, B, Row, keys_of_size
from benchmarks.study.settings import StudySettings
from benchmarks.study.steps import FIGURES, RANK1
from benchmarks.study.study import Outcome

Results = Mapping[str, Mapping[str, Sequence[Measured]]]
SHOWN_YAWS = ("0", "15", "30", *WIDE_YAWS)
_UNCLEAR = "no clear gap"
_ROWS_INSIDE = 6
"""With more rows the legend stands beside the plot."""
_LINES = ("-", "--", ":", "-.")


def summarise(outcome: Outcome, rows: Sequence[Row], settings: StudySettings, record: dict[str, Any]) -> dict[str, Any]:
    """Return everything the study found, JSON-ready, rates and gaps in percent.

    Args:
        outcome: The figures of every row and seed.
        rows: The rows asked for.
        settings: The study's.
        record: Command, machine, date.
    """
    return {
        "study": "pose gap", **record,
        "hours": round(outcome.seconds / 3600, 3), "seeds": list(settings.seeds),
        "settings": settings.model_dump(mode="json"), "inputs": outcome.inputs,
        "gap": {
            "yaws_degrees": [float(yaw) for yaw in WIDE_YAWS],
            "paper": f"(row - {B}) / ({B_TRUE} - {B})", "fair": f"(row - {AB}) / ({ORACLE} - {AB})",
            "of": "rates averaged over yaws and seeds; intervals draw people, the same for all rows and seeds",
        },
        "people_tested": len(outcome.tested),
        "rows": {
            row.key: _row(outcome.measured, row, len(outcome.tested)) for row in rows if row.key in outcome.measured
        },
        "differences": {f"{row} - {other}": _difference(outcome.measured[row], outcome.measured[other])
                        for row, other in COMPARED if _same_seeds(outcome.measured, row, other)},
        "rank1_gain_by_people_of_A_points": {
            str(size): gain.to_dict(100) for size, gain in gain_by_size(outcome, rows, settings.people[0])
        },
        "skipped": outcome.skipped,
    }  # fmt: skip


def _row(measured: Results, row: Row, people: int) -> dict[str, Any]:
    """Return a row's rates, its changes in front and the gaps it closes; ``people`` bound a rate of 100 percent."""
    mine = measured[row.key]
    found: dict[str, Any] = {"title": row.title, "people_of_A": row.a_people, "seeds": len(mine[RANK1])}
    paper = _complete(measured, row, B, B_TRUE) if not row.teachers and row.a_people is None else None
    fair = _complete(measured, row, AB, ORACLE) if row.a_people is None else None
    for figure in FIGURES:
        each = mine[figure]
        found[f"{figure}_percent_by_abs_yaw"] = {
            yaw: rate_over_seeds(each, [yaw], people).to_dict(100)
            for yaw in SHOWN_YAWS if all(yaw in m.rate for m in each)
        }  # fmt: skip
        found[f"{figure}_percent_45_to_90"] = rate_over_seeds(each, WIDE_YAWS, people).to_dict(100)
        for name, base in (("b_frontal", B), ("ab_frontal", AB)):
            if row.key != base and _same_seeds(measured, row.key, base):
                changes = partial(change_over_seeds, each, measured[base][figure])
                change = f"{figure}_change_to_{name}"
                found[f"{change}_points_by_abs_yaw"] = {yaw: changes([yaw]).to_dict(100) for yaw in NEAR_YAWS}
                found[f"{change}_at_0_and_15_points"] = changes(NEAR_YAWS).to_dict(100)
        for name, pair in (("paper_gap", paper), ("fair_gap", fair)):
            if pair is None:
                continue
            base_rows, ceiling = measured[pair[0]][figure], measured[pair[1]][figure]
            suffix = "" if figure == RANK1 else f"_{figure}"
            found[f"{name}_closed_percent{suffix}"] = gap_over_seeds(each, base_rows, ceiling, WIDE_YAWS).to_dict(100)
            found[f"{name}_closed_percent_by_abs_yaw{suffix}"] = {
                yaw: gap_over_seeds(each, base_rows, ceiling, [yaw]).to_dict(100) for yaw in ("30", *WIDE_YAWS)
            }
    return found


def _difference(row: Mapping[str, Sequence[Measured]], other: Mapping[str, Sequence[Measured]]) -> dict[str, Any]:
    """Return what one row is ahead of another, on the same people round by round."""
    spans = {"0_and_15": NEAR_YAWS, "45_to_90": WIDE_YAWS}
    return {
        f"{figure}_{span}_points": change_over_seeds(row[figure], other[figure], yaws).to_dict(100)
        for figure in FIGURES for span, yaws in spans.items()
    }  # fmt: skip


def _same_seeds(measured: Results, row: str, other: str) -> bool:
    """Tell whether both rows were measured, and on as many seeds."""
    both = row in measured and other in measured
    return both and len(measured[row][RANK1]) == len(measured[other][RANK1])


def _complete(measured: Results, row: Row, base: str, ceiling: str) -> tuple[str, str] | None:
    """Return the ends of a gap where they were measured on the same seeds as the row; they close nothing themselves."""
    if row.key in (base, ceiling):
        return None
    return (base, ceiling) if all(_same_seeds(measured, row.key, end) for end in (base, ceiling)) else None


def markdown(found: Mapping[str, Any]) -> str:
    """Return the table of the study as Markdown."""
    yaws = " | ".join(f"{yaw}°" for yaw in SHOWN_YAWS)
    lines = [
        f"| rank-1, % at | {yaws} | 45 to 90° | paper gap closed, % | fair gap closed, % |",
        "| --- |" + " --- |" * (len(SHOWN_YAWS) + 3),
    ]
    for row in found["rows"].values():
        by_yaw = row[f"{RANK1}_percent_by_abs_yaw"]
        cells = [f"{by_yaw[yaw]['mean']:.1f}" if yaw in by_yaw else "" for yaw in SHOWN_YAWS]
        cells += [statistic_text(row[f"{RANK1}_percent_45_to_90"])]
        cells += [gap_text(row.get(f"{name}_gap_closed_percent")) for name in ("paper", "fair")]
        lines.append(f"| {row['title']} | " + " | ".join(cells) + " |")
    lines += [f"| {key} | skipped: {why} |" + " |" * (len(SHOWN_YAWS) + 2) for key, why in found["skipped"].items()]
    people = found["settings"]["people"]
    seeds = len(found["seeds"])
    note = (
        f"{seeds} seed{'' if seeds == 1 else 's'} of people and training; A, B and C have {people[0]}, {people[1]} and "
        f"{people[2]} people. Brackets: 95 % intervals over people; ± the deviation over seeds. {_UNCLEAR}: the two "
        "ends of the gap can't be told apart."
    )
    lines += ["", note]
    return "\n".join(lines) + "\n"


def statistic_text(statistic: Mapping[str, Any] | None, decimals: int = 1, deviation: bool = True) -> str:
    """Return ``mean [low, high] ± deviation over seeds`` of a statistic as :func:`summarise` stores it.

    Args:
        statistic: Mean, interval and deviation, each of which may be null; None gives an empty text.
        decimals: Places behind the point.
        deviation: Whether the deviation is shown.
    """
    if statistic is None or statistic["mean"] is None:
        return ""
    interval, over_seeds = statistic["interval"], statistic["deviation_over_seeds"]
    ends = "" if interval is None else f" [{interval[0]:.{decimals}f}, {interval[1]:.{decimals}f}]"
    spread = f" ± {over_seeds:.{decimals}f}" if deviation and over_seeds is not None else ""
    return f"{statistic['mean']:.{decimals}f}{ends}{spread}"


def gap_text(statistic: Mapping[str, Any] | None, decimals: int = 1, deviation: bool = True) -> str:
    """Return a share of a gap as :func:`statistic_text`; one without an interval is a share of noise and not shown."""
    unclear = statistic is not None and statistic["interval"] is None
    return _UNCLEAR if unclear else statistic_text(statistic, decimals, deviation)


def markdown_table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Return a table as Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return "".join("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|\n" for line in lines)


def gain_by_size(outcome: Outcome, rows: Sequence[Row], people_of_a: int) -> list[tuple[int, Statistic]]:
    """Return what views by ipgan add at 45 to 90 degrees, by the people of A, none of them first; in shares.

    Args:
        outcome: The study's.
        rows: Its rows.
        people_of_a: People of the whole A.
    """
    sizes = {0, people_of_a} | {row.a_people for row in rows if row.a_people}
    pairs = [(size, *keys_of_size(size, people_of_a)) for size in sorted(sizes)]
    return [
        (size, change_over_seeds(outcome.measured[method][RANK1], outcome.measured[base][RANK1], WIDE_YAWS))
        for size, base, method in pairs if base in outcome.measured and method in outcome.measured
    ]  # fmt: skip


def stored_gains(found: Mapping[str, Any]) -> list[tuple[int, Statistic]]:
    """Return what :func:`gain_by_size` found as :func:`summarise` stored it; nothing of files from before it did."""
    gains = found.get("rank1_gain_by_people_of_A_points", {})
    return [(int(size), Statistic.from_dict(gain, 100)) for size, gain in gains.items()]


def draw_rank_against_yaw(found: Mapping[str, Any], path: Path, keys: Sequence[str] = ()) -> list[Path]:
    """Draw rank-1 against absolute yaw, a line and a band a row; return the PNG and the SVG."""
    from pifr.report.plots import COLOURS, colour

    shown = {key: row for key, row in found["rows"].items() if not keys or key in keys}
    beside = len(shown) > _ROWS_INSIDE
    with _figure(12.0 if beside else 8.6, 4.8) as (figure, axes):
        for index, row in enumerate(shown.values()):
            points = [(float(yaw), s) for yaw, s in row[f"{RANK1}_percent_by_abs_yaw"].items()]
            yaws, rates = [yaw for yaw, _ in points], [s["mean"] for _, s in points]
            ends = [s["interval"] or [s["mean"]] * 2 for _, s in points]
            shade = 0.05 if beside else 0.15
            axes.fill_between(yaws, *zip(*ends, strict=True), color=colour(index), alpha=shade, linewidth=0)
            line = _LINES[index // len(COLOURS) % len(_LINES)]
            axes.plot(yaws, rates, line, marker="o", markersize=5, color=colour(index), label=row["title"])
        axes.set_xticks([float(yaw) for yaw in SHOWN_YAWS])
        axes.set_xlabel("absolute yaw of the probe, degrees")
        axes.set_ylabel("rank-1, %")
        axes.set_ylim(-2, 104)
        if beside:
            axes.legend(fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=3)
        else:
            axes.legend(fontsize=9, loc="lower left")
        return _saved(figure, path)


def draw_gain_by_size(gains: Sequence[tuple[int, Statistic]], path: Path) -> list[Path]:
    """Draw what views add against the size of A; nothing for fewer than two sizes."""
    from pifr.report.plots import colour

    if len(gains) < 2:
        return []
    with _figure(6.0, 4.0) as (figure, axes):
        sizes = [size for size, _ in gains]
        axes.fill_between(
            sizes, [100 * s.low for _, s in gains], [100 * s.high for _, s in gains], color=colour(0), alpha=0.15
        )
        axes.plot(sizes, [100 * s.value for _, s in gains], marker="o", color=colour(0))
        axes.axhline(0, linewidth=0.8, linestyle=":", color="black")
        # Log beyond the smallest size, so that few people have room, and linear before it, so that none has a place.
        axes.set_xscale("symlog", linthresh=min(size for size in sizes if size))
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set_xlabel("people of A, seen from all sides, that are trained on")
        axes.set_ylabel("rank-1 gained by views, points")
        return _saved(figure, path)


def _figure(width_inches: float, height_inches: float) -> Any:
    from pifr.report.plots import figure_in_style

    return figure_in_style(width_inches, height_inches, "pose gap")


def _saved(figure: Any, path: Path) -> list[Path]:
    from pifr.core.files import atomic_path

    made = []
    for kind in ("png", "svg"):
        target = Path(path).with_suffix(f".{kind}")
        target.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"Date": None} if kind == "svg" else {}
        with atomic_path(target) as temporary:
            figure.savefig(temporary, format=kind, dpi=150, facecolor="white", metadata=metadata)
        made.append(target)
    return made
