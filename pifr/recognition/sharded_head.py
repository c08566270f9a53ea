"""A margin softmax whose class centres are spread over all processes, for more people than one device can hold.

X. An et al., "Partial FC: Training 10 Million Identities on a Single Machine", ICCV Workshops 2021: every process
compares the whole batch with its own people; the softmax needs one maximum and one sum over processes. Section 3.3:
comparing with a random share of the negative people hardly changes what is learned.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from pifr.core.distributed import is_main, rank, world_size
from pifr.core.errors import ConfigError
from pifr.recognition.losses.base import refuse_unknown
from pifr.recognition.losses.margins import default_scale

MARGINS = {"cosface": 0.35, "arcface": 0.5}
"""What this head knows, and the papers' margins: a cosine and radians."""

_BLOCK = 1 << 16
"""Centres drawn at once."""


class ShardedHead(nn.Module):
    """Class centres of this process's people, and the loss of the whole batch over everybody.

    Every process returns the same loss. Gradients of the centres are those of the whole loss; gradients of the
    embeddings are multiplied by the number of processes, since DistributedDataParallel takes their mean, not their sum.

    Args:
        name: ``cosface`` or ``arcface``.
        people: Number of classes K over all processes.
        embedding_dim: D.
        margin: A cosine for cosface, radians for arcface; None takes the paper's.
        scale: The factor s on the cosines; None takes :func:`pifr.recognition.losses.margins.default_scale`.
        sampled_share: Share of this process's centres that a batch is compared with.
    """

    weights: Tensor | None = None

    def __init__(
        self, name: str, people: int, embedding_dim: int, margin: float | None = None, scale: float | None = None,
        sampled_share: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        if people < world_size():
            raise ConfigError("head.sharded needs a person for each process", found=f"{people} for {world_size()}")
        self.name, self.people, self.sampled_share = name, people, sampled_share
        self.margin = MARGINS[name] if margin is None else margin
        limit = math.pi / 2 if name == "arcface" else 1.0
        if not 0 <= self.margin < limit:
            raise ConfigError(f"the margin of {name} lies in [0, {limit:.3g})", where="loss.margin", found=margin)
        self.scale = default_scale(people) if scale is None else scale
        self.first, self.last = shard_bounds(people, rank(), world_size())
        self.centres = nn.Parameter(self._drawn(embedding_dim))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss over the batch of all processes, a float32 scalar.

        Args:
            embeddings: ``(B, D)`` of this process's pictures; as many on every process.
            labels: ``(B,)`` int64.

        Raises:
            DataError: If a label lies outside the classes.
        """
        refuse_unknown(labels, self.people)
        weights = torch.ones(len(labels), device=embeddings.device) if self.weights is None else self.weights
        with torch.autocast(embeddings.device.type, enabled=False):
            everything = _GatherRows.apply(F.normalize(embeddings.float()))
            labels, weights = _gathered(labels), _gathered(weights)
            centres, places = self._compared(labels)
            cosine = everything @ F.normalize(centres).t()
            here = (places >= 0).nonzero()[:, 0]
            with_margin = self.scale * self._with_margin(cosine[here, places[here]])
            logits = (self.scale * cosine).index_put((here, places[here]), with_margin)
            highest = _maximum(logits.detach().max(1).values)
            total = _SumOverRanks.apply((logits - highest[:, None]).exp().sum(1))
            target = _SumOverRanks.apply(torch.zeros_like(total).index_put((here,), with_margin))
            losses = total.log() + highest - target
            value: Tensor = (losses * weights).mean()
        return value

    def _with_margin(self, cosine: Tensor) -> Tensor:
        """Return the target's cosine with margin: CosFace equation 4, ArcFace equation 3."""
        if self.name == "cosface":
            return cosine - self.margin
        angle = torch.acos(cosine.clamp(-1, 1))
        # Beyond pi the cosine would rise again: go on in a line, as the reference does.
        beyond = torch.cos(angle) - self.margin * math.sin(self.margin)
        return torch.where(angle <= math.pi - self.margin, torch.cos(angle + self.margin), beyond)

    def _compared(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the centres to compare with ``(C, D)`` and each label's place in them, -1 where it is not here."""
        count = len(self.centres)
        here = (labels >= self.first) & (labels < self.last)
        own = torch.where(here, labels - self.first, -1)
        if self.sampled_share == 1:
            return self.centres, own
        order = torch.rand(count, device=labels.device)
        order[own[here]] = 2.0  # the batch's people come first
        wanted = max(math.ceil(self.sampled_share * count), len(torch.unique(own[here])))
        rows = order.topk(wanted).indices.sort().values
        places = torch.full((count,), -1, device=labels.device, dtype=labels.dtype)
        places[rows] = torch.arange(wanted, device=labels.device)
        return self.centres[rows], torch.where(here, places[own.clamp(min=0)], -1)

    def _drawn(self, embedding_dim: int) -> Tensor:
        """Draw everybody's centres block by block and keep our own: they do not depend on the number of processes."""
        kept = []
        for start in range(0, self.people, _BLOCK):
            rows = torch.randn(min(_BLOCK, self.people - start), embedding_dim)
            kept.append(rows[max(self.first - start, 0) : max(self.last - start, 0)].clone())
        return torch.cat(kept)

    def whole(self) -> nn.Module:
        """Return everybody's centres as a module, on the CPU of the main process; see :meth:`gather_rows`."""
        module = nn.Module()
        module.register_buffer("centres", self.gather_rows(self.centres.detach()))
        return module

    def gather_rows(self, rows: Tensor) -> Tensor:
        """Join tensors shaped like this process's centres to one of everybody's ``(K, D)``.

        All processes must call this. The main one gets the tensor, on the CPU, and the others an empty one: a machine
        with eight processes need not hold eight copies.
        """
        parts = [torch.empty(0, *rows.shape[1:], dtype=rows.dtype)]
        for source in range(world_size()):
            first, last = shard_bounds(self.people, source, world_size())
            part = rows.clone() if source == rank() else rows.new_empty(last - first, *rows.shape[1:])
            if world_size() > 1:
                dist.broadcast(part, source)
            if is_main():
                parts.append(part.cpu())
        return torch.cat(parts)

    def own_rows(self, rows: Tensor) -> Tensor:
        """Undo :meth:`gather_rows`."""
        return rows[self.first : self.last].clone()


def shard_bounds(people: int, shard: int, shards: int) -> tuple[int, int]:
    """Return the first person of a shard and the first behind it.

    Example:
        >>> [shard_bounds(7, shard, 3) for shard in range(3)]
        [(0, 2), (2, 4), (4, 7)]
    """
    return shard * people // shards, (shard + 1) * people // shards


def whole_optimizer_state(optimizer: torch.optim.Optimizer, head: ShardedHead) -> dict[str, Any]:
    """Return the optimizer's state with everybody's centres in it; see :meth:`ShardedHead.gather_rows`."""
    state = optimizer.state_dict()
    return _changed(state, _place(optimizer, head), head.gather_rows, len(head.centres))


def own_optimizer_state(state: dict[str, Any], optimizer: torch.optim.Optimizer, head: ShardedHead) -> dict[str, Any]:
    """Undo :func:`whole_optimizer_state` for this process's centres."""
    return _changed(state, _place(optimizer, head), head.own_rows, head.people)


def _place(optimizer: torch.optim.Optimizer, head: ShardedHead) -> int:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return next(place for place, parameter in enumerate(parameters) if parameter is head.centres)


def _changed(state: dict[str, Any], place: int, change: Any, rows: int) -> dict[str, Any]:
    """Return ``state`` with ``change`` applied to what the optimizer keeps for each row of the centres."""
    entry = {
        key: change(value) if isinstance(value, Tensor) and value.ndim == 2 and len(value) == rows else value
        for key, value in state["state"].get(place, {}).items()
    }
    return {**state, "state": {**state["state"], **({place: entry} if entry else {})}}


def _gathered(rows: Tensor) -> Tensor:
    """Join ``(B, ...)`` of all processes to ``(B * processes, ...)``, in the order of the ranks."""
    if world_size() == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(world_size())]
    dist.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


def _maximum(values: Tensor) -> Tensor:
    if world_size() > 1:
        dist.all_reduce(values, dist.ReduceOp.MAX)
    return values


class _GatherRows(torch.autograd.Function):
    """Join rows of all processes; the gradient of a row is the sum over processes, times their number."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.count = len(rows)
        return _gathered(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].contiguous()
        if world_size() == 1:
            return gradient
        dist.all_reduce(gradient)
        return gradient[rank() * ctx.count : (rank() + 1) * ctx.count] * world_size()


class _SumOverRanks(torch.autograd.Function):
    """Sum over processes, each of which then computes the same loss: the gradient passes as it is."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        if world_size() > 1:
            dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]
