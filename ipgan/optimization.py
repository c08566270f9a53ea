"""Optimizers, their rate by the step, and steps that are skipped when gradients are not finite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ipgan.config import OptimizerConfig
from ipgan.networks import Networks, total_norm
from pifr.core.distributed import world_size
from pifr.core.errors import TrainingError
from pifr.core.progress import say


def learning_rate_factor(step: int, steps: int, config: OptimizerConfig) -> float:
    """Return the factor on both learning rates: a linear rise, then a cosine to ``lr_final`` at the last step."""
    rise = min(1.0, (step + 1) / max(1, config.lr_warmup_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))
    return rise * (config.lr_final + (1 - config.lr_final) * cosine)


class GuardedAdam:
    """Adam that averages gradients over processes and skips a step whose gradients are not finite.

    Args:
        name: For messages: ``rotation`` or ``discriminator``.
        parameters: Weights to train.
        lr: Learning rate.
        betas: Adam's betas.
        config: Patience.
        slow: Further weights with a rate of their own.
        slow_lr: That rate.
    """

    def __init__(
        self, name: str, parameters: list[nn.Parameter], lr: float, betas: tuple[float, float],
        config: OptimizerConfig, slow: Sequence[nn.Parameter] = (), slow_lr: float = 0.0,
    ) -> None:  # fmt: skip
        self.name, self.parameters, self.patience = name, [*parameters, *slow], config.max_skipped_in_a_row
        rates = [(parameters, lr), (slow, slow_lr)]
        groups = [{"params": some, "lr": rate} for some, rate in rates if some]
        self.rates = [rate for some, rate in rates if some]
        self.adam = torch.optim.Adam(groups, lr=lr, betas=betas, eps=1e-8, fused=True)
        self.skipped = 0
        self.in_a_row = 0

    def step(self, step: int, factor: float, terms: Mapping[str, Tensor]) -> float:
        """Apply the gathered gradients and clear them.

        Args:
            step: Number of the step, for messages.
            factor: On the learning rate.
            terms: The step's loss terms, to name the one that broke.

        Returns:
            The gradients' norm.

        Raises:
            TrainingError: After too many skipped steps in a row; it names the term.
        """
        average_over_ranks(self.parameters)
        norm = float(total_norm(self.parameters))
        if math.isfinite(norm):
            self.in_a_row = 0
            for group, rate in zip(self.adam.param_groups, self.rates, strict=True):
                group["lr"] = rate * factor
            self.adam.step()
        else:
            self._count(step, terms)
        self.adam.zero_grad(set_to_none=True)
        return norm

    def _count(self, step: int, terms: Mapping[str, Tensor]) -> None:
        self.skipped += 1
        self.in_a_row += 1
        broken = [name for name, term in terms.items() if not bool(torch.isfinite(term))]
        culprit = f"the term {broken[0]!r}" if broken else f"the {self.name}'s gradient"
        say(f"step {step}: {culprit} is not finite; the step is skipped ({self.skipped} so far)")
        if self.in_a_row >= self.patience:
            raise TrainingError(
                f"{culprit} stays non-finite", where=f"step {step}", found=f"{self.in_a_row} skipped steps in a row",
                cure="lower optimizer.lr, or the weight of that term",
            )  # fmt: skip

    def state(self) -> dict[str, object]:
        """Return what a resumed run needs."""
        return {"adam": self.adam.state_dict(), "skipped": self.skipped, "in_a_row": self.in_a_row}

    def load_state(self, state: Mapping[str, object]) -> None:
        """Continue from :meth:`state`."""
        self.adam.load_state_dict(state["adam"])  # type: ignore[arg-type]
        self.skipped, self.in_a_row = int(state["skipped"]), int(state["in_a_row"])  # type: ignore[call-overload]


class Optimizers:
    """One optimizer for each side of the game.

    Args:
        networks: What they train.
        config: Rates.
    """

    def __init__(self, networks: Networks, config: OptimizerConfig) -> None:
        self.rotation = GuardedAdam(
            "rotation", networks.rotation_parameters(), config.lr, config.betas, config,
            networks.backbone_parameters(), config.backbone_lr,
        )  # fmt: skip
        self.discriminator = GuardedAdam(
            "discriminator",
            networks.discriminator_parameters(),
            config.discriminator_lr,
            config.discriminator_betas,
            config,
        )

    @property
    def skipped(self) -> int:
        """Skipped steps of both sides."""
        return self.rotation.skipped + self.discriminator.skipped

    def state(self) -> dict[str, object]:
        """Return what a resumed run needs."""
        return {"rotation": self.rotation.state(), "discriminator": self.discriminator.state()}

    def load_state(self, state: Mapping[str, Mapping[str, object]]) -> None:
        """Continue from :meth:`state`."""
        self.rotation.load_state(state["rotation"])
        self.discriminator.load_state(state["discriminator"])


def average_over_ranks(parameters: list[nn.Parameter]) -> None:
    """Average gradients over all processes in one call; a missing gradient counts as zero.

    This replaces the DistributedDataParallel wrapper, which can't follow networks that are used several times and
    partly frozen within one step.
    """
    import torch.distributed as dist

    if world_size() == 1:
        return
    # What rests gets no gradient at all: a zero would let Adam's momentum move it.
    for parameter in parameters:
        if parameter.grad is None and parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world_size()
    for gradient, mean in zip(gradients, torch.split(flat, [gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
