"""Galleries of up to millions of templates: exact and approximate indexes behind one interface, saved and loaded.

Kinds, each searched by cosine:

* ``flat``: exact, four bytes a number; FAISS where it is installed, else a blocked torch top-k.
* ``flat16``: exact search of vectors rounded to half precision, two bytes a number.
* ``hnsw``: a graph (Malkov, Yashunin, PAMI 2020), fast and accurate, more than four bytes a number.
* ``ivfpq``: inverted lists of product-quantised codes (Jegou, Douze, Schmid, PAMI 2011), a fraction of a byte a number.

Vectors come in blocks, so a gallery never lies in memory twice.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pifr.core.config import Config, check_config
from pifr.core.errors import CheckpointError, DataError
from pifr.core.files import atomic_path, names_within, read_json, refuse_foreign_files, sha256_of_file, write_json
from pifr.evaluation.engines import FAISS_FILE, TORCH_FILE, Engine, FaissEngine, TorchEngine, choose_engine
from pifr.evaluation.retrieval import unit_vectors

Kind = Literal["flat", "flat16", "hnsw", "ivfpq"]
META, NAMES = "index.json", "names.json"
_BLOCK = 16_384


class IndexConfig(Config):
    """What an index is made of."""

    kind: Kind = "flat"
    """``flat``, ``flat16``, ``hnsw`` or ``ivfpq``."""
    hnsw_links: int = 32
    """Neighbours of a vector in the graph."""
    hnsw_build: int = 80
    """Candidates looked at when a vector is added."""
    hnsw_search: int = 128
    """Candidates looked at in a search; raises recall and time."""
    lists: int | None = None
    """Inverted lists; by default about four times the square root of the gallery, as FAISS's guide advises."""
    code_bytes: int | None = None
    """Bytes a vector; by default an eighth of its width, 64 for 512 numbers; on a GPU the next shorter it takes."""
    probed_lists: int = 32
    """Lists looked into in a search; raises recall and time."""
    train_vectors: int = 100_000
    """Vectors that lists and codes are learned from: drawn from an array, the first ones of a stream."""
    seed: int = 0
    """Of the draw of training vectors."""


@dataclass(frozen=True)
class BuildRecord:
    """How an index came to be.

    Attributes:
        seconds: Time to train and fill it.
        bytes: Size of the index in memory, as FAISS or torch stores it.
    """

    seconds: float
    bytes: int


