"""What one training step sees: pictures from disk, codes of views to draw, and what each picture counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pifr.core.distributed import rank, world_size
from pifr.core.errors import DataError
from pifr.core.seeds import numpy_generator, torch_generator
from pifr.data.pixels import PixelStore
from pifr.data.tensors import to_input
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.fresh_views import FreshViews, OnTheFly
from pifr.recognition.sampling import PersonBatches
from pifr.recognition.training_data import TrainingData
from pifr.recognition.transforms import PartDraws, transform_batch
from pifr.recognition.yaws import known_yaws

_ALL_THE_WAY_DEGREES = 90.0


@dataclass(frozen=True)
class Batch:
    """One part of a batch: real pictures first, then generated ones from disk, then those still to be drawn.

    Attributes:
        step: Which step it belongs to.
        part: Which part of the step's batch it is.
        pixels: ``(R, S, S, 3)`` uint8 pictures from disk.
        fresh: What the G views to draw are drawn from; None where views are not drawn on the fly.
        labels: ``(R + G,)`` int64 person numbers.
        weights: ``(R + G,)`` float32 of mean 1 over the whole batch; None where all are alike.
        yaws: ``(R + G,)`` float32 in degrees, NaN where unknown; None where the backbone does not take them.
        real: How many are real.
        places: ``(R + G,)`` int64 places in the whole batch.
        total: Pictures in the whole batch.
    """

    step: int
    part: int
    pixels: Tensor
    fresh: FreshViews | None
    labels: Tensor
    weights: Tensor | None
    yaws: Tensor | None
    real: int
    places: Tensor
    total: int

    def __len__(self) -> int:
        return len(self.labels)

    def known_yaws(self, device: torch.device) -> Tensor | None:
        """Return ``yaws`` on ``device``."""
        return None if self.yaws is None else self.yaws.to(device, non_blocking=True)


class Batches:
    """All batches of a training, each a function of (seed, step) alone; processes and accumulation divide it.

    Args:
        config: The recipe.
        data: People and pictures.
        store: Their pixels.
        views: Views on the fly; None for none. Each source counts as one generated picture of its person.

    Raises:
        DataError: If a curriculum is asked for and no generated picture has a known yaw.
    """

    def __init__(
        self, config: RecognizerConfig, data: TrainingData, store: PixelStore, views: OnTheFly | None = None
    ) -> None:
        self.config, self.data, self.store, self.views = config, data, store, views
        sources = views.rows if views is not None else np.empty(0, dtype=np.int64)
        self.yaws = known_yaws(config.backbone, data.train)
        self.labels = np.concatenate([data.labels, data.labels[sources]])
        self.generated = np.concatenate([data.generated, np.ones(len(sources), dtype=bool)])
        yaws = curriculum_yaws(config, data, len(sources))
        settings = config.batch
        self.people = PersonBatches(
            self.labels, self.generated, settings.people, settings.pictures, settings.generated_share, config.seed, yaws
        )

    @property
    def size(self) -> int:
        """Pictures of a step, over all processes."""
        return self.config.batch.people * self.config.batch.pictures

    def of_step(self, step: int) -> list[Batch]:
        """Return the parts of one step that this process computes, in order."""
        parts = world_size() * self.config.batch.accumulate
        limit = largest_generated_yaw(step, self.config)
        rows = self.people.rows(step, largest_generated_yaw_degrees=limit)
        sources = rows - len(self.data.labels)
        yaws = np.zeros(len(rows))
        if self.views is not None and (sources >= 0).any():
            rng = numpy_generator(self.config.seed, "views on the fly", step)
            yaws[sources >= 0] = self.views.yaw_odds.draw(sources[sources >= 0], rng, limit)
        counts = np.where(self.generated[rows], self.config.mixing.generated_weight, 1.0)
        weights = counts / counts.mean() if self.config.mixing.generated_weight != 1 else None
        places = np.arange(len(rows)).reshape(self.config.batch.people, -1)
        mine = range(rank(), parts, world_size())
        return [self._part(step, part, places[part::parts].reshape(-1), rows, yaws, weights) for part in mine]

    def _part(
        self, step: int, part: int, places: np.ndarray, rows: np.ndarray, yaws: np.ndarray, weights: np.ndarray | None
    ) -> Batch:
        drawn = rows[places] >= len(self.data.labels)
        order = np.argsort(self.generated[rows[places]].astype(int) + drawn, kind="stable")
        places = places[order]
        count = len(places) - int(drawn.sum())
        chosen, fresh = rows[places], places[count:]
        views, first = self.views, len(self.data.labels)
        return Batch(
            step=step,
            part=part,
            pixels=torch.from_numpy(self.store[chosen[:count]]),
            fresh=None if views is None else views.fresh(rows[fresh] - first, yaws[fresh], self.store),
            labels=torch.from_numpy(self.labels[chosen]),
            yaws=self._known(chosen[:count], yaws[fresh]),
            weights=None if weights is None else torch.from_numpy(weights[places].astype(np.float32)),
            real=int((~self.generated[chosen]).sum()),
            places=torch.from_numpy(places),
            total=len(rows),
        )

    def _known(self, rows: np.ndarray, drawn_degrees: np.ndarray) -> Tensor | None:
        """Return the manifest's yaws of pictures from disk, then those that views will be drawn at."""
        if self.yaws is None:
            return None
        return torch.cat([self.yaws[torch.from_numpy(rows)], torch.from_numpy(drawn_degrees.astype(np.float32))])

    def images(self, batch: Batch, device: torch.device) -> Tensor:
        """Return the changed pictures of a part ``(B, 3, S, S)`` on ``device``, views drawn where there are any."""
        images = to_input(batch.pixels, self.data.spec, device)
        if self.views is not None and batch.fresh is not None and len(batch.fresh.pose):
            images = torch.cat([images, self.views.images(batch.fresh)])
        draws = PartDraws(torch_generator(self.config.seed, "transforms", batch.step, 0), batch.places, batch.total)
        images = transform_batch(images, self.config.transforms, draws)
        layout = torch.channels_last if self.config.channels_last else torch.contiguous_format
        return images.contiguous(memory_format=layout)


