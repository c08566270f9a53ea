"""Embeddings kept by content: the same pixels through the same weights are computed once, whatever a file is called.

One SQLite file in the user's cache folder. Several processes may read and write it at once; an entry carries a
check sum, so a damaged one is a miss and never a wrong vector.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pifr import __version__
from pifr.core.files import cache_folder
from pifr.core.progress import say

if TYPE_CHECKING:
    from pifr.recognition.embedders import Embedder

_LAYOUT = 1
"""Part of every key: raise it when what is embedded changes, for example the order of flip fusion."""
DEFAULT_LIMIT_BYTES = 2 << 30
_KEEP_SHARE = 0.8
_WAIT_SECONDS = 30.0
_KEYS_AT_ONCE = 500
_TABLE = """
CREATE TABLE IF NOT EXISTS embeddings (
    key BLOB PRIMARY KEY, vector BLOB NOT NULL, checksum INTEGER NOT NULL, used INTEGER NOT NULL
)
"""


class EmbeddingCache:
    """Vectors on disk, by embedder and pixels; bounded, the least recently used go first.

    A cache that can't be opened or is damaged costs one line and the time it would have saved, never the run.

    Args:
        folder: Where it lies; ``embeddings`` in the user's cache folder where absent (``$PIFR_CACHE``, else
            ``$XDG_CACHE_HOME/pifr``, else ``~/.cache/pifr``).
        limit_bytes: Size it is cut back from when closed.
    """

    def __init__(self, folder: Path | None = None, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.path = (Path(folder) if folder is not None else cache_folder() / "embeddings") / "embeddings.sqlite"
        self.limit_bytes = limit_bytes
        self.hits = self.misses = self.damaged = 0
        self._used: set[bytes] = set()
        self._connection: sqlite3.Connection | None = None
        with self._guarded():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=_WAIT_SECONDS)
            # Rows of 2 kB (512 numbers) would fill ordinary pages of 4 kB by half only.
            self._connection.execute("PRAGMA page_size = 16384")
            self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_TABLE)

    def __enter__(self) -> EmbeddingCache:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """Return what is known: key -> vector ``(D,)`` float32, bit for bit as it was put."""
        found: dict[bytes, np.ndarray] = {}
        with self._guarded():
            for part in _parts(keys):
                marks = ",".join("?" * len(part))
                query = f"SELECT key, vector, checksum FROM embeddings WHERE key IN ({marks})"
                rows = [] if self._connection is None else self._connection.execute(query, part)
                for key, vector, checksum in rows:
                    if zlib.crc32(vector) == checksum and len(vector) % 4 == 0:
                        found[key] = np.frombuffer(vector, dtype=np.float32)
                    else:
                        self._note_damage()
        self._used.update(found)
        self.hits += len(found)
        self.misses += len(keys) - len(found)
        return found

    def put(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Keep vectors ``(N, D)`` float32 under ``keys`` ``(N,)``; those that are not finite are left out."""
        finite = np.isfinite(vectors).all(axis=1)
        blobs = [(key, vector.tobytes()) for key, vector, ok in zip(keys, vectors, finite, strict=True) if ok]
        now = int(time.time())
        rows = [(key, blob, zlib.crc32(blob), now) for key, blob in blobs]
        with self._guarded():
            if self._connection is not None:
                with self._connection:  # one transaction: all of the batch or nothing
                    self._connection.executemany("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Note what was used, drop what is too much, and close."""
        with self._guarded():
            if self._connection is not None:
                with self._connection:
                    stamp = int(time.time())
                    self._connection.executemany(
                        "UPDATE embeddings SET used = ? WHERE key = ?", ((stamp, key) for key in self._used)
                    )
                self._shrink(self._connection)
        self._used.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def size_bytes(self) -> int:
        """Return the bytes of the pages in use."""
        if self._connection is None:
            return 0
        names = ("page_count", "freelist_count", "page_size")
        pages, free, page = (int(self._connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in names)
        return (pages - free) * page

    def _shrink(self, connection: sqlite3.Connection) -> None:
        """Drop the least recently used; more than once where half-empty pages keep the size up."""
        while (size := self.size_bytes()) > self.limit_bytes:
            count = int(connection.execute("SELECT COUNT(*) FROM embeddings").fetchone()[0])
            if not count:
                return
            surplus = int(np.ceil(count * (1 - _KEEP_SHARE * self.limit_bytes / size)))
            with connection:
                connection.execute(
                    "DELETE FROM embeddings WHERE key IN (SELECT key FROM embeddings ORDER BY used LIMIT ?)",
                    (surplus,),
                )
            connection.execute("PRAGMA incremental_vacuum").fetchall()

    def _note_damage(self) -> None:
        if not self.damaged:
            say(f"warning: {self.path}: damaged entries in the embedding cache are computed again")
        self.damaged += 1

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn any failure of the cache into one line, after which it stays out of the way."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            say(f"warning: {self.path}: going on without the embedding cache: {error}")
            broken = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if broken:  # no database, or a malformed one: whoever has it open keeps his, the next run starts afresh
                for suffix in ("", "-wal", "-shm"):
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


@contextmanager
def open_cache(wanted: bool = True) -> Iterator[EmbeddingCache | None]:
    """Open the user's cache for a ``with`` block, or give None where it is not wanted."""
    if not wanted:
        yield None
        return
    with EmbeddingCache() as cache:
        yield cache


def embedding_keys(
    embedder: Embedder, pixels: np.ndarray, flip_fusion: bool, yaw_degrees: np.ndarray | None = None
) -> list[bytes] | None:
    """Return the key of each picture ``(N, S, S, 3)``, or None for an embedder that can't be told apart by a digest.

    Keys hold all that decides a vector: digest of the weights, class, input spec, device and number format, flip
    fusion, the package's version, the pixels, and each picture's yaw ``(N,)`` where the embedder is told it.
    """
    if not getattr(embedder, "cacheable", True) or not embedder.sha256:
        return None
    kind = type(embedder)
    about = {
        "layout": _LAYOUT, "version": __version__, "class": f"{kind.__module__}.{kind.__qualname__}",
        "sha256": embedder.sha256, "spec": embedder.spec.model_dump(mode="json"), "flip_fusion": flip_fusion,
        "device": str(getattr(embedder, "device", "")), "precision": str(getattr(embedder, "precision", "")),
    }  # fmt: skip
    prefix = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    keys = []
    for row, picture in enumerate(pixels):
        digest = prefix.copy()
        if yaw_degrees is not None:
            digest.update(f"yaw {float(yaw_degrees[row])!r} ".encode())
        digest.update(f"{picture.shape}".encode())
        digest.update(np.ascontiguousarray(picture).data)
        keys.append(digest.digest())
    return keys


def _parts(keys: Iterable[bytes]) -> Iterator[list[bytes]]:
    distinct = list(dict.fromkeys(keys))
    for start in range(0, len(distinct), _KEYS_AT_ONCE):
        yield distinct[start : start + _KEYS_AT_ONCE]
