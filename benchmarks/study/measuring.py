"""Measuring one recogniser of several whose test people overlap: all of them see the same bootstrap draw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pifr.data.manifest import read_manifest

if TYPE_CHECKING:
    from pifr.evaluation.figures import Figures


def figures_by_yaw(
    embedder: Any, test: Path, people: Sequence[str], rounds: int, fars: tuple[float, ...], out: Path, device: str
) -> tuple[int, dict[str, Figures]]:
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
    """
    from pifr.evaluation import Measure, evaluate
    from pifr.evaluation.figures import SystemScores
    from pifr.metrics import person_weights

    # The intervals that evaluate itself draws are thrown away, so few rounds are enough for them.
    result = evaluate(
        read_manifest(test), [embedder], "posegrid", out, measure=Measure(rounds=100, fars=fars), device=device
    )
    table = result.scores
    scores = SystemScores(table, table.systems[0], Measure(rounds=rounds, fars=fars))
    column = {name: number for number, name in enumerate(people)}
    scores.weights = person_weights(len(people), rounds)[:, [column[name] for name in table.people]]
    return len(table.people), scores.by("yaw")
