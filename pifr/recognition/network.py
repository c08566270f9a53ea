"""The backbone as it is trained: on request with batch statistics of its own for generated pictures.

C. Xie, M. Tan, B. Gong, J. Wang, A. Yuille, Q. Le, "Adversarial Examples Improve Image Recognition", CVPR 2020,
section 4.2: pictures of two distributions that share one batch norm spoil its statistics; an auxiliary one for the
made-up pictures lets them teach the rest of the network. Inference uses the main one alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_LEAST = 2
"""Fewer pictures than this have no variance."""


class TrainedNetwork(nn.Module):
    """A backbone, and the auxiliary batch norms that exist in training only.

    The backbone itself stays an ordinary network: outside of :meth:`forward` it knows nothing of the others, so it is
    validated, averaged and saved as it is.

    Args:
        backbone: ``(B, 3, S, S) -> (B, D)``.
        auxiliary: From :func:`auxiliary_norms`; None for one set of statistics.
    """

    def __init__(self, backbone: nn.Module, auxiliary: nn.ModuleList | None = None) -> None:
        super().__init__()
        self.backbone, self.auxiliary = backbone, auxiliary
        self._norms = training_norms(backbone) if auxiliary is not None else []

    def forward(self, images: Tensor, real: int, yaw_degrees: Tensor | None = None) -> Tensor:
        """Embed pictures.

        Args:
            images: ``(B, 3, S, S)``.
            real: The first so many are no generated ones.
            yaw_degrees: ``(B,)`` for a backbone with a DREAM block that takes known yaws.

        Returns:
            ``(B, D)``.
        """
        given = () if yaw_degrees is None else (yaw_degrees,)
        if self.auxiliary is None:
            embeddings: Tensor = self.backbone(images, *given)
            return embeddings
        with self._divided(real):
            divided: Tensor = self.backbone(images, *given)
        return divided

    @contextmanager
    def _divided(self, real: int) -> Iterator[None]:
        assert self.auxiliary is not None
        for main, other in zip(self._norms, self.auxiliary, strict=True):
            main.forward = _two_ways(main, other, real)  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            for main in self._norms:
                del main.forward


def auxiliary_norms(backbone: nn.Module) -> nn.ModuleList:
    """Return a copy of every batch norm of ``backbone`` that is in training mode."""
    return nn.ModuleList(copy.deepcopy(norm) for norm in training_norms(backbone))


def training_norms(backbone: nn.Module) -> list[_BatchNorm]:
    """Return the batch norms in training mode, in the order of the modules."""
    return [module for module in backbone.modules() if isinstance(module, _BatchNorm) and module.training]


def _two_ways(main: _BatchNorm, other: nn.Module, real: int) -> Callable[[Tensor], Tensor]:
    """Return a forward pass in which ``other`` takes all pictures after the first ``real``.

    A part of a single picture has no statistics: it joins the larger part. Whoever is left with nothing still takes
    part in the graph with weight 0, since DistributedDataParallel waits for every weight's gradient.
    """

    def forward(features: Tensor) -> Tensor:
        parts = [real, len(features) - real]
        if min(parts) < _LEAST:
            used, unused = (main, other) if parts[0] >= parts[1] else (other, main)
            whole: Tensor = type(main).forward(used, features)  # type: ignore[arg-type]
            return whole + sum(0.0 * parameter.sum() for parameter in unused.parameters())
        first, second = torch.split(features, parts)
        return torch.cat([type(main).forward(main, first), other(second)])

    return forward
