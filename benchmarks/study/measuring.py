"""Measuring one recogniser of several whose test people overlap: all of them see the same bootstrap draw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pifr.evaluation.figures import Figures


def figures_by_yaw(
    embedder: Any, test: Path, people: Sequence[str], rounds: int, fars: tuple[float, ...], out: Path, device: str,
    max_score_rows: int | None = None,
) -> tuple[int, dict[str, Figures]]:  # fmt: skip
    """Return the number of people tested and the figures by absolute yaw, with every bootstrap round.

    A round draws from all people who could be tested, whoever was: a person who is drawn twice weighs twice in every
    seed or split that tests them, so the rounds of seeds and splits may be averaged one by one.

    Args:
        embedder: The recogniser.
        test: Manifest of the test people.
        people: Everybody who could be tested, sorted.
        rounds: Bootstrap rounds.
        fars: FARs at which TAR is read, at a threshold of each yaw's own.
        out: Folder of the benchmark.
        device: auto, cpu, cuda or cuda:N.
        max_score_rows: Comparisons held in memory, more are streamed; as many as of any benchmark where absent.
    """
    from pifr.evaluation import Measure, evaluate
    from pifr.evaluation.blocks import MAX_SCORE_ROWS

    measure = Measure(rounds=rounds, fars=fars, drawn_from=tuple(people))
    held = MAX_SCORE_ROWS if max_score_rows is None else max_score_rows
    result = evaluate(test, [embedder], "posegrid", out, measure=measure, device=device, max_score_rows=held)
    return len(result.scores.people), result.systems[0].by_abs_yaw
