"""Views generated inside the training step: identity codes computed once, a fresh pose each time, nothing on disk.

What is accepted is measured once too: for every source and every bin of yaw the cosine between the source and its own
view, by a judge. Codes and cosines lie in the user's embedding cache, keyed by the pictures' content and the digests
of generator and judge, so a second run with the same pictures computes neither.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ipgan import Rotator
from ipgan.appearance_flow import Photograph
from pifr.core.distributed import main_first
from pifr.core.errors import DataError
from pifr.core.progress import progress_bar, say
from pifr.data.pictures import resize_picture
from pifr.data.pixels import PixelStore
from pifr.data.spec import InputSpec
from pifr.data.tensors import to_input
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.embedders import Embedder, embed_pixels, load_embedder
from pifr.recognition.embedding_cache import open_cache
from pifr.recognition.model import Model
from pifr.recognition.sections import OnTheFlyConfig
from pifr.recognition.trained import TrainedEmbedder
from pifr.recognition.training_data import TrainingData

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
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True)
class YawOdds:
    """From which yaws a view of each source is drawn.

    Attributes:
        edges: ``(V + 1,)`` rising, in degrees.
        odds: ``(N, V)``, not normalised; zero in a bin that was not accepted, and never zero in all bins.
    """

    edges: np.ndarray
    odds: np.ndarray

    def draw(self, sources: np.ndarray, rng: np.random.Generator, largest_degrees: float = math.inf) -> np.ndarray:
        """Draw a yaw for each of ``sources`` ``(B,)``: ``(B,)`` degrees, none beyond ``largest_degrees``.

        Where nothing so mild was accepted, the accepted bin nearest to the front is taken.
        """
        low, high = np.maximum(self.edges[:-1], -largest_degrees), np.minimum(self.edges[1:], largest_degrees)
        share = np.clip(high - low, 0, None) / np.diff(self.edges)
        odds = self.odds[sources] * share
        stuck = odds.sum(1) == 0
        if stuck.any():
            centres = np.abs(self.edges[:-1] + self.edges[1:]) / 2
            mildest = np.where(self.odds[sources[stuck]] > 0, centres, np.inf).argmin(1)
            odds[stuck] = np.eye(len(centres))[mildest]
        rising = odds.cumsum(1)
        rising /= rising[:, -1:]
        chosen = (rng.random(len(sources))[:, None] >= rising).sum(1)
        first = np.where(stuck, self.edges[:-1][chosen], low[chosen])
        last = np.where(stuck, self.edges[1:][chosen], high[chosen])
        return first + rng.random(len(sources)) * (last - first)


class FreshViews(NamedTuple):
    """What a training step's views are drawn from.

    Attributes:
        identity: ``(V, F)`` identity codes of the sources.
        pose: ``(V, P)`` pose codes of the views.
        photographs: ``(V, S, S, 3)`` uint8, the sources; V is 0 where the generator carries no detail.
        seen_from: ``(V, P)`` pose codes of the sources.
    """

    identity: Tensor
    pose: Tensor
    photographs: Tensor
    seen_from: Tensor


@dataclass(frozen=True)
class OnTheFly:
    """All that is needed to draw a view in a training step.

    Attributes:
        rotator: The generator.
        rows: ``(N,)`` rows of the sources in the training manifest.
        codes: ``(N, F)`` their identity codes.
        seen_from: ``(N, P)`` their own pose codes.
        yaw_odds: From which yaws each is drawn.
        spec: What the recogniser takes.
    """

    rotator: Rotator
    rows: np.ndarray
    codes: Tensor
    seen_from: Tensor
    yaw_odds: YawOdds
    spec: InputSpec

    def fresh(self, sources: np.ndarray, yaws_degrees: np.ndarray, store: PixelStore) -> FreshViews:
        """Gather what views of ``sources`` ``(V,)``, at yaws ``(V,)``, are drawn from; ``store`` holds the pictures."""
        pose = torch.empty(0, self.rotator.rotation_config.pose_dim)
        if len(sources):
            pose = torch.from_numpy(self.rotator.poses_for_yaws(yaws_degrees))
        rows = self.rows[sources] if self.rotator.carries_detail else self.rows[:0]
        return FreshViews(self.codes[sources], pose, torch.from_numpy(store[rows]), self.seen_from[sources])

    @torch.no_grad()
    def images(self, fresh: FreshViews) -> Tensor:
        """Draw faces ``(B, 3, S, S)`` on the generator's device."""
        device, made_for = self.rotator.device, self.rotator.spec
        identity, pose, seen_from = (
            codes.to(device, non_blocking=True) for codes in (fresh.identity, fresh.pose, fresh.seen_from)
        )
        more = []
        if self.rotator.carries_detail:
            more = [Photograph(to_input(fresh.photographs, made_for, device), seen_from)]
        drawn = self.rotator.rotation.generator(self.rotator.rotation.place(identity), pose, self.rotator.dtype, *more)
        # Rounded and cut as a picture on disk is: nothing may tell the two apart but what is drawn.
        pixels = (drawn * made_for.std + made_for.mean).round().clamp(0, 255)
        if made_for.channels != self.spec.channels:
            pixels = pixels.flip(1)
        return ((pixels - self.spec.mean) / self.spec.std).contiguous(memory_format=torch.channels_last)


