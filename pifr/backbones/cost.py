"""What a backbone costs: weights and operations, counted without building it in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from pifr.backbones.config import DreamConfig
from pifr.backbones.dream import DreamBackbone
from pifr.backbones.registry import create_backbone


@dataclass(frozen=True)
class BackboneCost:
    """Size of one backbone.

    Attributes:
        parameters: Trainable weights.
        flops: Operations of one picture forwards; a multiplication and an addition count as two, as
            ``torch.utils.flop_counter`` counts. Of convolutions and matrix products only.
    """

    parameters: int
    flops: int


def backbone_cost(
    name: str,
    size_px: int = 112,
    embedding_dim: int = 512,
    width: float = 1.0,
    dream: DreamConfig | None = None,
) -> BackboneCost:
    """Count a backbone; the arguments are those of :func:`create_backbone`."""
    with without_memory(), FlopCounterMode(display=False) as counter, torch.no_grad():
        network = create_backbone(name, size_px, embedding_dim, width, dream=dream).eval()
        images = torch.zeros(1, 3, size_px, size_px)
        if isinstance(network, DreamBackbone):
            network.dream(network.backbone(images), torch.zeros(1))
        else:
            network(images)
    return BackboneCost(sum(p.numel() for p in network.parameters()), counter.get_total_flops())


@contextmanager
def without_memory() -> Iterator[None]:
    """Give tensors made in a ``with`` block shapes but no values."""
    with torch.device("meta"), _NoNormalDraws():
        yield


class _NoNormalDraws(TorchFunctionMode):
    """Leaves out draws from a normal distribution, for which torch imports its compiler when there is no memory."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is torch.Tensor.normal_:
            return args[0]
        return func(*args, **(kwargs or {}))
