"""What every metric loss shares: float32 whatever the autocast, labels checked, one way to build it by name."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pifr.core.errors import ConfigError, DataError
from pifr.core.registry import Registry


class MetricLoss(nn.Module):
    """A pytorch-metric-learning loss, and optionally a miner, as one module.

    Its parameters (the class centres of a margin loss) belong in the optimizer beside the backbone's, and the
    module belongs in DistributedDataParallel as the backbone does: else the ranks' centres drift apart.

    Args:
        loss: The loss of pytorch-metric-learning.
        people: Number of classes; labels are 0..people-1.
        miner: Chooses the pairs or triplets that count; None takes all.
    """

    def __init__(self, loss: Any, people: int, miner: Any = None) -> None:
        super().__init__()
        self.loss = loss
        self.miner = miner
        self.people = people

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss, a float32 scalar.

        Args:
            embeddings: ``(B, D)`` of any float type; they need not be normalised.
            labels: ``(B,)`` int64.

        Raises:
            DataError: If a label lies outside the classes; on a GPU this would be a device assert.
        """
        lowest, highest = int(labels.min()), int(labels.max())
        if lowest < 0 or highest >= self.people:
            raise DataError(
                f"a label lies outside the {self.people} classes of the loss", where="labels",
                found=highest if highest >= self.people else lowest,
                cure="build the loss for the people of this manifest",
            )  # fmt: skip
        # pytorch-metric-learning casts its own weight to the embeddings' type, for good: never show it bfloat16.
        with torch.autocast(embeddings.device.type, enabled=False):
            embeddings = embeddings.float()
            chosen = self.miner(embeddings, labels) if self.miner is not None else None
            value: Tensor = self.loss(embeddings, labels, chosen)
        return value


class LossBuilder(Protocol):
    """Builds a loss; the meaning of the arguments is that of :func:`create_loss`."""

    def __call__(self, people: int, embedding_dim: int, margin: float | None, scale: float | None) -> MetricLoss:
        """Build it."""


LOSSES: Registry[LossBuilder] = Registry("loss")


def create_loss(
    name: str, people: int, embedding_dim: int, margin: float | None = None, scale: float | None = None
) -> MetricLoss:
    """Build a loss.

    Args:
        name: One of :func:`list_losses`.
        people: Number of classes.
        embedding_dim: Length D of the embeddings.
        margin: Radians for ``arcface``, cosine for ``cosface``, squared distance for ``triplet``; None takes the
            paper's.
        scale: The factor s on the cosines of margin losses; None takes :func:`margins.default_scale`.

    Raises:
        ConfigError: If the name is unknown, there are fewer than two people, or a number is out of range.
    """
    build = LOSSES[name]
    if people < 2:
        raise ConfigError("a recogniser needs at least two people to tell apart", found=people)
    return build(people, embedding_dim, margin, scale)


def list_losses() -> list[str]:
    """Return the names of all losses, sorted."""
    return list(LOSSES)
