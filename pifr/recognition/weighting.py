"""Weights of single pictures in a loss of pytorch-metric-learning, which knows none."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_metric_learning.reducers import AvgNonZeroReducer, BaseReducer, MeanReducer
from torch import Tensor, nn

from pifr.core.errors import ConfigError
from pifr.recognition.sharded_head import ShardedHead


class WeightedReducer(BaseReducer):  # type: ignore[misc]
    """The mean, or the mean of what is not zero, of losses multiplied by their pictures' weights.

    A pair or a triplet has the weight of its anchor.

    Args:
        skip_zeros: Whether losses of zero count in the mean; ``AvgNonZeroReducer`` leaves them out.
    """

    def __init__(self, skip_zeros: bool) -> None:
        super().__init__()
        self.skip_zeros = skip_zeros
        self.weights: Tensor | None = None

    def element_reduction(self, losses: Tensor, indices: Any, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Reduce one loss a picture ``(N,)`` of pictures ``indices`` ``(N,)`` to a scalar."""
        used = losses > 0 if self.skip_zeros else torch.ones_like(losses, dtype=torch.bool)
        if not used.any():
            return (embeddings * 0).sum()
        weighted = losses if self.weights is None else losses * self.weights[indices]
        return weighted[used].mean()

    def pos_pair_reduction(self, losses: Tensor, indices: Any, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Reduce one loss a pair."""
        return self.element_reduction(losses, indices[0], embeddings, labels)

    neg_pair_reduction = pos_pair_reduction
    triplet_reduction = pos_pair_reduction


def allow_weights(loss: nn.Module, name: str) -> None:
    """Make ``loss`` obey :func:`set_weights`.

    Raises:
        ConfigError: If it is built such that single pictures can't be weighed.
    """
    if isinstance(loss, ShardedHead):
        return
    inner = getattr(loss, "loss", None)
    reducer = getattr(inner, "reducer", None)
    if inner is None or type(reducer) not in (MeanReducer, AvgNonZeroReducer):
        raise ConfigError(
            f"the loss {name} can't weigh single pictures", where="mixing.generated_weight", cure="set it to 1"
        )
    inner.reducer = WeightedReducer(skip_zeros=type(reducer) is AvgNonZeroReducer)


def set_weights(loss: nn.Module, weights: Tensor | None, device: torch.device | str = "cpu") -> None:
    """Set the weights ``(B,)`` of the next batch's pictures, which lie on ``device``; None is 1 each."""
    weights = None if weights is None else weights.to(device)
    if isinstance(loss, ShardedHead):
        loss.weights = weights
    elif weights is not None:
        loss.loss.reducer.weights = weights  # type: ignore[union-attr]
