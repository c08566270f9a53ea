"""The yaws of training pictures, for backbones whose DREAM block takes the manifest's."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pifr.backbones import BackboneConfig
from pifr.core.errors import DataError
from pifr.core.progress import say
from pifr.data.manifest import Manifest


def known_yaws(shape: BackboneConfig, manifest: Manifest) -> Tensor | None:
    """Return what the backbone takes beside pictures: ``(N,)`` yaws in degrees, NaN where unknown, or None.

    Args:
        shape: The backbone.
        manifest: The pictures.

    Raises:
        DataError: If the recipe wants the manifest's yaws and it has none.
    """
    if shape.dream is None or shape.dream.yaw != "manifest":
        return None
    yaws = manifest.yaw_degrees
    missing = int(np.isnan(yaws).sum())
    if missing == len(yaws):
        raise DataError(
            "backbone.dream.yaw=manifest needs a column yaw", where=manifest.name,
            cure="fill it with pifr data pose, or set backbone.dream.yaw=estimate",
        )  # fmt: skip
    if missing:
        say(f"{manifest.name}: {missing} of {len(yaws)} pictures have no yaw, so theirs is estimated")
    return torch.from_numpy(yaws.astype(np.float32))
