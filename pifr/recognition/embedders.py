"""Embedders by name, and embedding a whole manifest without falling over one bad picture."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from pifr.core.errors import CheckpointError, ConfigError, DataError, DependencyError, near_names
from pifr.core.files import sha256_of_file
from pifr.core.progress import progress_bar, say
from pifr.core.registry import Registry
from pifr.data.manifest import Manifest
from pifr.data.pixels import PixelStore, load_square, open_pixels
from pifr.data.spec import InputSpec
from pifr.recognition.embedding_cache import EmbeddingCache, embedding_keys

_TOLD = 5
"""Of this many bad pictures the user is told by name."""


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns faces into vectors.

    Attributes:
        name: What to call it in tables.
        spec: Size and alignment of the pictures it takes.
        sha256: Digest of its weights, so that a result says what it was measured on.
    """

    name: str
    spec: InputSpec
    sha256: str

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Embed ``(N, S, S, 3)`` uint8 RGB pictures as ``(N, D)`` float32."""


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of a manifest, in its row order.

    Attributes:
        vectors: ``(N, D)`` float32, not normalised; zero where failed.
        failed: ``(N,)`` bool: the picture could not be read, or its embedding was not finite or zero.
    """

    vectors: np.ndarray
    failed: np.ndarray


EMBEDDERS: Registry[Callable[[str, str], Embedder]] = Registry("kind of embedder")
"""Kinds by the word before the colon; each takes what comes after it, and a device."""


def load_embedder(name: str | Path, device: str = "auto") -> Embedder:
    """Load an embedder.

    Args:
        name: A run folder of ``pifr train-recognizer`` (its best checkpoint, else its last; append ``@last`` for
            the last), one checkpoint's folder, ``python:package.module:attribute``, ``onnx:model.onnx``, ``dlib``,
            ``hdlbp`` or ``hdlbp:FOLDER``.
        device: Where networks run: auto, cpu, cuda or cuda:N.

    Raises:
        PifrError: If there is no such thing, or it is no embedder.
    """
    import pifr.recognition.hdlbp  # registers its name, as the judges do theirs
    import pifr.recognition.judges  # noqa: F401

    kind, colon, rest = str(name).partition(":")
    if (colon or kind in EMBEDDERS) and not Path(name).exists():
        return EMBEDDERS[kind](rest, device)
    _require_run(str(name))
    from pifr.recognition.trained import load_trained

    return load_trained(str(name), device)


def _require_run(name: str) -> None:
    """Refuse what is neither a kind of embedder nor a folder; a kind may be misspelt."""
    run, at, which = name.rpartition("@")
    if Path(name).exists() or (at and which in ("last", "best") and Path(run).exists()):
        return
    near = near_names(name, EMBEDDERS)
    usual = "name a run folder, dlib, hdlbp, onnx:model.onnx or python:package.module:attribute"
    raise CheckpointError("no such run folder or embedder", where=name, cure=near if near[:3] == "did" else usual)


def embed_manifest(
    embedder: Embedder,
    manifest: Manifest,
    batch_size: int = 128,
    flip_fusion: bool = False,
    cache: EmbeddingCache | None = None,
) -> Embeddings:
    """Embed every picture of a manifest.

    Args:
        embedder: The embedder.
        manifest: Pictures, aligned as the embedder wants them.
        batch_size: Pictures at once.
        flip_fusion: Add the embedding of the mirror image.
        cache: Where embeddings are looked up and kept, by content; None computes all of them.

    Returns:
        Vectors and failures, in row order. Unreadable pictures and useless vectors are failures, not errors.

    Raises:
        DataError: If the alignment is another, no picture at all can be read, or the embedder returns another shape.
    """
    embedder.spec.require_template(manifest.template, f"{manifest.name} for {embedder.name}")
    store, readable = open_readable(manifest, embedder.spec.size_px)
    rows = np.flatnonzero(readable)
    yaws = manifest.yaw_degrees if getattr(embedder, "takes_yaw", False) else None
    vectors: np.ndarray | None = None
    with progress_bar(f"embedding with {embedder.name}", len(rows)) as advance:
        for numbers, pixels in _batches(store, batch_size):
            here = rows[numbers]
            batch = embed_pixels(embedder, pixels, flip_fusion, cache, None if yaws is None else yaws[here])
            if vectors is None:
                vectors = np.zeros((len(manifest), batch.shape[1]), dtype=np.float32)
            _require_one_width({vectors.shape[1], batch.shape[1]}, embedder)
            vectors[here] = batch
            advance(len(batch))
    assert vectors is not None  # a manifest holds a picture, and open_readable and _batches refuse to find none
    failed = ~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1)
    vectors[failed] = 0.0
    if failed.any():
        say(f"{embedder.name}: {int(failed.sum())} of {len(failed)} pictures failed and count against it")
    return Embeddings(vectors, failed)


