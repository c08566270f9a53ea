"""The optimizer, its learning rate as a function of the step, and what happens when a gradient is not finite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from pifr.core.distributed import world_size
from pifr.core.errors import ConfigError, TrainingError
from pifr.recognition.config import OptimizationConfig
from pifr.recognition.sharded_head import ShardedHead


def build_optimizer(modules: Mapping[str, nn.Module], config: OptimizationConfig) -> torch.optim.Optimizer:
    """Build the optimizer of all trainable parameters of all ``modules``, the loss's class centres included.

    Matrices and kernels decay; vectors (biases, batch norms, PReLUs) do not, since shrinking them only shifts
    activations.

    Args:
        modules: Modules by name.
        config: Kind, rate and decay.

    Raises:
        ConfigError: If nothing is left to train.
    """
    parameters = [p for module in modules.values() for p in module.parameters() if p.requires_grad]
    if not parameters:
        raise ConfigError(
            "nothing is left to train: the backbone is frozen and this loss has no weights",
            where="fine_tuning.freeze", cure="freeze some stages only, or take a margin loss",
        )  # fmt: skip
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    if config.name == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=config.lr)


def learning_rate(step: int, steps: int, config: OptimizationConfig) -> float:
    """Return the rate of one step: a linear rise over ``warmup_steps``, then what ``schedule`` names.

    With ``poly`` it is ``lr * (1 - done) ** poly_power``, done being the share of the steps after the rise.

    Example:
        >>> config = OptimizationConfig(lr=1.0, warmup_steps=2)
        >>> [round(learning_rate(step, 4, config), 3) for step in range(4)]
        [0.5, 1.0, 1.0, 0.5]
    """
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    if config.schedule == "cosine":
        return config.lr * 0.5 * (1 + math.cos(math.pi * done))
    return config.lr * (1 - done) ** config.poly_power if config.schedule == "poly" else config.lr


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the rate of all groups."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def gradient_norm(parameters: Sequence[nn.Parameter], shards: Sequence[nn.Parameter] = ()) -> float:
    """Return the norm of all gradients together; that of ``shards``, of which each process has a part, is summed."""
    part_ids = {id(shard) for shard in shards}
    squares = [
        nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None and (id(p) in part_ids) is part]) ** 2
        for part in (False, True)
    ]
    if shards and world_size() > 1:
        dist.all_reduce(squares[1])
    return math.sqrt(float(squares[0]) + float(squares[1]))


class GuardedStep:
    """Clips the gradient and steps; a gradient that is not finite is counted and its step left out.

    Margin losses have non-finite gradients where a cosine is exactly 1 or -1, and one such step would spoil every
    weight. Many in a row mean that something is wrong.

    Args:
        optimizer: What to step.
        modules: Modules by name, for the message.
        config: ``clip_norm`` and ``max_skipped``.
        scaler: What the loss was multiplied by, for float16; None for nothing.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        modules: Mapping[str, nn.Module],
        config: OptimizationConfig,
        scaler: torch.amp.GradScaler | None = None,
    ) -> None:
        self.optimizer, self.modules, self.config = optimizer, modules, config
        self.scaler = torch.amp.GradScaler(enabled=False) if scaler is None else scaler
        self.skipped = 0
        self.in_a_row = 0

    def __call__(self, step: int) -> float:
        """Step unless the gradient is not finite; return its norm before clipping.

        Raises:
            TrainingError: After ``max_skipped`` steps in a row were left out; it names the first bad tensor.
        """
        self.scaler.unscale_(self.optimizer)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        shards = [m.centres for m in self.modules.values() if isinstance(m, ShardedHead)]
        norm = gradient_norm(parameters, shards)
        if math.isfinite(norm):
            nn.utils.clip_grads_with_norm_(parameters, self.config.clip_norm, torch.tensor(norm))
            self.scaler.step(self.optimizer)
            self.in_a_row = 0
        else:
            self.skipped += 1
            self.in_a_row += 1
            if self.in_a_row >= self.config.max_skipped:
                raise TrainingError(
                    f"the gradient was not finite in {self.in_a_row} steps in a row", where=f"step {step}",
                    found=f"first in {self._first_bad()}", cure="lower optimization.lr, or use float32",
                )  # fmt: skip
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return norm

    def state_dict(self) -> dict[str, Any]:
        """Return the counts and the scale of the loss, for a checkpoint."""
        return {"skipped": self.skipped, "in_a_row": self.in_a_row, "scaler": self.scaler.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take them from a checkpoint."""
        self.skipped, self.in_a_row = state["skipped"], state["in_a_row"]
        if state.get("scaler"):
            self.scaler.load_state_dict(state["scaler"])

    def _first_bad(self) -> str:
        for name, module in self.modules.items():
            for key, parameter in module.named_parameters():
                if not torch.isfinite(parameter).all():
                    return f"{name}.{key} (the weight itself)"
        for name, module in self.modules.items():
            for key, parameter in module.named_parameters():
                if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
                    return f"{name}.{key}"
        return "the norm alone (every gradient is finite, their sum overflows)"
