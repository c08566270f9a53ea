"""Nobody of a test set may get into the training set by way of a generator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pifr.augment.calibration import References
from pifr.augment.sources import Candidates
from pifr.core.errors import DataError
from pifr.data.manifest import Manifest
from pifr.metrics import unit_length

if TYPE_CHECKING:
    from pifr.recognition import Embedder


@dataclass(frozen=True)
class LeakCheck:
    """Who was refused, and why.

    Attributes:
        by_name: People who bear the name of a test person.
        by_embedding: Person -> the test person whose reference theirs reaches at the threshold.
        expected_by_chance: People who would be refused by the embedder if nobody were in both sets, at the FMR of
            the threshold; None without an FMR.
    """

    by_name: tuple[str, ...] = ()
    by_embedding: dict[str, str] | None = None
    expected_by_chance: float | None = None

    @property
    def refused(self) -> frozenset[str]:
        """All of them."""
        return frozenset(self.by_name) | frozenset(self.by_embedding or ())

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"by_name": list(self.by_name), "by_embedding": self.by_embedding,
                "expected_by_chance": self.expected_by_chance}  # fmt: skip

    def lines(self) -> list[str]:
        """Return what to tell the user."""
        found = []
        if self.by_name:
            found.append(f"refused, the test manifest names them: {listed(self.by_name)}")
        if self.by_embedding:
            pairs = [f"{own} as {other}" for own, other in self.by_embedding.items()]
            chance = "" if self.expected_by_chance is None else f" (about {self.expected_by_chance:.1f} by chance)"
            found.append(f"refused, the judge takes them for test people{chance}: {listed(pairs)}")
        return found


def listed(names: tuple[str, ...] | list[str], most: int = 10) -> str:
    """Return names with commas, the first ten and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def check_leaks(
    candidates: Candidates,
    test: Manifest | None,
    judge: Embedder | None,
    references: References | None,
    fmr: float | None,
) -> tuple[LeakCheck, References | None]:
    """Find people who are in the test manifest too, by name and by the judge at its threshold.

    Args:
        candidates: The people to generate.
        test: The test manifest; None checks nothing.
        judge: The embedder; None checks names alone.
        references: The people's references and the threshold.
        fmr: What the threshold was set for.

    Returns:
        Who is refused, and the references with the test people's, against which every picture is checked again.

    Raises:
        DataError: If everybody is refused, or the judge embeds no picture of the test.
    """
    if test is None:
        return LeakCheck(), references
    names = tuple(sorted(set(candidates.ranked) & set(test.subjects)))
    check = LeakCheck(names)
    if judge is not None and references is not None:
        references = _with_test_people(references, test, judge)
        check = replace(check, **_matches(references, set(names), fmr))
    if check.refused >= set(candidates.ranked):
        raise DataError(
            "everybody is in the test manifest too, nothing may be generated", where=test.name,
            found="; ".join(check.lines()), cure="name a training split with --split",
        )  # fmt: skip
    return check, references


def _with_test_people(references: References, test: Manifest, judge: Embedder) -> References:
    from pifr.recognition.embedders import embed_manifest

    found = embed_manifest(judge, test)
    vectors, subjects = unit_length(found.vectors), test.table["subject"].to_numpy()
    people = [who for who in test.subjects if not found.failed[subjects == who].all()]
    if not people:  # going on would let everybody of the test pass the check
        raise DataError(
            f"{judge.name} embeds not one picture of the test manifest", where=test.name, cure="check the judge"
        )
    means = [vectors[(subjects == who) & ~found.failed].mean(axis=0) for who in people]
    return replace(references, test_subjects=tuple(people), test_vectors=unit_length(np.stack(means)))


def _matches(references: References, named: set[str], fmr: float | None) -> dict[str, Any]:
    if references.threshold is None or references.test_vectors is None:
        return {}
    cosines = references.vectors @ references.test_vectors.T
    nearest = cosines.argmax(axis=1)
    hits = {
        own: references.test_subjects[nearest[row]]
        for row, own in enumerate(references.subjects)
        if own not in named and cosines[row, nearest[row]] >= references.threshold
    }
    others = len(references.subjects) - len(named)
    chance = None if fmr is None else others * (1 - (1 - fmr) ** len(references.test_subjects))
    return {"by_embedding": hits, "expected_by_chance": chance}
