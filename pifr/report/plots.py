"""Plots as inline SVG: one look, colour-blind safe, transparent, readable on light and dark pages."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from pifr.evaluation.figures import Figures
from pifr.metrics import ErrorRates
from pifr.report.maps import EmbeddingMap

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#7A5195", "#8C8C8C")
"""Okabe and Ito's palette in an order that also differs in lightness; systems take it in turn."""
_MARKERS = ("o", "^", "s")
_INK = "#6b7684"
_GRID = "#8a94a033"
_STYLE: dict[str, Any] = {
    "svg.fonttype": "path",
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "lines.linewidth": 2.0,
    "legend.frameon": False,
}


def colour(index: int) -> str:
    """Return the colour of the system at ``index``."""
    return COLOURS[index % len(COLOURS)]


def rank_against_yaw(systems: Sequence[tuple[str, dict[str, Figures]]]) -> str:
    """Draw rank-1 against signed yaw, one line a system, its interval as a band.

    Args:
        systems: Name and figures by signed yaw.

    Returns:
        An ``<svg>`` element.
    """
    with figure_in_style(8.6, 3.3, "rank against yaw") as (figure, axes):
        every_yaw: set[float] = set()
        for index, (name, by_yaw) in enumerate(systems):
            points = [(float(yaw), f) for yaw, f in by_yaw.items() if yaw != "unknown" and 1 in f.rank]
            yaws = [yaw for yaw, _ in points]
            every_yaw.update(yaws)
            rate = [100 * f.rank[1] for _, f in points]
            low = [100 * _end(f.rank_interval[1].low, f.rank[1]) for _, f in points]
            high = [100 * _end(f.rank_interval[1].high, f.rank[1]) for _, f in points]
            axes.fill_between(yaws, low, high, color=colour(index), alpha=0.15, linewidth=0)
            axes.plot(yaws, rate, marker="o", markersize=5, color=colour(index), label=name)
        axes.set_xticks(sorted(every_yaw))
        axes.set_xlabel("yaw of the probe, degrees")
        axes.set_ylabel("rank-1, %")
        axes.set_ylim(-2, 104)
        _legend(axes, len(systems))
        return _svg(figure)


def roc(systems: Sequence[tuple[str, ErrorRates]]) -> str:
    """Draw TAR against FAR on a logarithmic axis."""
    with figure_in_style(4.1, 3.7, "roc") as (figure, axes):
        for index, (name, rates) in enumerate(systems):
            # Below one in all impostors nothing was measured, so the line starts there.
            seen = rates.fmr >= 1 / rates.nonmated
            axes.step(rates.fmr[seen], 100 * rates.tar[seen], where="post", color=colour(index), label=name)
        axes.set_xscale("log")
        axes.set_xlim(right=1)
        axes.set_ylim(-2, 104)
        axes.set_xlabel("false accept rate")
        axes.set_ylabel("true accept rate, %")
        _legend(axes, len(systems))
        return _svg(figure)


def det(systems: Sequence[tuple[str, ErrorRates]]) -> str:
    """Draw FNMR against FMR on normal-deviate axes (Martin et al., "The DET curve", Eurospeech 1997)."""
    ticks = np.array([0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95])
    with figure_in_style(4.1, 3.7, "det") as (figure, axes):
        smallest = 0.5
        for index, (name, rates) in enumerate(systems):
            inside = (rates.fmr > 0) & (rates.fmr < 1) & (rates.fnmr > 0) & (rates.fnmr < 1)
            if inside.any():
                smallest = min(smallest, rates.fmr[inside].min(), rates.fnmr[inside].min())
            axes.plot(_probit(rates.fmr[inside]), _probit(rates.fnmr[inside]), color=colour(index), label=name)
        low, high = _probit(np.array([max(smallest * 0.7, 1e-5), 0.97]))
        axes.plot([low, high], [low, high], color=_INK, linewidth=0.8, linestyle=":")
        names = [f"{100 * tick:g}" for tick in ticks]
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(FixedLocator(list(_probit(ticks))))
            axis.set_major_formatter(FixedFormatter(names))
            axis.set_minor_locator(NullLocator())
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.set_xlabel("false match rate, %")
        axes.set_ylabel("false non-match rate, %")
        _legend(axes, len(systems))
        return _svg(figure)


def cmc(systems: Sequence[tuple[str, np.ndarray]]) -> str:
    """Draw the share of probes found within rank N; ``(N,)`` a system."""
    with figure_in_style(4.1, 3.7, "cmc") as (figure, axes):
        for index, (name, rates) in enumerate(systems):
            axes.plot(np.arange(1, len(rates) + 1), 100 * rates, marker=".", color=colour(index), label=name)
        axes.set_ylim(top=102)
        axes.set_xlabel("rank N")
        axes.set_ylabel("found within rank N, %")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _legend(axes, len(systems))
        return _svg(figure)


def score_histogram(genuine: np.ndarray, impostor: np.ndarray, index: int) -> str:
    """Draw how scores of one system spread: mated in its colour, non-mated in grey, each with area 1."""
    both = np.concatenate([_sample(genuine), _sample(impostor)])
    # Few scores in many bars would draw noise.
    bins = int(np.clip(1.5 * math.sqrt(min(len(genuine), len(impostor))), 12, 50))
    edges = np.histogram_bin_edges(both, bins=bins)
    return counted_histogram(np.histogram(genuine, edges)[0], np.histogram(impostor, edges)[0], edges, index)


