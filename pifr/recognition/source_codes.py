"""What a generator sees in a source, computed once: its codes, and how alike its views are to it, by a judge.

Both have the shape of an embedder, so they lie in the user's embedding cache, keyed by the pictures' content and the
digests of generator and judge: a second run with the same pictures computes neither.
"""

from __future__ import annotations

import hashlib

import numpy as np

from ipgan import Rotator
from pifr.core.distributed import main_first
from pifr.core.progress import progress_bar
from pifr.data.pictures import resize_picture
from pifr.data.pixels import PixelStore
from pifr.metrics import unit_length
from pifr.recognition.embedders import Embedder, embed_pixels
from pifr.recognition.embedding_cache import open_cache

_PICTURES_AT_ONCE = 64


class SourceCodes:
    """A generator's two encoders in the shape of one embedder, so that codes are cached as embeddings are."""

    def __init__(self, rotator: Rotator) -> None:
        self.rotator, self.name, self.spec = rotator, rotator.name, rotator.spec
        self.sha256 = hashlib.sha256(f"both codes {rotator.sha256}".encode()).hexdigest()
        self.device, self.precision = str(rotator.device), str(rotator.dtype)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Return ``(N, F + P)`` identity and pose codes of ``(N, S, S, 3)`` uint8 RGB pictures."""
        return np.concatenate([self.rotator.identity_codes(pixels), self.rotator.pose_codes(pixels)], axis=1)


class ViewCosines:
    """How alike a picture's own views are to it: one number for each yaw, cached as embeddings are.

    Args:
        rotator: The generator.
        judge: What measures.
        yaws_degrees: ``(V,)``.
    """

    def __init__(self, rotator: Rotator, judge: Embedder, yaws_degrees: np.ndarray) -> None:
        judge.spec.require_template(rotator.spec.template, f"{judge.name} as judge of {rotator.name}")
        self.rotator, self.judge, self.yaws_degrees = rotator, judge, yaws_degrees
        self.name, self.spec = f"views judged by {judge.name}", rotator.spec
        text = f"{rotator.sha256} {judge.sha256} {yaws_degrees.tolist()}"
        self.sha256 = hashlib.sha256(text.encode()).hexdigest()
        self.cacheable = bool(getattr(judge, "cacheable", True) and judge.sha256 and rotator.sha256)
        self.device, self.precision = str(rotator.device), str(rotator.dtype)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Return ``(N, V)`` cosines between ``(N, S, S, 3)`` uint8 RGB pictures and their views."""
        codes, source = self.rotator.identity_codes(pixels), self._embedded(pixels)
        seen_from = self.rotator.pose_codes(pixels)
        columns = []
        for pose in self.rotator.poses_for_yaws(self.yaws_degrees):
            views = self.rotator.generate(codes, np.repeat(pose[None], len(codes), axis=0), pixels, seen_from)
            columns.append((self._embedded(views) * source).sum(1))
        return np.stack(columns, axis=1).astype(np.float32)

    def _embedded(self, pixels: np.ndarray) -> np.ndarray:
        vectors = self.judge(np.stack([resize_picture(picture, self.judge.spec.size_px) for picture in pixels]))
        return unit_length(vectors)


def measured(embedder: Embedder, store: PixelStore, rows: np.ndarray, what: str) -> np.ndarray:
    """Embed some pictures of a store; the main process first, the others from its cache.

    Args:
        embedder: What measures.
        store: The pictures.
        rows: ``(N,)``.
        what: What the progress bar says.

    Returns:
        ``(N, D)`` float32.
    """
    parts = []
    with main_first(), open_cache() as cache, progress_bar(what, len(rows)) as advance:
        for start in range(0, len(rows), _PICTURES_AT_ONCE):
            pixels = store[rows[start : start + _PICTURES_AT_ONCE]]
            parts.append(embed_pixels(embedder, pixels, cache=cache))
            advance(len(pixels))
    return np.concatenate(parts)
