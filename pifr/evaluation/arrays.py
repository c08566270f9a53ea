"""Figures straight from arrays: no protocol, no files, the same metrics and intervals as a benchmark's.

For scores or embeddings that come from elsewhere. Everything here is computed by the functions behind
:func:`pifr.evaluation.evaluate`, so the same scores give the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pifr.core.errors import ConfigError, DataError
from pifr.core.files import write_json
from pifr.evaluation.blocks import MAX_SCORE_ROWS, EmbeddedBlocks, OneSearch
from pifr.evaluation.figures import Figures, SystemScores, verification_figures
from pifr.evaluation.measure import Measure
from pifr.evaluation.openset import OpenSet, open_set
from pifr.evaluation.passes import stream_system
from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.scoring import Embedded, refuse_constant
from pifr.evaluation.streamed import StreamedScores
from pifr.metrics import FoldAccuracy, fold_accuracy


@dataclass(frozen=True)
class VerificationResult:
    """What one-to-one comparisons say of a system.

    Attributes:
        figures: EER, AUC, d-prime and TAR at FAR, with intervals over people and counts.
        folds: Accuracy over folds; None where none were given.
    """

    figures: Figures
    folds: FoldAccuracy | None = None

    def table(self) -> pd.DataFrame:
        """Return one row a figure: its value in percent, its 95 % interval, and the comparisons behind it."""
        found = self.figures
        counts = f"{found.mated:,} mated, {found.nonmated:,} non-mated"
        rows = [
            ("EER", _percent(found.eer), _ends(found.eer_interval), counts),
            ("AUC", _percent(found.auc), _ends(found.auc_interval), counts),
        ]
        for tar in found.tar:
            value = "too few impostors" if tar.too_few else _percent(tar.tar)
            interval = "" if tar.too_few else _ends(found.tar_interval.get(tar.far))
            rows.append((f"TAR@FAR {tar.far:g}", value, interval, counts))
        if self.folds is not None:
            spread = f"± {100 * self.folds.deviation:.2f} over {len(self.folds.accuracy)} folds"
            rows.append(("accuracy", f"{100 * self.folds.mean:.2f}", spread, counts))
        return pd.DataFrame(rows, columns=["figure", "%", "95 % interval", "comparisons"])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; rates in percent."""
        found = {key: value for key, value in self.figures.to_dict().items() if key in _VERIFICATION_KEYS}
        if self.folds is not None:
            found["accuracy_percent"] = round(100 * self.folds.mean, 4)
            found["accuracy_deviation"] = round(100 * self.folds.deviation, 4)
        return found

    def save(self, path: Path | str) -> Path:
        """Write :meth:`to_dict` as JSON."""
        write_json(Path(path), self.to_dict())
        return Path(path)


