"""Views drawn inside the training step: what they are drawn from is gathered ahead, the drawing is on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ipgan import Rotator
from ipgan.appearance_flow import Photograph
from pifr.data.pixels import PixelStore
from pifr.data.spec import InputSpec
from pifr.data.tensors import to_input
from pifr.recognition.yaw_odds import YawOdds


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