def views_of_recipe(
    config: RecognizerConfig, data: TrainingData, store: PixelStore, model: Model, device: torch.device
) -> OnTheFly | None:
    """Open the views of a recipe, or return None where it asks for none; see :func:`open_on_the_fly`.

    Without a judge of its own the weights that the training starts from judge.
    """
    wanted = config.on_the_fly
    if wanted is None:
        return None
    rotator = Rotator.load(wanted.generator, str(device))
    judge: Embedder | None = None
    if wanted.min_cosine is not None:
        judge = load_embedder(wanted.judge, str(device)) if wanted.judge else TrainedEmbedder(
            model.backbone, data.spec, "fine_tuning.initial", model.initial_sha256, device, config.precision
        )  # fmt: skip
    views = open_on_the_fly(wanted, data, store, rotator, judge)
    model.training_mode()
    return views


def open_on_the_fly(
    config: OnTheFlyConfig, data: TrainingData, store: PixelStore, rotator: Rotator, judge: Embedder | None
) -> OnTheFly:
    """Choose sources, compute their codes and measure which poses are accepted.

    Args:
        config: Sources, yaws and check.
        data: The training pictures.
        store: Their pixels.
        rotator: The generator.
        judge: What measures identity, where ``config.min_cosine`` is set.

    Raises:
        DataError: If the generator draws pictures of another size or alignment, never learned such a yaw, nobody has
            a usable source, or no pose of any source is accepted.
    """
    rotator.spec.require_template(data.spec.template, f"{data.train.name} for {rotator.name}")
    if rotator.spec.size_px != data.spec.size_px:
        raise DataError(
            "the generator draws pictures of another size than the recogniser takes", where=rotator.name,
            found=f"{rotator.spec.size_px} and {data.spec.size_px} px", cure="set size_px to the generator's",
        )  # fmt: skip
    largest = config.largest_yaw_degrees
    rotator.poses_for_yaws([-largest, largest])  # refuses what it never learned
    rows = source_rows(data, config)
    if not len(rows):
        raise DataError(
            "nobody has a real picture frontal enough to be turned", where=data.train.name,
            cure=f"raise on_the_fly.max_source_yaw_degrees above {config.max_source_yaw_degrees:g}",
        )  # fmt: skip
    edges = np.linspace(-largest, largest, max(1, round(2 * largest / config.bin_degrees)) + 1)
    odds = np.repeat(bin_odds(edges, config)[None], len(rows), axis=0)
    codes = torch.from_numpy(_measured(SourceCodes(rotator), store, rows, "identity and pose codes"))
    told = "no check of identity"
    if config.min_cosine is not None:
        assert judge is not None  # the recipe names one
        cosines = _measured(ViewCosines(rotator, judge, (edges[:-1] + edges[1:]) / 2), store, rows, "judging views")
        accepted = cosines >= config.min_cosine
        odds = odds * accepted
        told = f"{100 * accepted.mean():.0f} % of the poses accepted by {judge.name}"
        if not accepted.any():
            raise DataError(
                "no pose of any source is accepted", where="on_the_fly.min_cosine",
                found=f"{config.min_cosine:g}, the best view has {cosines.max():.2f}",
                cure="lower it, or take a better generator",
            )  # fmt: skip
    usable = odds.sum(1) > 0
    left_out = len(data.people) - len(np.unique(data.labels[rows[usable]]))
    say(
        f"views on the fly by {rotator.name}: {int(usable.sum())} sources, {told}"
        + (f"; {left_out} people have no usable source" if left_out else "")
    )
    identity, seen_from = codes[torch.from_numpy(usable)].tensor_split([-rotator.rotation_config.pose_dim], dim=1)
    return OnTheFly(rotator, rows[usable], identity, seen_from, YawOdds(edges, odds[usable]), data.spec)


def source_rows(data: TrainingData, config: OnTheFlyConfig) -> np.ndarray:
    """Return the rows of each person's most frontal real pictures ``(N,)``; an unknown yaw counts as frontal."""
    turn = np.nan_to_num(np.abs(data.train.yaw_degrees), nan=0.0)
    candidates = np.flatnonzero(~data.generated & (turn <= config.max_source_yaw_degrees))
    candidates = candidates[np.lexsort((candidates, turn[candidates], data.labels[candidates]))]
    labels = data.labels[candidates]
    place = np.arange(len(labels)) - np.searchsorted(labels, labels)
    return np.sort(candidates[place < config.sources_per_person])


def bin_odds(edges: np.ndarray, config: OnTheFlyConfig) -> np.ndarray:
    """Return the share of each bin ``(V,)`` between ``edges`` ``(V + 1,)`` in the configured distribution."""
    if config.yaws == "uniform":
        return np.diff(edges) / (edges[-1] - edges[0])
    below = np.array([0.5 * (1 + math.erf(edge / (config.std_degrees * math.sqrt(2)))) for edge in edges])
    return np.diff(below) / (below[-1] - below[0])


def _measured(embedder: Embedder, store: PixelStore, rows: np.ndarray, what: str) -> np.ndarray:
    """Return ``(N, D)`` vectors of the pictures in ``rows``; the main process first, the others from its cache."""
    parts = []
    with main_first(), open_cache() as cache, progress_bar(what, len(rows)) as advance:
        for start in range(0, len(rows), _PICTURES_AT_ONCE):
            pixels = store[rows[start : start + _PICTURES_AT_ONCE]]
            parts.append(embed_pixels(embedder, pixels, cache=cache))
            advance(len(pixels))
    return np.concatenate(parts)