@dataclass(frozen=True)
class IdentificationResult:
    """What one-to-many searches say of a system.

    Attributes:
        overall: All probes.
        groups: Name of a group -> its figures; empty where no groups were given.
        open_set: Figures of strangers; None where every probe's person is enrolled.
        ranks: ``(P,)`` rank of each probe's person; :data:`pifr.metrics.NOT_FOUND` where they are not enrolled.
    """

    overall: Figures
    groups: dict[str, Figures] = field(default_factory=dict)
    open_set: OpenSet | None = None
    ranks: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))

    def table(self) -> pd.DataFrame:
        """Return one row a group, all probes last: probes, people, rank-N and EER in percent with intervals."""
        rows = []
        for name, found in [*self.groups.items(), ("all", self.overall)]:
            row: dict[str, Any] = {"group": name, "probes": found.probes, "people": found.people}
            row |= {
                f"rank-{n} %": f"{_percent(rate)} {_ends(found.rank_interval[n])}".strip()
                for n, rate in found.rank.items()
            }
            rows.append({**row, "EER %": f"{_percent(found.eer)} {_ends(found.eer_interval)}".strip()})
        return pd.DataFrame(rows).fillna("")

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; rates in percent."""
        return {
            **self.overall.to_dict(),
            "groups": {name: found.to_dict() for name, found in self.groups.items()},
            "open_set": None if self.open_set is None else self.open_set.to_dict(),
        }

    def save(self, path: Path | str) -> Path:
        """Write :meth:`to_dict` as JSON."""
        write_json(Path(path), self.to_dict())
        return Path(path)


def verification(
    scores: np.ndarray,
    mated: np.ndarray,
    *,
    first: Sequence[Any] | np.ndarray | None = None,
    second: Sequence[Any] | np.ndarray | None = None,
    folds: np.ndarray | None = None,
    measure: Measure | None = None,
) -> VerificationResult:
    """Measure one-to-one comparisons.

    Args:
        scores: ``(C,)`` similarities, higher is more alike.
        mated: ``(C,)`` true where both sides show one person.
        first: ``(C,)`` whom the one side shows, any names. Intervals draw people, since the comparisons of a person
            are not independent; without names no interval is given.
        second: ``(C,)`` whom the other side shows.
        folds: ``(C,)`` number of the fold of each comparison.
        measure: Bootstrap rounds and false accept rates.

    Returns:
        Figures with ``table()``, ``to_dict()`` and ``save(path)``.

    Raises:
        DataError: If shapes disagree, a score is not a number, there is only one kind of comparison, all scores are
            equal, or the names contradict ``mated``.
        ConfigError: If the measure draws from other people.

    Example:
        >>> verification(np.array([0.9, 0.8, 0.3, 0.2]), np.array([True, True, False, False])).figures.eer
        0.0
    """
    measure = measure or Measure()
    scores, mated = np.asarray(scores, np.float32), np.asarray(mated).astype(bool)
    _check_scores(scores, mated)
    people, one, other = _people(first, second, mated)
    if measure.drawn_from:
        raise ConfigError("scores without pictures are drawn from their own people alone", where="drawn_from",
                          cure="leave it out of the measure")  # fmt: skip
    weights = measure.weights(people)
    found = verification_figures(scores, mated, one, other, weights, measure.fars)
    accuracy = None
    if folds is not None:
        if len(folds) != len(scores):
            raise DataError("folds must be as many as scores", found=f"{len(folds)} and {len(scores)}")
        accuracy = fold_accuracy(scores, mated, np.asarray(folds))
    figures = Figures("all", len(scores), people if first is not None else 0, 0, {}, {}, **found)
    return VerificationResult(figures, accuracy)


def identification(
    probes: np.ndarray,
    probe_subjects: Sequence[Any] | np.ndarray,
    gallery: np.ndarray,
    gallery_subjects: Sequence[Any] | np.ndarray,
    *,
    groups: Sequence[Any] | np.ndarray | None = None,
    measure: Measure | None = None,
    max_score_rows: int = MAX_SCORE_ROWS,
) -> IdentificationResult:
    """Search every probe in a gallery, by cosine.

    Probes of people who are not enrolled make it an open set: they count in :attr:`IdentificationResult.open_set`,
    not in the ranks.

    Args:
        probes: ``(P, D)`` embeddings.
        probe_subjects: ``(P,)`` whom they show.
        gallery: ``(G, D)`` embeddings; a person may be enrolled with several.
        gallery_subjects: ``(G,)`` whom they show.
        groups: ``(P,)`` group of each probe, for example its yaw.
        measure: Bootstrap rounds, ranks and false accept rates.
        max_score_rows: Of more scores than this none is kept: blocks of probes meet the whole gallery, ranks are
            exact, and so are figures as far as :mod:`pifr.evaluation.streamed` says.

    Returns:
        Figures with ``table()``, ``to_dict()`` and ``save(path)``.

    Raises:
        DataError: If widths or lengths disagree, an embedding is not finite or zero, or nobody is on both sides.

    Example:
        >>> people = np.eye(3)
        >>> identification(people + 0.1, ["a", "b", "c"], people, ["a", "b", "c"]).overall.rank[1]
        1.0
    """
    measure = measure or Measure()
    probe_names, gallery_names = (np.asarray(each).astype(str) for each in (probe_subjects, gallery_subjects))
    units = [_units(probes, probe_names, "probes"), _units(gallery, gallery_names, "gallery")]
    widths = [each.shape[1] for each in units]
    if widths[0] != widths[1]:
        raise DataError("embeddings of probes and gallery are of different width",
                        found=f"{widths[0]} and {widths[1]}", cure="embed both with one embedder")  # fmt: skip
    if not np.isin(probe_names, gallery_names).any():
        raise DataError("not one probe shows an enrolled person", cure="check the names of both sides")
    prepared: SystemScores | StreamedScores
    if len(probe_names) * len(gallery_names) > max_score_rows:
        source = _search_blocks(units, probe_names, gallery_names, groups)
        prepared = stream_system(source, "scores", measure, () if groups is None else ("group",))
    else:
        table = _search_table(units[0] @ units[1].T, probe_names, gallery_names, groups)
        prepared = SystemScores(table, "scores", measure)
    by_group = {} if groups is None else prepared.by("group")
    by_group = {name: by_group[name] for name in map(str, np.unique(np.asarray(groups)))} if by_group else {}
    ranks = prepared.ranks
    assert ranks is not None  # every probe meets every enrolled picture, and somebody is on both sides
    return IdentificationResult(prepared.figures(), by_group, open_set(prepared), ranks)


def cosine_scores(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cosine ``(C,)`` of each row of ``first`` ``(C, D)`` with the same row of ``second``.

    Raises:
        DataError: If shapes differ, or an embedding is not finite or zero.
    """
    names = np.arange(len(first)).astype(str)
    units = [_units(first, names, "first"), _units(second, names, "second")]
    if units[0].shape != units[1].shape:
        raise DataError("embeddings of the two sides differ in width", found=f"{units[0].shape} and {units[1].shape}")
    return np.asarray(np.einsum("nd,nd->n", units[0], units[1]))


