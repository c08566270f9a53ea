"""The embedding cache: found by content alone, bit-equal, bounded, unharmed by damage and by other writers."""

from __future__ import annotations

import multiprocessing
import shutil
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from pifr.data.manifest import Manifest, make_manifest
from pifr.data.pictures import read_picture, write_picture
from pifr.data.spec import InputSpec
from pifr.recognition.embedders import PythonEmbedder, embed_manifest, embed_pixels
from pifr.recognition.embedding_cache import EmbeddingCache, embedding_keys


class Counting:
    """Random projections of pixels; counts the pictures it was asked for."""

    name = "counting"
    device = "cpu"

    def __init__(self, sha256: str = "a" * 64, size_px: int = 64, template: str = "unaligned") -> None:
        self.sha256, self.spec, self.asked = sha256, InputSpec(size_px=size_px, template=template), 0

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        self.asked += len(pixels)
        flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255
        return flat @ np.random.default_rng(0).normal(size=(flat.shape[1], 5)).astype(np.float32)


@pytest.fixture
def cache(tmp_path: Path) -> EmbeddingCache:
    with EmbeddingCache(tmp_path / "cache") as opened:
        yield opened


@pytest.fixture
def few(rendered: Manifest, tmp_path: Path) -> Manifest:
    """Six pictures in a folder of their own, which may be changed."""
    for path in rendered.paths[:6]:
        shutil.copy(path, tmp_path / path.name)
    names = [path.name for path in rendered.paths[:6]]
    return make_manifest(rendered.table[:6].assign(path=names), tmp_path, "few")


def test_a_hit_is_bit_equal_and_asks_nobody(few, cache):
    embedder = Counting()
    first = embed_manifest(embedder, few, batch_size=4, cache=cache)
    assert (embedder.asked, cache.hits, cache.misses) == (6, 0, 6)
    again = embed_manifest(embedder, few, batch_size=5, cache=cache)
    assert (embedder.asked, cache.hits) == (6, 6)
    assert first.vectors.tobytes() == again.vectors.tobytes()
    assert first.vectors.tobytes() == embed_manifest(Counting(), few, batch_size=4).vectors.tobytes()


def test_a_renamed_file_hits_and_one_changed_pixel_misses(few, cache):
    embedder = Counting()
    embed_manifest(embedder, few, cache=cache)
    renamed = few.table.copy()
    renamed.loc[0, "path"] = "another name.png"
    few.paths[0].rename(few.folder / "another name.png")
    embed_manifest(embedder, make_manifest(renamed, few.folder, "renamed"), cache=cache)
    assert embedder.asked == 6
    pixels = read_picture(few.paths[1]).copy()
    pixels[30, 30, 1] ^= 1
    write_picture(few.paths[1], pixels)
    embed_manifest(embedder, make_manifest(renamed, few.folder, "changed"), cache=cache)
    assert embedder.asked == 7


def test_every_part_of_the_key_counts():
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    base = Counting(size_px=8)

    def first_key(embedder=base, shown=pixels, flip=False):
        return embedding_keys(embedder, shown, flip)[0]

    elsewhere = Counting(size_px=8)
    elsewhere.device = "cuda"
    other = pixels.copy()
    other[0, 0, 0, 0] = 1
    keys = {
        first_key(), first_key(flip=True), first_key(Counting("b" * 64, 8)), first_key(Counting(size_px=16)),
        first_key(Counting(size_px=8, template="arcface-112")), first_key(elsewhere), first_key(shown=other),
    }  # fmt: skip
    assert len(keys) == 7
    assert first_key(Counting(size_px=8)) == first_key()
    assert embedding_keys(base, pixels, False)[0] == embedding_keys(base, pixels, False)[1]


def test_what_has_no_digest_of_its_own_is_never_kept(cache):
    pixels = np.zeros((1, 64, 64, 3), np.uint8)
    inner = Counting()
    embed_pixels(PythonEmbedder("m:f", inner, "c" * 64), pixels, cache=cache)
    embed_pixels(PythonEmbedder("m:f", inner, "c" * 64), pixels, cache=cache)
    assert (inner.asked, cache.size_bytes() and cache.hits) == (2, 0)
    assert embedding_keys(PythonEmbedder("m:f", inner, "c" * 64, cacheable=True), pixels, False) is not None
    assert embedding_keys(Counting(sha256=""), pixels, False) is None


