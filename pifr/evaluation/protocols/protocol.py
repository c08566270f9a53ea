"""What a protocol becomes once it is applied to data: rows to enrol, rows to search with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pifr.data.manifest import Manifest
from pifr.evaluation.protocols.definition import Definition
from pifr.evaluation.protocols.templates import Templates

EVALUATION, DEVELOPMENT = "eval", "dev"


@dataclass(frozen=True)
class Protocol:
    """A definition applied to a manifest.

    What is enrolled and searched with are rows of the manifest; where there are :attr:`templates`, these.

    Attributes:
        definition: The rule, its source and published figures.
        data: The manifest the rows refer to.
        enrolment: ``(E,)`` rows enrolled in the gallery.
        probes: ``(P,)`` rows searched with; none of them is enrolled.
        part: ``(N,)`` per row of ``data``: ``dev`` sets thresholds, ``eval`` is reported; a comparison never
            crosses them. Empty for rows not used.
        notes: What a reader must know: deviations from the published protocol, rows left out.
        pairs: ``(C, 2)`` rows of the pictures to compare; None where all probes are compared with all enrolled.
        folds: ``(C,)`` fold of each pair, from 1; 0 where there are none.
        templates: Sets of pictures that count as one; None where every picture stands for itself.
        probe_side: Whether the two sides of a comparison differ; False where the order of a pair says nothing.
    """

    definition: Definition
    data: Manifest
    enrolment: np.ndarray
    probes: np.ndarray
    part: np.ndarray
    notes: list[str] = field(default_factory=list)
    pairs: np.ndarray | None = None
    folds: np.ndarray | None = None
    templates: Templates | None = None
    probe_side: bool = True

    @property
    def name(self) -> str:
        """The name users type."""
        return self.definition.name

    @property
    def subjects(self) -> np.ndarray:
        """Whom each row or template shows, ``(N,)`` text."""
        if self.templates is not None:
            return self.templates.subjects
        return self.data.table["subject"].to_numpy(dtype=str)

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
            "published_tar": definition.published_tar,
            "published_eer_hter": {name: list(rates) for name, rates in definition.published_eer_hter.items()},
            "definition": definition.model_dump(mode="json", exclude_none=True),
            "data": self.data.name,
            "folder": str(self.data.folder.resolve()),
            "enrolled": len(self.enrolment),
            "probes": len(self.probes),
            "people": len(np.unique(self.subjects[self.probes])),
            "templates": None if self.templates is None else len(self.templates),
            "pairs": None if self.pairs is None else len(self.pairs),
            "notes": self.notes,
        }
