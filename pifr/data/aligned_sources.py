"""What aligned pictures were cut from, and how: one line each, so that what has changed since is aligned anew."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pifr.core.files import read_journal
from pifr.data.sources import SOURCE_KEYS, Source, source_of

JOURNAL = "alignment.jsonl"


@dataclass(frozen=True)
class Cut:
    """How a face was cut out.

    Attributes:
        source: The picture it was cut from.
        size_px: Width and height of that picture, upright.
        matrix: The map by which it was cut ``(2, 3)``, row after row. It stands for all that decides it: the
            landmarks, which a detector may find elsewhere in a changed picture, and other pictures' eye heights.
    """

    source: Source
    size_px: tuple[int, int]
    matrix: tuple[float, ...]

    def made_by(self, matrix: np.ndarray) -> bool:
        """Tell whether it was cut by this map, but for the last digits, which another machine may round differently."""
        return len(self.matrix) == matrix.size and np.allclose(self.matrix, matrix.ravel(), rtol=1e-9, atol=1e-6)

    def line(self, picture: str) -> dict[str, object]:
        """Return the journal's entry for the aligned ``picture``, a path in its folder."""
        return {"picture": picture, **asdict(self.source), "size_px": self.size_px, "matrix": self.matrix}


def read_cuts(folder: Path) -> dict[str, Cut]:
    """Return aligned picture -> how it was cut, as far as the folder tells; a later line wins."""
    keys = ("picture", *SOURCE_KEYS, "size_px", "matrix")
    return {
        str(each["picture"]): Cut(source_of(each), tuple(each["size_px"]), tuple(each["matrix"]))
        for each in read_journal(folder / JOURNAL, keys)
    }
