"""What a recipe trains: backbone, class centres, and what stands beside the backbone in training only."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from pifr.backbones import build_backbone
from pifr.core.device import require_compiler
from pifr.core.distributed import world_size, wrap
from pifr.core.seeds import derive_seed
from pifr.data.spec import InputSpec
from pifr.pose import attach_yaw_reader
from pifr.recognition.averaging import update_average
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.fine_tuning import freeze, take_initial, train_all_but
from pifr.recognition.losses import create_loss
from pifr.recognition.network import TrainedNetwork, auxiliary_norms
from pifr.recognition.sharded_head import ShardedHead
from pifr.recognition.weighting import allow_weights


@dataclass
class Model:
    """Everything with weights.

    Attributes:
        backbone: The network that learns.
        loss: The metric loss with its class centres.
        finished: What is validated and kept: the running average of the backbone, or the backbone itself.
        auxiliary: Batch norms of generated pictures; None where they share the others'.
        frozen: Layers of the backbone that do not learn.
        initial_sha256: Digest of the weights it started from; empty for random ones.
    """

    backbone: nn.Module
    loss: nn.Module
    finished: nn.Module
    auxiliary: nn.ModuleList | None = None
    frozen: list[nn.Module] = field(default_factory=list)
    initial_sha256: str = ""

    def trained(self) -> dict[str, nn.Module]:
        """Return what the optimizer moves, by name."""
        modules = {"backbone": self.backbone, "loss": self.loss}
        return modules if self.auxiliary is None else {**modules, "auxiliary": self.auxiliary}

    def stored(self) -> dict[str, nn.Module]:
        """Return what a checkpoint holds: ``backbone`` is what inference takes, ``trained`` what an average follows."""
        modules = {**self.trained(), "backbone": self.finished}
        return modules if self.finished is self.backbone else {**modules, "trained": self.backbone}

    def networks(self, config: RecognizerConfig, device: torch.device) -> tuple[nn.Module, nn.Module]:
        """Return backbone and loss as the loop calls them: compiled and wrapped for several processes."""
        backbone = compiled(self.backbone, device) if config.compile else self.backbone
        embed = wrap(TrainedNetwork(backbone, self.auxiliary), device)
        # The centres of a sharded head differ between processes by design.
        return embed, self.loss if isinstance(self.loss, ShardedHead) else wrap(self.loss, device)

    def training_mode(self) -> None:
        """Set what learns to training mode, and what is frozen to evaluation mode."""
        train_all_but(self.backbone, self.frozen)

    def average(self, steps: int, half_life_steps: float) -> None:
        """Move the running average on, where there is one."""
        if self.finished is not self.backbone:
            update_average(self.finished, self.backbone, steps, half_life_steps)


def build_model(config: RecognizerConfig, people: int, device: torch.device) -> Model:
    """Build all networks of a recipe; every process draws the same weights.

    Raises:
        ConfigError: If a name or a number is out of range.
        CheckpointError: If ``fine_tuning.initial`` doesn't fit.
    """
    torch.manual_seed(derive_seed(config.seed, "weights"))
    shape, chosen = config.backbone, config.loss
    backbone = build_backbone(shape, config.size_px)
    attach_yaw_reader(backbone, InputSpec(size_px=config.size_px))
    loss: nn.Module
    if config.head.sharded:
        loss = ShardedHead(
            chosen.name, people, shape.embedding_dim, chosen.margin, chosen.scale, config.head.sampled_share
        )
    else:
        loss = create_loss(chosen.name, people, shape.embedding_dim, **chosen.parameters())
    if config.mixing.generated_weight != 1:
        allow_weights(loss, chosen.name)
    initial = take_initial(backbone, config.fine_tuning) if config.fine_tuning.initial is not None else ""
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    backbone = backbone.to(device, memory_format=layout)  # type: ignore[call-overload]
    frozen = freeze(backbone, config.fine_tuning.freeze, config.size_px)
    train_all_but(backbone, frozen)
    auxiliary = auxiliary_norms(backbone) if config.mixing.separate_statistics else None
    average = config.optimization.ema_half_life_steps > 0
    finished = copy.deepcopy(backbone).requires_grad_(False).eval() if average else backbone
    return Model(backbone, loss.to(device), finished, auxiliary, frozen, initial)


def compiled(backbone: nn.Module, device: torch.device) -> nn.Module:
    """Return ``backbone`` behind torch.compile; they share their weights.

    Raises:
        DependencyError: If a processor is to run it and there is no C++ compiler.
    """
    require_compiler(device)
    network: nn.Module = torch.compile(backbone)  # type: ignore[assignment]
    return network


def head_memory(loss: nn.Module, optimizer: torch.optim.Optimizer, batch_size: int) -> str:
    """Return a line on the memory that the class centres of one process take.

    Counted are float32 centres, gradients, the optimizer's state, and for the logits three arrays of the batch that a
    process sees at once times its people: cosines, logits, gradients.

    Args:
        loss: The loss.
        optimizer: Its optimizer.
        batch_size: Pictures of one part of a batch on one process.
    """
    centres: list[Tensor] = [parameter for parameter in loss.parameters() if parameter.ndim == 2]
    if not centres:
        return "class centres: none"
    numbers = sum(tensor.numel() for tensor in centres)
    states = {"SGD": 1, "AdamW": 2}[type(optimizer).__name__]
    people = int(getattr(loss, "people", 0))
    if isinstance(loss, ShardedHead):
        mine, seen = len(loss.centres), batch_size * world_size()
    else:
        mine, seen = people, batch_size
    weights, logits = 4 * numbers * (2 + states), 3 * 4 * seen * mine
    return (
        f"class centres: {mine:,} of {people:,} people on each of {world_size()} processes; "
        f"centres, gradients and optimizer {weights / 1e6:,.1f} MB, logits {logits / 1e6:,.1f} MB"
    )