def test_flip_fusion_is_another_entry(few, cache):
    embedder = Counting()
    plain = embed_manifest(embedder, few, cache=cache).vectors
    fused = embed_manifest(embedder, few, flip_fusion=True, cache=cache).vectors
    assert not np.allclose(plain, fused)
    np.testing.assert_array_equal(embed_manifest(embedder, few, flip_fusion=True, cache=cache).vectors, fused)
    assert embedder.asked == 6 + 12


def test_a_picture_twice_in_a_batch_is_one_entry(cache):
    pixels = np.zeros((3, 64, 64, 3), np.uint8)
    vectors = embed_pixels(Counting(), pixels, cache=cache)
    assert len(np.unique(vectors, axis=0)) == 1
    assert len(cache.get(embedding_keys(Counting(), pixels, False))) == 1


def test_vectors_that_are_not_finite_are_not_kept(cache):
    cache.put([b"1", b"2"], np.array([[1.0, np.nan], [1.0, 2.0]], np.float32))
    assert list(cache.get([b"1", b"2"])) == [b"2"]


def test_a_damaged_entry_is_computed_again_with_one_line(few, cache, capsys):
    embedder = Counting()
    whole = embed_manifest(embedder, few, cache=cache).vectors
    with sqlite3.connect(cache.path) as connection:
        connection.execute("UPDATE embeddings SET vector = zeroblob(20)")
    again = embed_manifest(embedder, few, cache=cache).vectors
    assert again.tobytes() == whole.tobytes()
    assert embedder.asked == 12
    assert capsys.readouterr().err.count("damaged entries") == 1


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_one_line_and_the_next_run_starts_afresh(few, tmp_path, capsys, content):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "embeddings.sqlite").write_bytes(content)
    with EmbeddingCache(tmp_path / "cache") as cache:
        assert not embed_manifest(Counting(), few, cache=cache).failed.any()
    assert capsys.readouterr().err.count("going on without the embedding cache") == 1
    embedder = Counting()
    for _ in range(2):
        with EmbeddingCache(tmp_path / "cache") as cache:
            embed_manifest(embedder, few, cache=cache)
    assert embedder.asked == 6


def test_a_folder_that_can_not_be_made_is_one_line(few, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    with EmbeddingCache(tmp_path / "file" / "cache") as cache:
        assert not embed_manifest(Counting(), few, cache=cache).failed.any()
    assert capsys.readouterr().err.count("warning") == 1


def test_it_is_bounded_and_what_was_used_last_stays(tmp_path, monkeypatch):
    vectors = np.ones((400, 250), np.float32)
    keys = [f"{n:04d}".encode() for n in range(400)]
    with EmbeddingCache(tmp_path) as cache:
        cache.put(keys, vectors)
    assert EmbeddingCache(tmp_path).size_bytes() > 400_000
    later = time.time() + 100
    monkeypatch.setattr(time, "time", lambda: later)
    with EmbeddingCache(tmp_path, limit_bytes=200_000) as cache:
        assert len(cache.get(keys[300:350])) == 50
    kept = EmbeddingCache(tmp_path)
    assert kept.size_bytes() <= 200_000
    assert len(kept.get(keys[300:350])) == 50
    assert 50 < len(kept.get(keys)) < 250


def write_many(folder, offset, start):
    start.wait()
    with EmbeddingCache(folder) as cache:
        for first in range(0, 200, 10):
            keys = [f"{offset + first + n}".encode() for n in range(10)]
            cache.put(keys, np.full((10, 8), offset + first, np.float32))


def test_writers_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    start = context.Event()
    writers = [context.Process(target=write_many, args=(tmp_path, offset, start)) for offset in (0, 100, 1000)]
    for writer in writers:
        writer.start()
    start.set()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    found = EmbeddingCache(tmp_path).get([f"{n}".encode() for n in [*range(300), *range(1000, 1200)]])
    assert len(found) == 500


def test_it_lies_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("PIFR_CACHE", str(tmp_path / "own"))
    assert EmbeddingCache().path == tmp_path / "own" / "embeddings" / "embeddings.sqlite"
    monkeypatch.delenv("PIFR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert EmbeddingCache().path == tmp_path / "xdg" / "pifr" / "embeddings" / "embeddings.sqlite"