def counted_histogram(genuine: np.ndarray, impostor: np.ndarray, edges: np.ndarray, index: int) -> str:
    """Draw the same from counts ``(B,)`` between edges ``(B + 1,)``."""
    with figure_in_style(4.6, 2.9, f"histogram {index}") as (figure, axes):
        bars = ((impostor, "#9aa3ad", 0.55, "two people"), (genuine, colour(index), 0.65, "one person"))
        for counts, ink, alpha, label in bars:
            axes.hist(edges[:-1], edges.tolist(), weights=counts, density=True, color=ink, alpha=alpha, label=label)
        axes.set_xlabel("cosine")
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.grid(visible=False, axis="y")
        axes.legend(fontsize=9, labelcolor=_INK)
        return _svg(figure)


def yaw_heat_map(names: Sequence[str], rates: np.ndarray, title: str) -> str:
    """Draw the equal error rate between every two yaws.

    Args:
        names: ``(G,)`` signed yaws.
        rates: ``(G, G)`` shares, NaN where unknown.
        title: Names the plot for readers of the page source.
    """
    side = 0.9 + 0.36 * len(names)
    signed = [name.replace("-", "\u2212") for name in names]
    with figure_in_style(side + 0.2, side, f"heat map {title}") as (figure, axes):
        axes.imshow(100 * rates, cmap="YlOrRd", vmin=0, vmax=50, aspect="equal")
        axes.set_xticks(range(len(names)), signed, fontsize=8.5)
        axes.set_yticks(range(len(names)), signed, fontsize=8.5)
        axes.set_xlabel("yaw, degrees")
        axes.set_ylabel("yaw, degrees")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        for (row, column), rate in np.ndenumerate(rates):
            if not math.isnan(rate):
                dark = rate > 0.3
                axes.text(column, row, f"{100 * rate:.0f}", ha="center", va="center", fontsize=9,
                          color="#ffffff" if dark else "#3a3f46")  # fmt: skip
        return _svg(figure)


def embedding_map(found: EmbeddingMap, title: str) -> list[str]:
    """Draw the pictures of a map twice: coloured by person, and by yaw.

    The people with the most pictures get a colour and a marker of their own, the others are grey.

    Args:
        found: The map.
        title: Names the plots for readers of the page source.

    Returns:
        Two ``<svg>`` elements.
    """
    people, counts = np.unique(found.person, return_counts=True)
    told_apart = (len(COLOURS) - 1) * len(_MARKERS)
    shown = people[np.argsort(-counts, kind="stable")[:told_apart]]
    with figure_in_style(4.6, 4.2, f"map by person {title}") as (figure, axes):
        others = ~np.isin(found.person, shown)
        axes.scatter(*found.places[others].T, color="#b4bcc5", s=16, linewidths=0)
        for index, person in enumerate(shown):
            here = found.person == person
            marker = _MARKERS[index // (len(COLOURS) - 1)]
            axes.scatter(*found.places[here].T, color=COLOURS[index % (len(COLOURS) - 1)], marker=marker, s=20,
                         linewidths=0)  # fmt: skip
        axes.set_title(f"by person ({len(shown)} of {len(people)} in colour)", fontsize=10.5)
        _bare(axes)
        by_person = _svg(figure)
    with figure_in_style(4.6, 4.2, f"map by yaw {title}") as (figure, axes):
        limit = max(float(np.nanmax(np.abs(found.yaw_degrees))), 1.0)
        drawn = axes.scatter(*found.places.T, c=found.yaw_degrees, s=18, linewidths=0, cmap="coolwarm",
                             vmin=-limit, vmax=limit)  # fmt: skip
        axes.set_title("by yaw, degrees", fontsize=10.5)
        bar = figure.colorbar(drawn, ax=axes, fraction=0.05)
        bar.outline.set_visible(False)
        _bare(axes)
        by_yaw = _svg(figure)
    return [by_person, by_yaw]


@contextmanager
def figure_in_style(width_inches: float, height_inches: float, salt: str) -> Iterator[tuple[Figure, Any]]:
    """Open a figure and its axes in the look of all plots.

    Args:
        width_inches: Width.
        height_inches: Height.
        salt: Text that makes ids inside an SVG different from those of other plots on a page.
    """
    import matplotlib as mpl

    # The salt makes ids inside the SVG the same in every run, and different between the plots of one page.
    with mpl.rc_context(cast(Any, {**_STYLE, "svg.hashsalt": salt})):
        figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure, figure.subplots()


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _legend(axes: Axes, systems: int) -> None:
    if systems > 1:
        axes.legend(fontsize=9, labelcolor=_INK, loc="best")


def _end(end: float, rate: float) -> float:
    return rate if math.isnan(end) else end


def _sample(scores: np.ndarray) -> np.ndarray:
    return scores[:: max(len(scores) // 100_000, 1)]


def _probit(rates: np.ndarray) -> np.ndarray:
    from statistics import NormalDist

    return np.array([NormalDist().inv_cdf(float(rate)) for rate in rates])
