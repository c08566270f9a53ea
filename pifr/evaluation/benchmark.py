"""The benchmark: protocol, embeddings, scores, figures, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pifr.core.environment import environment_record
from pifr.core.errors import ConfigError, DataError
from pifr.core.progress import say
from pifr.core.seeds import numpy_generator
from pifr.data.manifest import Manifest
from pifr.evaluation.figures import Measure
from pifr.evaluation.protocols import Protocol, load_protocol
from pifr.evaluation.results import BenchmarkResult, measure_scores
from pifr.evaluation.retrieval import Engine
from pifr.evaluation.scores import ScoreTable, picture_table
from pifr.evaluation.scoring import Embedded, score_comparisons

if TYPE_CHECKING:
    from pifr.recognition.embedders import Embedder
    from pifr.recognition.embedding_cache import EmbeddingCache

POSE_SAMPLE = 1500
"""At most this many pictures are compared all with all for the yaw x yaw table."""


def evaluate(
    data: Manifest | Path | str,
    embedders: Sequence[Embedder | str],
    protocol: str | Protocol = "posegrid",
    out: Path | None = None,
    *,
    names: Sequence[str] | None = None,
    flip_fusion: bool = False,
    measure: Measure | None = None,
    by: Sequence[str] = (),
    train_people: int | None = None,
    allow_training_people: bool = False,
    batch_size: int = 128,
    device: str = "auto",
    engine: Engine = "auto",
    cache: EmbeddingCache | None = None,
) -> BenchmarkResult:
    """Measure embedders on a protocol, pose by pose.

    Args:
        data: Pictures, as a manifest or its file; which columns are needed depends on the protocol. For a protocol
            of pairs the data set's folder, or the file of pairs.
        embedders: Callables ``uint8 (N, H, W, 3) -> float32 (N, D)`` with a name and an input spec, or their names.
            One with an attribute ``enrols_with`` embeds probes, and that embedder what is enrolled.
        protocol: A name from ``pifr benchmark --list``, a protocol file, or a protocol already applied to ``data``.
        out: Folder for scores, protocol, environment and results; nothing is written without it.
        names: Names in tables, one an embedder; the embedders' own where absent.
        flip_fusion: Average each embedding with that of the mirrored picture.
        measure: Bootstrap rounds, false accept rates, width of a yaw group.
        by: Further columns to group probes by.
        train_people: See :func:`~pifr.evaluation.protocols.load_protocol`.
        allow_training_people: Go on although an embedder was trained on people of the test; it is noted.
        batch_size: Pictures a forward pass.
        device: auto, cpu, cuda or cuda:N.
        engine: Search engine, see :class:`~pifr.evaluation.retrieval.ExactSearch`.
        cache: Where embeddings are looked up and kept, by content; None computes all of them.

    Returns:
        Figures of every system with intervals and counts, and the scores behind them.

    Raises:
        ConfigError: If two systems have one name.
        DataError: If the data can't serve the protocol, an embedder saw test people in training, or every score
            is the same.
    """
    measure = measure or Measure()
    applied = protocol if isinstance(protocol, Protocol) else load_protocol(protocol, data, train_people)
    for column in by:
        applied.data.require([column])
    loaded = _load(embedders, device)
    systems = _system_names(loaded, names)
    notes = [note for e in loaded if (note := _check_training_people(e, applied, allow_training_people))]
    pairs = _Comparisons(applied, by)
    records, scores = {}, {}
    for name, embedder in zip(systems, loaded, strict=True):
        say(f"{name}: embedding {len(pairs.used):,} pictures")
        searching = enrolled = _embed(embedder, pairs, batch_size, flip_fusion, cache)
        if enrols_with := getattr(embedder, "enrols_with", None):
            enrolled = _embed(enrols_with, pairs, batch_size, flip_fusion, cache)
        scores[name] = score_comparisons(pairs, searching, enrolled, engine)
        _refuse_constant(scores[name], name)
        records[name] = {
            "embedder": embedder.name, "sha256": embedder.sha256, "input": embedder.spec.model_dump(),
            "flip_fusion": flip_fusion, "comparison": "cosine", "failed_pictures": int(searching.failed.sum()),
            **getattr(embedder, "options", {}),
        }  # fmt: skip
    record = applied.to_dict()
    record["notes"] = [*record["notes"], *notes]
    record["measure"] = {"rounds": measure.rounds, "seed": measure.seed, "bin_degrees": measure.bin_degrees}
    table = ScoreTable(pairs.pictures, pairs.probe, pairs.reference, pairs.search, scores, pairs.fold)
    environment = environment_record(applied.data.fingerprint())
    result = measure_scores(table, record, records, measure, environment, tuple(by), Path(out) if out else None)
    if out is not None:
        result.save(Path(out))
    return result


class _Comparisons:
    """What is compared with what, before any embedder is asked.

    Attributes:
        used: Manifest of the pictures that take part, in the order of ``pictures``.
        pictures: Their metadata for the score table.
        probe: Row of the probe of each comparison.
        reference: Row of the reference.
        search: Whether the comparison is the protocol's, not the pose sample's.
        searches: One (probe rows, reference rows) a part of the protocol; none where it lists pairs.
        fold: Fold of each comparison, where the protocol has folds.
    """

    def __init__(self, protocol: Protocol, by: Sequence[str]) -> None:
        rows = np.union1d(protocol.enrolment, protocol.probes)
        mask = np.zeros(len(protocol.data), bool)
        mask[rows] = True
        self.used = protocol.data.select(mask)
        place = np.cumsum(mask) - 1
        table = self.used.table.assign(part=protocol.part[mask])
        self.pictures = picture_table(table, np.arange(len(table)), by)
        self.fold = protocol.folds if protocol.folds is not None and protocol.folds.any() else None
        if protocol.pairs is not None:
            self.searches: list[tuple[np.ndarray, np.ndarray]] = []
            self.probe, self.reference = (place[side].astype(np.int32) for side in protocol.pairs.T)
            self.search = np.ones(len(self.probe), bool)
            return
        enrolment, probes = place[protocol.enrolment], place[protocol.probes]
        part = protocol.part[mask]
        self.searches = [
            (probes[part[probes] == name], enrolment[part[enrolment] == name]) for name in sorted(set(part[probes]))
        ]
        first = [np.repeat(p, len(e)) for p, e in self.searches]
        second = [np.tile(e, len(p)) for p, e in self.searches]
        searched = sum(len(rows) for rows in first)
        sample = _pose_sample(self.used)
        upper, right = np.triu_indices(len(sample), 1)
        self.probe = np.concatenate([*first, sample[upper]]).astype(np.int32)
        self.reference = np.concatenate([*second, sample[right]]).astype(np.int32)
        self.search = np.arange(len(self.probe)) < searched


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


def _load(embedders: Sequence[Embedder | str], device: str) -> list[Embedder]:
    if not embedders:
        raise ConfigError("name at least one embedder", where="--embedder")
    from pifr.recognition.embedders import load_embedder

    return [load_embedder(each, device) if isinstance(each, str) else each for each in embedders]


def _system_names(embedders: Sequence[Embedder], names: Sequence[str] | None) -> list[str]:
    chosen = list(names) if names else [embedder.name for embedder in embedders]
    if len(chosen) != len(embedders):
        raise ConfigError(
            "give one name for each embedder", where="--name", found=f"{len(chosen)} for {len(embedders)} embedders"
        )
    repeated = {name for name in chosen if chosen.count(name) > 1}
    if repeated:
        raise ConfigError(
            "two systems have one name", where="--name", found=", ".join(sorted(repeated)), cure="give each its own"
        )
    return chosen


def _check_training_people(embedder: Embedder, protocol: Protocol, allowed: bool) -> str | None:
    """Refuse a recogniser that was trained on people of the test; return a note where a reader should know.

    Names tell people apart within one data set only: 001 of another set is another person. So names shared with
    training data from another folder are noted, not refused.
    """
    trained = frozenset(getattr(embedder, "training_people", ()))
    folders = frozenset(getattr(embedder, "training_folders", ()))
    tested = set(protocol.data.table["subject"].iloc[protocol.probes])
    shared = sorted(trained & tested)
    if not shared:
        return None
    shown = ", ".join(shared[:5]) + (" ..." if len(shared) > 5 else "")
    if folders and str(protocol.data.folder.resolve()) not in folders:
        return f"{embedder.name}: {len(shared)} people of its training data, another set, are named as in the test"
    if not allowed:
        raise DataError(
            f"the recogniser was trained on {len(shared)} of the {len(tested)} people of the test",
            where=embedder.name, found=shown, cure="test other people, or say so with --allow-training-people",
        )  # fmt: skip
    return f"{embedder.name} was trained on {len(shared)} of the {len(tested)} people of the test: {shown}"


def _embed(
    embedder: Embedder, pairs: _Comparisons, batch_size: int, flip: bool, cache: EmbeddingCache | None
) -> Embedded:
    """Embed the pictures that take part; failed are those unreadable, not finite, or of length zero."""
    from pifr.recognition.embedders import embed_manifest

    found = embed_manifest(embedder, pairs.used, batch_size=batch_size, flip_fusion=flip, cache=cache)
    vectors = np.asarray(found.vectors, dtype=np.float32)
    if vectors.shape[0] != len(pairs.used) or vectors.ndim != 2:
        raise DataError(
            "an embedder must return one vector a picture", where=embedder.name, found=f"shape {vectors.shape}"
        )
    failed = np.asarray(found.failed, bool) | ~np.isfinite(vectors).all(axis=1)
    failed |= np.linalg.norm(np.where(failed[:, None], 0, vectors), axis=1) == 0
    if failed.all():
        raise DataError("not one picture gave an embedding", where=embedder.name, cure="check the embedder")
    return Embedded(vectors, failed)


def _refuse_constant(scores: np.ndarray, name: str) -> None:
    known = scores[~np.isnan(scores)]
    if known.size and np.ptp(known) < 1e-5:  # rounding alone makes cosines differ by 1e-6
        raise DataError(
            "every comparison got the same score, so nobody can be told apart",
            where=name, found=f"{known[0]:.6f}", cure="check that the embedder's weights are loaded",
        )  # fmt: skip