_VERIFICATION_KEYS = (
    "people", "mated_comparisons", "nonmated_comparisons", "eer_percent", "eer_interval", "auc_percent",
    "auc_interval", "d_prime", "tar_at_far",
)  # fmt: skip


def _check_scores(scores: np.ndarray, mated: np.ndarray) -> None:
    if scores.ndim != 1 or scores.shape != mated.shape:
        raise DataError("scores and mated are two lists of one length", found=f"{scores.shape} and {mated.shape}")
    wrong = np.flatnonzero(~np.isfinite(scores))
    if wrong.size:
        raise DataError("a score is not a finite number", where=f"comparison {wrong[0] + 1}", found=scores[wrong[0]],
                        cure="check the embeddings")  # fmt: skip
    if mated.all() or not mated.any():
        raise DataError("a verification needs comparisons of one person and of two",
                        found="mated comparisons only" if mated.any() else "non-mated comparisons only")  # fmt: skip
    refuse_constant(float(scores.min()), float(scores.max()))


def _people(
    first: Sequence[Any] | np.ndarray | None, second: Sequence[Any] | np.ndarray | None, mated: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the number of people, and each side's people as indices; without names one person for all."""
    if (first is None) != (second is None):
        raise DataError("name the people of both sides, or of neither")
    if first is None or second is None:
        return 1, np.zeros(len(mated), np.int32), np.zeros(len(mated), np.int32)
    sides = [np.asarray(each).astype(str) for each in (first, second)]
    if any(side.shape != mated.shape for side in sides):
        raise DataError("every comparison names two people", found=f"{len(sides[0])} and {len(sides[1])} names")
    wrong = np.flatnonzero((sides[0] == sides[1]) != mated)
    if wrong.size:
        raise DataError("mated contradicts the names of the people", where=f"comparison {wrong[0] + 1}",
                        found=f"{sides[0][wrong[0]]} and {sides[1][wrong[0]]}")  # fmt: skip
    names, index = np.unique(np.concatenate(sides), return_inverse=True)
    one, other = np.split(index.astype(np.int32), 2)
    return len(names), one, other


def _units(vectors: np.ndarray, subjects: np.ndarray, side: str) -> np.ndarray:
    from pifr.evaluation.retrieval import unit_vectors

    vectors = np.asarray(vectors, np.float32)
    if vectors.ndim != 2 or len(vectors) != len(subjects) or not len(vectors):
        raise DataError("embeddings are (N, D), with one name each", where=side,
                        found=f"{vectors.shape} and {len(subjects)} names")  # fmt: skip
    return unit_vectors(vectors, [f"{side} row {row + 1}" for row in range(len(vectors))])


def _search_table(
    scores: np.ndarray, probes: np.ndarray, gallery: np.ndarray, groups: Sequence[Any] | np.ndarray | None
) -> ScoreTable:
    """Lay a matrix of scores ``(P, G)`` out as a score table."""
    pictures = _pictures(probes, gallery, groups)
    row, column = np.indices(scores.shape)
    return ScoreTable(
        pictures, row.ravel().astype(np.int32), (len(probes) + column.ravel()).astype(np.int32),
        np.ones(scores.size, bool), {"scores": scores.ravel().astype(np.float32)},
    )  # fmt: skip


def _search_blocks(
    units: list[np.ndarray], probes: np.ndarray, gallery: np.ndarray, groups: Sequence[Any] | np.ndarray | None
) -> EmbeddedBlocks:
    """Lay the same search out in blocks of probes."""
    rows = np.arange(len(probes) + len(gallery))
    vectors = Embedded(np.concatenate(units), np.zeros(len(rows), bool))
    pairs = OneSearch(_pictures(probes, gallery, groups), [(rows[: len(probes)], rows[len(probes) :])])
    return EmbeddedBlocks(pairs, {"scores": (vectors, vectors)})


def _pictures(probes: np.ndarray, gallery: np.ndarray, groups: Sequence[Any] | np.ndarray | None) -> pd.DataFrame:
    pictures = pd.DataFrame({"subject": np.concatenate([probes, gallery])})
    pictures.insert(0, "path", [f"{row}" for row in range(len(pictures))])
    if groups is not None:
        if len(groups) != len(probes):
            raise DataError("every probe has one group", found=f"{len(groups)} groups, {len(probes)} probes")
        pictures["group"] = np.concatenate([np.asarray(groups).astype(str), np.full(len(gallery), "")])
    return pictures


def _percent(rate: float) -> str:
    return "" if rate != rate else f"{100 * rate:.1f}"


def _ends(interval: Any) -> str:
    ends = None if interval is None else interval.percent()
    return "" if ends is None else f"[{ends[0]:.1f}, {ends[1]:.1f}]"
