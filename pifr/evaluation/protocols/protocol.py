"""What a protocol becomes once it is applied to data: rows to enrol, rows to search with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pifr.data.manifest import Manifest
from pifr.evaluation.protocols.definition import Definition

EVALUATION, DEVELOPMENT = "eval", "dev"


@dataclass(frozen=True)
class Protocol:
    """A definition applied to a manifest.

    Attributes:
        definition: The rule, its source and published figures.
        data: The manifest the rows refer to.
        enrolment: ``(E,)`` rows enrolled in the gallery.
        probes: ``(P,)`` rows searched with; none of them is enrolled.
        part: ``(N,)`` per row of ``data``: ``dev`` sets thresholds, ``eval`` is reported; a comparison never
            crosses them. Empty for rows not used.
        notes: What a reader must know: deviations from the published protocol, rows left out.
        training_people: People the protocol keeps for training.
        pairs: ``(C, 2)`` rows of the pictures to compare; None where all probes are compared with all enrolled.
        folds: ``(C,)`` fold of each pair, from 1; 0 where there are none.
    """

    definition: Definition
    data: Manifest
    enrolment: np.ndarray
    probes: np.ndarray
    part: np.ndarray
    notes: list[str] = field(default_factory=list)
    training_people: list[str] = field(default_factory=list)
    pairs: np.ndarray | None = None
    folds: np.ndarray | None = None

    @property
    def name(self) -> str:
        """The name users type."""
        return self.definition.name

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready record that is kept beside the scores."""
        definition = self.definition
        return {
            "name": definition.name,
            "title": definition.title,
            "measures": definition.measures,
            "source": definition.source,
            "published": definition.published,
            "published_accuracy": definition.published_accuracy,
            "definition": definition.model_dump(mode="json", exclude_none=True),
            "data": self.data.name,
            "folder": str(self.data.folder.resolve()),
            "enrolled": len(self.enrolment),
            "probes": len(self.probes),
            "people": int(self.data.table["subject"].iloc[self.probes].nunique()),
            "pairs": None if self.pairs is None else len(self.pairs),
            "notes": self.notes,
        }
