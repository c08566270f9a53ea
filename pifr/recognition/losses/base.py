"""What every metric loss shares: float32 whatever the autocast, labels checked, one way to build it by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

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
        refuse_unknown(labels, self.people)
        # pytorch-metric-learning casts its own weight to the embeddings' type, for good: never show it bfloat16.
        with torch.autocast(embeddings.device.type, enabled=False):
            embeddings = embeddings.float()
            chosen = self.miner(embeddings, labels) if self.miner is not None else None
            value: Tensor = self.loss(embeddings, labels, chosen)
        return value


def refuse_unknown(labels: Tensor, people: int) -> None:
    """Check labels ``(B,)`` int64 against the number of classes.

    Raises:
        DataError: If one is not in 0..people-1.
    """
    unknown = labels[(labels < 0) | (labels >= people)]
    if len(unknown):
        raise DataError(
            f"a label lies outside the {people} classes of the loss", where="labels", found=int(unknown[0]),
            cure="build the loss for the people of this manifest",
        )  # fmt: skip


LossBuilder = Callable[..., MetricLoss]
"""Builds a loss from the number of people, the length of the embedding and, by name, the parameters it knows; each
may be None for the paper's value. Its signature is the list of what a recipe may set for this loss."""

LOSSES: Registry[LossBuilder] = Registry("loss")


def create_loss(
    name: str,
    people: int,
    embedding_dim: int,
    margin: float | None = None,
    scale: float | None = None,
    **parameters: float | int | None,
) -> MetricLoss:
    """Build a loss.

    Args:
        name: One of :func:`list_losses`.
        people: Number of classes.
        embedding_dim: Length D of the embeddings.
        margin: Radians for ``arcface`` and ``subcenter_arcface``, cosine for ``cosface``, both for ``adaface``,
            squared distance for ``triplet``; None takes the paper's.
        scale: The factor s on the cosines of softmax losses; None takes :func:`margins.default_scale`.
        parameters: What else the loss knows, see :func:`loss_parameters`; None takes the paper's value.

    Raises:
        ConfigError: If the name is unknown, the loss has no such parameter, there are fewer than two people, or a
            number is out of range.
    """
    build = LOSSES[name]
    if people < 2:
        raise ConfigError("a recogniser needs at least two people to tell apart", found=people)
    given = {key: value for key, value in {"margin": margin, "scale": scale, **parameters}.items() if value is not None}
    known = loss_parameters(name)
    for key, value in given.items():
        if key not in known:
            raise ConfigError(
                f"{name} has no {key}", where=f"loss.{key}", found=value,
                cure=f"leave it out; it has {', '.join(known) or 'no parameters'}",
            )  # fmt: skip
    return build(people, embedding_dim, **given)


def loss_parameters(name: str) -> list[str]:
    """Return the names of the parameters that a loss takes, beside the people and the length of the embedding."""
    return list(inspect.signature(LOSSES[name]).parameters)[2:]


def checked(name: str, key: str, value: float | None, default: float, low: float, high: float, unit: str) -> float:
    """Return ``value``, or ``default`` for None.

    Raises:
        ConfigError: If it does not lie in [low, high); the message names its unit.
    """
    value = default if value is None else value
    if not low <= value < high:
        reach = f"of at least {low:.3g}" if high == float("inf") else f"in [{low:.3g}, {high:.3g})"
        raise ConfigError(f"the {key} of {name} is {unit} {reach}", where=f"loss.{key}", found=value)
    return value


def list_losses() -> list[str]:
    """Return the names of all losses, sorted."""
    return list(LOSSES)