def embed_pixels(
    embedder: Embedder,
    pixels: np.ndarray,
    flip_fusion: bool = False,
    cache: EmbeddingCache | None = None,
    yaw_degrees: np.ndarray | None = None,
) -> np.ndarray:
    """Embed one batch ``(N, S, S, 3)`` uint8 as ``(N, D)`` float32; see :func:`embed_manifest`.

    ``yaw_degrees`` ``(N,)`` is for embedders whose ``takes_yaw`` is true.
    """
    keys = embedding_keys(embedder, pixels, flip_fusion, yaw_degrees) if cache is not None else None
    if cache is None or keys is None:
        return _fused(embedder, pixels, flip_fusion, yaw_degrees)
    known = cache.get(keys)
    missing = np.array([key not in known for key in keys], dtype=bool)
    if missing.any():
        known_yaw = None if yaw_degrees is None else yaw_degrees[missing]
        computed = _fused(embedder, pixels[missing], flip_fusion, known_yaw)
        new = [key for key, is_missing in zip(keys, missing, strict=True) if is_missing]
        cache.put(new, computed)
        known.update(zip(new, computed, strict=True))
    _require_one_width({len(vector) for vector in known.values()}, embedder)
    return np.stack([known[key] for key in keys])


def _require_one_width(widths: set[int], embedder: Embedder) -> None:
    if len(widths) > 1:
        raise DataError(
            "an embedder returns vectors of one width", where=embedder.name,
            found=" and ".join(str(width) for width in sorted(widths)),
        )  # fmt: skip


def _fused(embedder: Embedder, pixels: np.ndarray, flip_fusion: bool, yaw_degrees: np.ndarray | None) -> np.ndarray:
    vectors = _checked(embedder, pixels, yaw_degrees)
    if flip_fusion:
        turned = None if yaw_degrees is None else -yaw_degrees
        vectors = vectors + _checked(embedder, np.ascontiguousarray(pixels[:, :, ::-1]), turned)
    return vectors


def _checked(embedder: Embedder, pixels: np.ndarray, yaw_degrees: np.ndarray | None) -> np.ndarray:
    given: Any = {} if yaw_degrees is None else {"yaw_degrees": yaw_degrees}
    batch = np.asarray(embedder(pixels, **given))
    if batch.ndim != 2 or len(batch) != len(pixels) or not np.issubdtype(batch.dtype, np.floating):
        raise DataError(
            f"an embedder returns one row of floats a picture, here ({len(pixels)}, D)", where=embedder.name,
            found=f"{batch.dtype} {batch.shape}",
        )  # fmt: skip
    return batch.astype(np.float32, copy=False)


