"""What a training of a recogniser returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pifr.core.runs import RunFolder
from pifr.recognition.validation import ValidationFigures


@dataclass(frozen=True)
class RecognizerResult:
    """A trained recogniser.

    Attributes:
        run: Its folder; :func:`pifr.recognition.load_embedder` takes the folder's path.
        steps: Training steps done.
        people: People it learned from.
        pictures: Pictures it learned from.
        best: Figures of the best checkpoint; None where there was no validation split.
        best_step: Step of the best checkpoint; None likewise.
        skipped_steps: Steps left out because the gradient was not finite.
    """

    run: RunFolder
    steps: int
    people: int
    pictures: int
    best: ValidationFigures | None
    best_step: int | None
    skipped_steps: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; rates are shares in [0, 1]."""
        return {
            "run": str(self.run.path),
            "steps": self.steps,
            "people": self.people,
            "pictures": self.pictures,
            "best_step": self.best_step,
            "validation": self.best.to_dict() if self.best else None,
            "skipped_steps": self.skipped_steps,
        }

    def table(self) -> str:
        """Return a short text for the terminal."""
        lines = [f"{self.steps} steps on {self.pictures} pictures of {self.people} people"]
        if self.best is None:
            lines.append("no validation split: the last checkpoint is used")
        else:
            lines.append(
                f"best at step {self.best_step}: rank-1 {100 * self.best.rank1:.1f} %, EER {100 * self.best.eer:.1f} % "
                f"({self.best.people} validation people, {self.best.probes} probes)"
            )
        if self.skipped_steps:
            lines.append(f"{self.skipped_steps} steps left out: their gradient was not finite")
        return "\n".join([*lines, f"run: {self.run.path}"])
