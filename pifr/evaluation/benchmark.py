"""The benchmark: protocol, embeddings, scores, figures, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pifr.core.environment import environment_record
from pifr.core.errors import ConfigError, DataError
from pifr.core.progress import say
from pifr.core.runs import refuse_run_folder
from pifr.data.manifest import Manifest
from pifr.data.seen import data_folders, training_people_notes
from pifr.evaluation.blocks import MAX_SCORE_ROWS, EmbeddedBlocks
from pifr.evaluation.comparisons import Comparisons
from pifr.evaluation.engines import Engine
from pifr.evaluation.measure import Measure
from pifr.evaluation.measuring import measure_scores, measure_stream
from pifr.evaluation.protocols import Protocol, load_protocol
from pifr.evaluation.results import SCORES, BenchmarkResult
from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.scoring import Embedded, refuse_constant, score_comparisons
from pifr.evaluation.stream_file import write_stream
from pifr.evaluation.streamed import BINS_PER_UNIT
from pifr.metrics.streaming import TAIL

if TYPE_CHECKING:
    from pifr.recognition.embedders import Embedder
    from pifr.recognition.embedding_cache import EmbeddingCache

_STREAMED = (
    "{:,} comparisons were streamed: a figure that at most {:,} scores of a kind decide is exact, others are read "
    "at the nearest {:,}th of a cosine"
)
_BOTH = "both sides"
_BOTH_SIDES = "{}: the order of a pair says nothing here, so it embeds both of its pictures"


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
    max_score_rows: int = MAX_SCORE_ROWS,
    keep_scores: bool = False,
) -> BenchmarkResult:
    """Measure embedders on a protocol, pose by pose.

    Args:
        data: Pictures, as a manifest or its file; which columns are needed depends on the protocol. For a protocol
            of pairs the data set's folder, or the file of pairs.
        embedders: Callables ``uint8 (N, H, W, 3) -> float32 (N, D)`` with a name and an input spec, or their names.
            One with an attribute ``enrols_with`` embeds probes, and that embedder what is enrolled; where the order of
            a pair says nothing it embeds both sides.
        protocol: A name from ``pifr benchmark --list``, a protocol file, or a protocol already applied to ``data``.
        out: Folder for scores, protocol, environment and results; nothing is written without it.
        names: Names in tables, one an embedder; the embedders' own where absent.
        flip_fusion: Average each embedding with that of the mirrored picture.
        measure: Bootstrap rounds, false accept rates, width of a yaw group.
        by: Further columns to group probes by.
        train_people: See :func:`~pifr.evaluation.protocols.load_protocol`.
        allow_training_people: Go on although an embedder, or the generator before it, was trained on people of the
            test; it is noted.
        batch_size: Pictures a forward pass.
        device: auto, cpu, cuda or cuda:N.
        engine: Search engine, see :class:`~pifr.evaluation.retrieval.ExactSearch`.
        cache: Where embeddings are looked up and kept, by content; None computes all of them.
        max_score_rows: Comparisons held in memory as a table. More of them are streamed: figures come from
            accumulators of fixed size, equal to the table's as far as the tail reaches (see
            :mod:`pifr.evaluation.streamed`), and ``out`` gets a summary in place of the scores. Pairs with folds
            are always held.
        keep_scores: Write every score of a streamed benchmark into ``out`` as well.

    Returns:
        Figures of every system with intervals and counts, and the scores behind them.

    Raises:
        ConfigError: If two systems have one name.
        DataError: If the data can't serve the protocol, an embedder saw test people in training, or every score
            is the same, or ``out`` is the folder of a training run.
    """
    if out is not None:
        refuse_run_folder(out)
    measure = measure or Measure()
    applied = protocol if isinstance(protocol, Protocol) else load_protocol(protocol, data, train_people)
    for column in by:
        applied.data.require([column])
    loaded = _load(embedders, device)
    systems = _system_names(loaded, names)
    tested, home = _people_of_the_test(applied), data_folders(applied.data)
    notes = [n for e in loaded for n in training_people_notes(e, "recogniser", tested, home, allow_training_people)]
    pairs = Comparisons(applied, by)
    notes += pairs.notes
    streams = len(pairs) > max_score_rows and pairs.fold is None
    if keep_scores and out is None:
        raise ConfigError("scores are kept in a folder", where="--keep-scores", cure="add --out FOLDER")
    # Before the long work; a picture that can't be read is a failure to acquire, wherever it shows.
    environment = environment_record(applied.data.fingerprint(unreadable_ok=True))
    records, scores, embedded = {}, {}, {}
    for name, embedder in zip(systems, loaded, strict=True):
        say(f"{name}: embedding {len(pairs.used):,} pictures")
        searching, enrolled, failed_pictures = _both_sides(
            embedder, pairs, applied.probe_side, batch_size, flip_fusion, cache
        )
        if streams:
            embedded[name] = (searching, enrolled)
        else:
            scores[name] = score_comparisons(pairs, searching, enrolled, engine)
            _refuse_constant(scores[name], name)
        records[name] = {
            "embedder": embedder.name, "sha256": embedder.sha256, "input": embedder.spec.model_dump(),
            "flip_fusion": flip_fusion, "comparison": "cosine", "failed_pictures": failed_pictures,
            **_embedded_sides(embedder, applied.probe_side), **getattr(embedder, "options", {}),
        }  # fmt: skip
    notes += [_BOTH_SIDES.format(name) for name, each in records.items() if each.get("embeds") == _BOTH]
    record = {**applied.to_dict(), "measure": measure.to_dict(), "by": list(by)}
    record["notes"] = [*record["notes"], *notes]
    folder = Path(out) if out else None
    if streams:
        record["notes"].append(_STREAMED.format(len(pairs), TAIL, BINS_PER_UNIT))
        say(f"{len(pairs):,} comparisons are streamed, since more than {max_score_rows:,} are not held in memory")
        source = EmbeddedBlocks(pairs, embedded)
        embedded.clear()
        result = measure_stream(source, record, records, measure, environment, tuple(by), folder)
        if folder is not None:
            result.claim(folder)
            _keep(source, folder, keep_scores)
    else:
        table = ScoreTable(pairs.pictures, pairs.probe, pairs.reference, pairs.search, scores, pairs.fold)
        result = measure_scores(table, record, records, measure, environment, tuple(by), folder)
    if folder is not None:
        result.save(folder)
    return result


def _keep(source: EmbeddedBlocks, folder: Path, keep: bool) -> None:
    """Write every score of a streamed benchmark where asked for; else take those of an older benchmark away."""
    if keep:
        write_stream(source, folder / SCORES)
    else:
        (folder / SCORES).unlink(missing_ok=True)


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


def _people_of_the_test(protocol: Protocol) -> set[str]:
    """Return everybody who is searched with or enrolled: a known face among the others is found too easily as well."""
    return set(protocol.subjects[np.union1d(protocol.probes, protocol.enrolment)].tolist())


def _embedded_sides(embedder: Embedder, probe_side: bool) -> dict[str, str]:
    """Return what a record says of an embedder that has another to enrol with."""
    return {"embeds": "probes" if probe_side else _BOTH} if getattr(embedder, "enrols_with", None) else {}


def _both_sides(
    embedder: Embedder, pairs: Comparisons, probe_side: bool, batch_size: int, flip: bool,
    cache: EmbeddingCache | None,
) -> tuple[Embedded, Embedded, int]:  # fmt: skip
    """Return what searches, what is enrolled (the same object where nothing differs), and how many pictures failed."""
    searching = enrolled = _embed(embedder, pairs, batch_size, flip, cache)
    # Turning whichever picture a list happens to name first would make the figures depend on its order.
    if probe_side and (enrols_with := getattr(embedder, "enrols_with", None)):
        enrolled = _embed(enrols_with, pairs, batch_size, flip, cache)
    failed_pictures = int(searching.failed.sum())
    if pairs.templates is not None:
        together = enrolled is searching
        searching = Embedded(*pairs.pooled(searching.vectors, searching.failed))
        enrolled = searching if together else Embedded(*pairs.pooled(enrolled.vectors, enrolled.failed))
    return searching, enrolled, failed_pictures


def _embed(
    embedder: Embedder, pairs: Comparisons, batch_size: int, flip: bool, cache: EmbeddingCache | None
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
    if known.size:
        refuse_constant(float(known.min()), float(known.max()), name)
