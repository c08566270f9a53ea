"""Feature maps from inside any convolutional network, without touching its code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn


class FeatureTap:
    """Runs a network and keeps the last convolution's output at each of some sizes.

    Args:
        network: ``(B, 3, S, S) -> (B, D)``.
        sides: Sides of the maps to keep, in pixels; sizes that the network does not have are left out.
    """

    def __init__(self, network: nn.Module, sides: Sequence[int]) -> None:
        self.network, self.sides = network, tuple(sides)
        self._maps: dict[int, Tensor] = {}
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(self._keep)

    def __call__(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the embedding ``(B, D)`` of ``(B, 3, S, S)`` and the maps ``(B, C, side, side)``, largest first."""
        self._maps.clear()
        embedding = self.network(images)
        maps = tuple(self._maps[side] for side in sorted(self._maps, reverse=True))
        self._maps.clear()
        return embedding, maps

    def _keep(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        if output.shape[-1] in self.sides:
            self._maps[output.shape[-1]] = output