class SearchIndex:
    """A gallery that can be searched; make one with :func:`build_index` or :meth:`load`.

    Args:
        config: What it is made of.
        engine: What does the work.
        names: What each vector stands for, in the order they were added.
        record: How it came to be.
        embedder: Name, digest and the like of the embedder behind the vectors; checked by whoever embeds probes.
    """

    def __init__(
        self, config: IndexConfig, engine: FaissEngine | TorchEngine, names: Sequence[str], record: BuildRecord,
        embedder: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.config, self.engine, self.names, self.record = config, engine, list(names), record
        self.embedder = embedder or {}

    def __len__(self) -> int:
        return len(self.names)

    @property
    def dims(self) -> int:
        """Width of a vector."""
        return self.engine.dims

    def search(self, probes: np.ndarray, k: int, names: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the ``k`` most similar enrolled vectors of each probe.

        Args:
            probes: ``(P, D)`` embeddings of any length.
            k: How many; at most the size of the gallery is returned.
            names: ``(P,)`` what each probe stands for, for messages.

        Returns:
            Cosines ``(P, k)`` float32, best first (approximate ones for ``ivfpq``), and rows of the gallery
            ``(P, k)`` int64. An approximate index that finds fewer has score -inf and row -1 there.

        Raises:
            DataError: If a probe is zero or not finite, or of another width.
            ConfigError: If FAISS searches on a GPU and ``k`` exceeds what it selects there, 2048.
        """
        if k < 1:
            raise DataError("a search returns at least one", where="k", found=k)
        units = unit_vectors(probes, names, "probe embedding")
        if units.shape[1] != self.dims:
            raise DataError(
                f"probes and gallery have different widths: {self.dims} are enrolled", found=units.shape[1],
                cure="embed both with the same recogniser",
            )  # fmt: skip
        scores, rows = self.engine.search(units, min(k, len(self)))
        return np.where(rows < 0, -np.inf, scores).astype(np.float32, copy=False), rows

    def save(self, folder: Path) -> Path:
        """Write the index, its names and a description with the digest of its file, whole or not at all."""
        folder = Path(folder)
        refuse_foreign_folder(folder)
        with atomic_path(folder, replace_folder=True) as temporary:
            temporary.mkdir(parents=True)
            file = self.engine.save(temporary)
            write_json(temporary / NAMES, self.names)
            write_json(temporary / META, {
                "file": file.name, "sha256": sha256_of_file(file), "names_sha256": sha256_of_file(temporary / NAMES),
                "engine": self.engine.name, "count": len(self), "dims": self.dims, "comparison": "cosine",
                "config": self.config.model_dump(mode="json"), "record": self.record.__dict__,
                "embedder": self.embedder,
            })  # fmt: skip
        return folder

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> SearchIndex:
        """Read what :meth:`save` wrote.

        Args:
            folder: The folder.
            device: cpu, cuda or cuda:N.

        Raises:
            CheckpointError: If it holds no index, or a file is not the one that was written.
            DependencyError: If it is an index of FAISS and FAISS is not installed.
        """
        folder = Path(folder)
        if not (folder / META).is_file():
            raise CheckpointError("no index in this folder", where=folder, cure="make one with: pifr search build")
        meta = read_json(folder / META)
        config = check_config(IndexConfig, meta["config"], str(folder / META))
        file = folder / str(meta["file"])
        for path, digest in ((file, meta["sha256"]), (folder / NAMES, meta["names_sha256"])):
            if path.parent != folder or not path.is_file() or sha256_of_file(path) != digest:
                raise CheckpointError("the index is damaged or not the one described", where=path, cure="build it anew")
        kind = FaissEngine if meta["engine"] == FaissEngine.name else TorchEngine
        engine = kind.load(file, config, device)
        if engine.count != meta["count"] or engine.dims != meta["dims"]:
            raise CheckpointError("the index is not the one described", where=folder, cure="build it anew")
        return cls(config, engine, read_json(folder / NAMES), BuildRecord(**meta["record"]), meta["embedder"])


def refuse_foreign_folder(folder: Path) -> None:
    """Refuse a folder that holds something other than an index; call it before work that ends in saving there.

    Raises:
        DataError: If there is something in the folder and it is no index, or more than one.
    """
    folder = Path(folder)
    if names_within(folder) and not (folder / META).is_file():
        raise DataError("this is no index and won't be replaced", where=folder, cure="choose another folder")
    refuse_foreign_files(folder, (META, NAMES, FAISS_FILE, TORCH_FILE), "an index")


def build_index(
    vectors: np.ndarray | Iterable[np.ndarray],
    names: Sequence[str],
    config: IndexConfig | None = None,
    engine: Engine = "auto",
    device: str = "cpu",
    embedder: dict[str, Any] | None = None,
) -> SearchIndex:
    """Enrol vectors.

    Args:
        vectors: ``(G, D)``, or blocks ``(B, D)`` one after the other, so that a gallery may exceed the memory that
            two of it would need.
        names: ``(G,)`` what each vector stands for; each once.
        config: What kind of index.
        engine: ``faiss``, ``torch`` (flat kinds only), or ``auto`` for FAISS where it is installed.
        device: cpu, cuda or cuda:N.
        embedder: See :class:`SearchIndex`.

    Raises:
        DataError: If the gallery is empty, a name or a vector comes twice, a vector is zero or not finite, or their
            number is not that of the names.
        ConfigError: If the settings don't fit the width, or the kind can't run on that engine or device.
        DependencyError: If FAISS is needed and not installed.
    """
    config = config or IndexConfig()
    _refuse_repeated_names(names)
    start = time.perf_counter()
    blocks = _unit_blocks(vectors, names)
    first = next(blocks, None)
    if first is None:
        raise DataError("the gallery is empty", cure="enrol at least one picture")
    made = choose_engine(config, engine, device, first.shape[1], len(names))
    digests: list[np.ndarray] = []
    waiting = _train(made, vectors, first, blocks, config)
    for block in _chained(waiting, blocks):
        digests.append(_digests(block))
        made.add(block)
    if made.count != len(names):
        raise DataError(
            "a gallery has one name a vector", found=f"{made.count:,} vectors and {len(names):,} names"
        )  # fmt: skip
    _refuse_repeated_vectors(np.concatenate(digests), names)
    made.finish()
    return SearchIndex(config, made, names, BuildRecord(time.perf_counter() - start, made.bytes), embedder)


def _unit_blocks(vectors: np.ndarray | Iterable[np.ndarray], names: Sequence[str]) -> Iterator[np.ndarray]:
    """Yield unit vectors in blocks, refusing by name what has no direction."""
    parts = (
        (vectors[start : start + _BLOCK] for start in range(0, len(vectors), _BLOCK))
        if isinstance(vectors, np.ndarray)
        else iter(vectors)
    )
    row, width = 0, None
    for part in parts:
        block = np.asarray(part)
        if block.ndim != 2:
            raise DataError("vectors must be a table (N, D)", found=f"shape {block.shape}")
        if width is not None and block.shape[1] != width:
            raise DataError("vectors of one gallery have one width", found=f"{width} and {block.shape[1]}")
        width = block.shape[1]
        if row + len(block) > len(names):
            raise DataError("there are more vectors than names", found=f"{len(names):,} names")
        if len(block):
            yield unit_vectors(block, names[row : row + len(block)], "enrolled embedding")
        row += len(block)


def _train(
    engine: FaissEngine | TorchEngine,
    vectors: Any,
    first: np.ndarray,
    blocks: Iterator[np.ndarray],
    config: IndexConfig,
) -> list[np.ndarray]:
    """Train an engine that needs it; return the blocks taken from the stream on the way."""
    if engine.trained:
        return [first]
    if isinstance(vectors, np.ndarray) and len(vectors) > config.train_vectors:
        rows = np.sort(np.random.default_rng(config.seed).choice(len(vectors), config.train_vectors, replace=False))
        engine.train(unit_vectors(vectors[rows], [f"row {row}" for row in rows], "enrolled embedding"))
        return [first]
    taken = [first]
    while sum(map(len, taken)) < config.train_vectors and (block := next(blocks, None)) is not None:
        taken.append(block)
    engine.train(np.concatenate(taken)[: config.train_vectors])
    return taken


def _chained(waiting: list[np.ndarray], blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    while waiting:
        yield waiting.pop(0)  # freed as soon as it is added
    yield from blocks


def _digests(block: np.ndarray) -> np.ndarray:
    """Return 64 bits a vector ``(B,)``: among a million vectors two different ones agree with chance 3e-8."""
    found = [hashlib.blake2b(row.data, digest_size=8).digest() for row in block]
    return np.frombuffer(b"".join(found), dtype=np.uint64)


def _refuse_repeated_names(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError("the gallery holds this name twice", where=name, cure="give each template its own")
        seen.add(name)


def _refuse_repeated_vectors(digests: np.ndarray, names: Sequence[str]) -> None:
    order = np.argsort(digests, kind="stable")
    repeated = np.flatnonzero(digests[order][1:] == digests[order][:-1])
    if repeated.size:
        one, other = names[order[repeated[0]]], names[order[repeated[0] + 1]]
        more = f" and {repeated.size - 1} more" if repeated.size > 1 else ""
        raise DataError(
            f"two enrolled embeddings are the same as {one}'s", where=f"{other}{more}",
            cure="enrol each picture once, or check the embedder",
        )  # fmt: skip
