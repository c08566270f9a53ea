"""What a benchmark compares with what, before any embedder is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd

from pifr.core.seeds import numpy_generator
from pifr.data.head_height import note_of_views_from_above, yaw_at_head_height
from pifr.data.manifest import Manifest
from pifr.evaluation.protocols import Protocol
from pifr.evaluation.protocols.templates import Templates, pool
from pifr.evaluation.scores import picture_table

POSE_SAMPLE = 1500
"""At most this many pictures are compared all with all for the yaw x yaw table."""


class Comparisons:
    """The comparisons of a protocol, and a sample of pairs across poses where pictures have a yaw.

    Args:
        protocol: The protocol.
        by: Further columns that travel with the scores.

    Attributes:
        used: Manifest of the pictures that take part.
        pictures: What is compared, for the score table: these pictures in their order, or the protocol's templates.
        searches: One (probe rows, reference rows) a part of the protocol; none where it lists pairs.
        pairs: ``(C, 2)`` rows of probe and reference where it lists them; else None.
        sample: Rows of the pictures compared all with all for the yaw x yaw table.
        fold: Fold of each comparison, where the protocol has folds.
        notes: What a reader should know.
    """

    def __init__(self, protocol: Protocol, by: Sequence[str]) -> None:
        self.templates = protocol.templates
        self.notes: list[str] = []
        place = self._gather(protocol, by)
        part = self.pictures["part"].to_numpy(dtype=str)
        self.fold = protocol.folds if protocol.folds is not None and protocol.folds.any() else None
        self.searches: list[tuple[np.ndarray, np.ndarray]] = []
        self.pairs: np.ndarray | None = None
        self.sample = np.zeros(0, np.int64)
        if protocol.pairs is not None:
            self.pairs = place[protocol.pairs].astype(np.int32)
            return
        enrolment, probes = place[protocol.enrolment], place[protocol.probes]
        self.searches = [
            (probes[part[probes] == name], enrolment[part[enrolment] == name]) for name in sorted(set(part[probes]))
        ]
        if self.templates is None:
            self.sample = _pose_sample(self.used)

    def __len__(self) -> int:
        """Number of the protocol's comparisons, the pose sample's not counted."""
        return sum(len(p) * len(e) for p, e in self.searches) if self.pairs is None else len(self.pairs)

    @cached_property
    def probe(self) -> np.ndarray:
        """Row of the probe of each comparison ``(C,)``; takes memory for all of them, as do the next two."""
        if self.pairs is not None:
            return self.pairs[:, 0].copy()
        first = [np.repeat(p, len(e)) for p, e in self.searches]
        return np.concatenate([*first, self.sample_pairs[0]]).astype(np.int32)

    @cached_property
    def reference(self) -> np.ndarray:
        """Row of the reference of each comparison ``(C,)``."""
        if self.pairs is not None:
            return self.pairs[:, 1].copy()
        second = [np.tile(e, len(p)) for p, e in self.searches]
        return np.concatenate([*second, self.sample_pairs[1]]).astype(np.int32)

    @cached_property
    def search(self) -> np.ndarray:
        """Whether each comparison is the protocol's, not the pose sample's, ``(C,)``."""
        return np.arange(len(self.probe)) < len(self)

    @property
    def sample_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Both rows of each pair of the pose sample."""
        upper, right = np.triu_indices(len(self.sample), 1)
        return self.sample[upper].astype(np.int32), self.sample[right].astype(np.int32)

    def pooled(self, vectors: np.ndarray, failed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what is compared: embeddings of the pictures as they are, or pooled into templates."""
        return (vectors, failed) if self.templates is None else pool(vectors, failed, self.templates)

    def _gather(self, protocol: Protocol, by: Sequence[str]) -> np.ndarray:
        """Choose the pictures that take part; return the row in :attr:`pictures` of each row of the protocol."""
        made = protocol.templates
        rows = np.union1d(protocol.enrolment, protocol.probes) if made is None else made.picture
        mask = np.zeros(len(protocol.data), bool)
        mask[rows] = True
        self.used = self._without_yaw_from_above(protocol.data.select(mask))
        place = np.cumsum(mask) - 1
        if made is None:
            table = self.used.table.assign(part=protocol.part[mask])
            self.pictures = picture_table(table, np.arange(len(table)), by)
            return place
        self.templates = replace(made, picture=place[made.picture])
        self.pictures = _template_table(protocol, made)
        return np.arange(len(made))

    def _without_yaw_from_above(self, data: Manifest) -> Manifest:
        """Forget the yaw of pictures by cameras that hang above, see :mod:`pifr.data.head_height`."""
        note = note_of_views_from_above(data)
        if note is None:
            return data
        self.notes.append(note)
        return replace(data, table=data.table.assign(yaw=yaw_at_head_height(data)))


def _template_table(protocol: Protocol, made: Templates) -> pd.DataFrame:
    """Return one row a template, shown by its first picture."""
    paths = protocol.data.table["path"].iloc[made.first_pictures()].reset_index(drop=True)
    # Scores tell what they compare by its path, so a picture in two templates stands for one of them only.
    repeated = paths.duplicated(keep=False)
    paths[repeated] = paths[repeated] + "#" + pd.Series(made.names)[repeated]
    return pd.DataFrame({"path": paths, "subject": made.subjects, "part": protocol.part, "gallery": made.gallery})


def _pose_sample(data: Manifest) -> np.ndarray:
    """Choose the pictures to compare across poses, evenly over people and yaws; seeded, all of them if few."""
    known = np.flatnonzero(~np.isnan(data.yaw_degrees))
    if len(np.unique(np.round(data.yaw_degrees[known]))) < 2:
        return np.zeros(0, np.int64)
    if len(known) <= POSE_SAMPLE:
        return known
    generator = numpy_generator("pose sample", len(known))
    shuffled = generator.permutation(known)
    # A person's k-th picture at a yaw comes only after everybody's first: turn by turn, not by abundance.
    cell = data.table["subject"].astype(str) + "\x1f" + data.table["yaw"].round().astype(str)
    turn = cell.iloc[shuffled].groupby(cell.iloc[shuffled]).cumcount().to_numpy()
    return np.sort(shuffled[np.argsort(turn, kind="stable")][:POSE_SAMPLE])