def curriculum_yaws(config: RecognizerConfig, data: TrainingData, sources: int = 0) -> np.ndarray | None:
    """Return the yaws ``(N + sources,)`` by which a curriculum limits pictures; None where there is no curriculum.

    Args:
        config: The recipe.
        data: People and pictures.
        sources: Of views on the fly. These fit any limit: their yaw is drawn below it.

    Raises:
        DataError: If a curriculum is asked for and no generated picture has a known yaw.
    """
    if not config.mixing.curriculum_share:
        return None
    yaws = data.train.yaw_degrees
    if not sources and not np.isfinite(yaws[data.generated]).any():
        raise DataError(
            "a curriculum by yaw needs generated pictures whose yaw is known", where=data.train.name,
            found=f"{int(data.generated.sum())} generated pictures", cure="set mixing.curriculum_share=0",
        )  # fmt: skip
    return np.concatenate([yaws, np.zeros(sources)])


def largest_generated_yaw(step: int, config: RecognizerConfig) -> float:
    """Return how far generated pictures may be turned in one step, in degrees; infinity where nothing limits them.

    Example:
        >>> from pifr.core.config import check_config
        >>> values = {"data": {"manifest": "m.csv"}, "steps": 100, "mixing": {"curriculum_share": 0.5}}
        >>> config = check_config(RecognizerConfig, values, "example")
        >>> [largest_generated_yaw(step, config) for step in (0, 25, 50)]
        [15.0, 52.5, inf]
    """
    over = config.mixing.curriculum_share * config.steps
    if step >= over:
        return math.inf
    start = config.mixing.curriculum_start_degrees
    return start + (_ALL_THE_WAY_DEGREES - start) * step / over
