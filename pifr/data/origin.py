"""Where the rows of a manifest stand in the files they were read from, so that a message names the row a user finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Origin:
    """Files and rows of a manifest that was selected from another, or joined of several.

    Attributes:
        names: The files, as messages name them.
        file: ``(N,)`` which of ``names``.
        row: ``(N,)`` the row in that file, counted from 0 without the header.
    """

    names: tuple[str, ...]
    file: np.ndarray
    row: np.ndarray

    @classmethod
    def of_file(cls, name: str, rows: int) -> Origin:
        """Return the origin of all rows of one file."""
        return cls((name,), np.zeros(rows, np.int32), np.arange(rows))

    @classmethod
    def joined(cls, origins: Sequence[Origin]) -> Origin:
        """Return the origin of manifests one after the other."""
        firsts = np.cumsum([0, *(len(each.names) for each in origins[:-1])])
        names = tuple(name for each in origins for name in each.names)
        files = [each.file + first for each, first in zip(origins, firsts, strict=True)]
        return cls(names, np.concatenate(files), np.concatenate([each.row for each in origins]))

    def select(self, mask: np.ndarray) -> Origin:
        """Keep the rows where ``mask`` ``(N,)`` is true, in order."""
        return Origin(self.names, self.file[mask], self.row[mask])

    def place(self, row: int) -> str:
        """Return file and row as a message names them, for example ``faces.csv, row 3``; rows count from 1 there."""
        return f"{self.names[self.file[row]]}, row {self.row[row] + 1}"
