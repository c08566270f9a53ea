"""From rows of pictures to the tensors of one step, augmented alike on both sides of a pair."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ipgan.config import AugmentationConfig
from ipgan.identity_warp import Warp, draw_flip, draw_warp
from ipgan.sampler import Pairs
from ipgan.training_data import TrainingData
from pifr.data.tensors import to_input


@dataclass(frozen=True)
class Batch:
    """One step's pictures, ``(B, 3, S, S)`` float32 in -1..1.

    Attributes:
        source: Who is to be shown.
        driver: Whose pose is taken; stretched and recoloured by itself.
        target: What the result is compared with.
        labels: ``(B,)`` which person the source is; -1 where it was made a new one.
        same_person: ``(B,)`` bool.
        paired: ``(B,)`` bool.
        yaw: ``(B,)`` of driver and target in units of 90 degrees, NaN where unknown.
        source_yaw: ``(B,)`` of the source, likewise.
        unlabelled: ``(U, 3, S, S)`` pictures of people who are not known; none where there are none.
        companions: ``(B, n, 3, S, S)`` further pictures of the source's person, changed as the source is.
        companion_yaw: ``(B, n)``, likewise.
    """

    source: Tensor
    driver: Tensor
    target: Tensor
    labels: Tensor
    same_person: Tensor
    paired: Tensor
    yaw: Tensor
    source_yaw: Tensor
    unlabelled: Tensor
    companions: Tensor
    companion_yaw: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def make_batch(data: TrainingData, pairs: Pairs, config: AugmentationConfig, device: torch.device) -> Batch:
    """Fetch and augment the pictures of ``pairs``, drawing from torch's global generator."""

    def fetch(rows: np.ndarray) -> Tensor:
        return to_input(data.store[rows], data.spec, device)

    def on_device(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device)

    flip = draw_flip(len(pairs), config.flip, device)
    stretched = torch.rand(len(pairs), device=device) < config.identity_warp_share
    new_person = _with_flip(draw_warp(stretched, config.identity_warp, config.colour), flip)
    alone = _with_flip(draw_warp(torch.ones_like(stretched), config.driver, 2 * config.driver), flip)
    labels = on_device(data.people[pairs.source])
    columns = pairs.companions.T
    size = data.spec.size_px
    return Batch(
        source=new_person(fetch(pairs.source)),
        driver=alone(fetch(pairs.driver)),
        target=new_person(fetch(pairs.target)),
        labels=torch.where(stretched, -1, labels),
        same_person=on_device(pairs.same_person),
        paired=on_device(pairs.paired),
        yaw=on_device(data.yaw_degrees[pairs.driver]).float() * flip / 90,
        source_yaw=on_device(data.yaw_degrees[pairs.source]).float() * flip / 90,
        unlabelled=to_input(data.unlabelled_store[pairs.unlabelled], data.spec, device),
        companions=torch.stack([new_person(fetch(rows)) for rows in columns], dim=1)
        if len(columns)
        else torch.empty(len(pairs), 0, 3, size, size, device=device),
        companion_yaw=on_device(data.yaw_degrees[pairs.companions]).float() * flip[:, None] / 90,
    )


def rows_over_the_manifest(data: Sized, count: int) -> np.ndarray:
    """Return at most ``count`` row numbers spread evenly over ``data``, ``(N,)``."""
    return np.unique(np.linspace(0, len(data) - 1, count).astype(int))


def pictures_in_batches(
    data: TrainingData, rows: np.ndarray, device: torch.device, batch_size: int = 256
) -> Iterator[Tensor]:
    """Yield ``(B, 3, S, S)`` unaugmented pictures."""
    for start in range(0, len(rows), batch_size):
        yield to_input(data.store[rows[start : start + batch_size]], data.spec, device)


def _with_flip(warp: Warp, flip: Tensor) -> Warp:
    return replace(warp, flip=flip)
