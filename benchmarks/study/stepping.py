"""A step in a folder of its own, kept where it is done and its inputs are unchanged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pifr.chain.stages import StageBook, StageRecord


def run_step(
    book: StageBook, name: str, depends_on: object, folder: Path, work: Callable[[Path], Path]
) -> StageRecord:  # fmt: skip
    """Do a step in a folder, emptied first unless it was left there unfinished with the same inputs.

    Args:
        book: Where finished steps are written down.
        name: Of the step.
        depends_on: JSON-ready description of all inputs.
        folder: Of the step alone.
        work: Is given the folder, returns the path of what it made.
    """

    def begin(unfinished: Path | None) -> Path:
        if unfinished is None and folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        book.note_output(name, folder)
        return work(folder)

    return book.run(name, depends_on, begin)