def open_readable(manifest: Manifest, size_px: int) -> tuple[PixelStore, np.ndarray]:
    """Open the pictures that can be read; return them and which rows they are, ``(N,)`` bool.

    Raises:
        DataError: If not one can be read.
    """
    try:
        return open_pixels(manifest, size_px), np.ones(len(manifest), dtype=bool)
    except DataError as first_error:
        paths = manifest.paths  # makes a path for every row, so it is asked once

        def problem(row: int) -> str | None:
            try:
                load_square(paths[row], size_px, manifest.place(row))
            except DataError as error:
                return str(error)
            return None

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            problems = list(pool.map(problem, range(len(manifest))))
        readable = np.array([line is None for line in problems])
        if not readable.any():
            raise first_error
        for line in [line for line in problems if line][:_TOLD]:
            say(f"warning: {line}")
        return open_pixels(manifest.select(readable), size_px), readable


def _batches(store: PixelStore, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield numbers in the store ``(B,)`` and pixels ``(B, S, S, 3)``, without those that can't be decoded.

    Where the disk had no room for the pixels nothing has decoded them before, so bad ones show only here.

    Raises:
        DataError: If there is not one that can be.
    """
    problems: list[DataError] = []
    for start in range(0, len(store), batch_size):
        numbers = np.arange(start, min(start + batch_size, len(store)))
        try:
            pixels = store[numbers]
        except DataError:
            found = [_one(store, number, problems) for number in numbers.tolist()]
            numbers = numbers[[one is not None for one in found]]
            pixels = np.concatenate([one for one in found if one is not None] or [np.empty(0)])
        if len(numbers):
            yield numbers, pixels
    for error in problems[:_TOLD]:
        say(f"warning: {error}")
    if len(problems) == len(store):
        raise problems[0]


def _one(store: PixelStore, number: int, problems: list[DataError]) -> np.ndarray | None:
    """Return one picture ``(1, S, S, 3)``; None where it can't be decoded, and why is added to ``problems``."""
    try:
        return store[number]
    except DataError as error:
        problems.append(error)
        return None


class PythonEmbedder:
    """A user's own callable, with its spec and a name.

    Args:
        target: ``package.module:attribute``, for the name.
        function: ``(N, S, S, 3)`` uint8 -> ``(N, D)`` float, with an attribute ``spec``.
        sha256: Digest of its weights, or of its source file.
        cacheable: Whether the digest is its own word: a source file's says nothing of weights it reads elsewhere.
    """

    def __init__(
        self, target: str, function: Callable[[np.ndarray], np.ndarray], sha256: str, cacheable: bool = False
    ) -> None:
        self.function, self.cacheable = function, cacheable
        self.spec: InputSpec = function.spec  # type: ignore[attr-defined]
        self.name: str = getattr(function, "name", target)
        self.sha256 = sha256

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Embed ``(N, S, S, 3)`` uint8 RGB pictures as ``(N, D)``."""
        return self.function(pixels)


@EMBEDDERS.register("python")
def load_python(target: str, device: str) -> Embedder:
    """Import ``package.module:attribute``; a class is called without arguments to make the embedder.

    The current folder is searched too. The device is the callable's own business.
    """
    module_name, colon, attribute = target.partition(":")
    if not colon or not module_name or not attribute:
        raise ConfigError("an embedder of your own is named python:package.module:attribute", found=repr(target))
    try:
        sys.path.insert(0, os.getcwd())
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise DependencyError(f"can't import the module {module_name!r}", found=str(error)) from error
    finally:
        sys.path.remove(os.getcwd())
    if not hasattr(module, attribute):
        raise ConfigError(f"module {module_name!r} has no {attribute!r}", cure=near_names(attribute, dir(module)))
    function = getattr(module, attribute)
    if isinstance(function, type):
        function = function()
    if not callable(function) or not isinstance(getattr(function, "spec", None), InputSpec):
        raise ConfigError(
            "an embedder is callable and has an attribute 'spec'", where=f"python:{target}",
            cure=f"write {attribute}.spec = pifr.data.spec.InputSpec(size_px=112, template=...)",
        )  # fmt: skip
    source = getattr(module, "__file__", None)
    own = getattr(function, "sha256", None)
    sha256 = own or (sha256_of_file(Path(source)) if source else "")
    return PythonEmbedder(target, function, sha256, cacheable=bool(own))
