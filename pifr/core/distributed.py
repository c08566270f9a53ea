"""A thin layer over torch.distributed: one code path for one process and for ``torchrun``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

ModuleT = TypeVar("ModuleT", bound="nn.Module")
_PATIENCE = timedelta(hours=12)
"""How long processes wait for each other: one decodes millions of pictures, or validates, while the others wait. Of a
process that died torchrun tells the others at once."""


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the group that ``torchrun`` describes in the environment; do nothing for a single process.

    Args:
        device: The kind of device decides the backend: NCCL for CUDA, gloo else.
    """
    import torch
    import torch.distributed as dist

    if "RANK" not in os.environ or dist.is_initialized():
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(local_rank())
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield
        # Whoever leaves first takes its threads along: gloo aborts a process whose peer is still at work.
        dist.barrier()
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Return this process's rank; 0 for a single process."""
    import torch.distributed as dist

    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def local_rank() -> int:
    """Return the rank on this machine, which is also its GPU's index."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def world_size() -> int:
    """Return the number of processes; 1 for a single process."""
    import torch.distributed as dist

    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_main() -> bool:
    """Tell whether this process writes files and prints."""
    return rank() == 0


def started_first() -> bool:
    """Tell whether torchrun, if it was that, started this process as the first; holds outside a process group too."""
    return int(os.environ.get("RANK", "0")) == 0


def barrier() -> None:
    """Wait for all processes."""
    import torch.distributed as dist

    if world_size() > 1:
        dist.barrier()


@contextmanager
def main_first() -> Iterator[None]:
    """Let the main process through a ``with`` block before the others, who then find its work in a cache."""
    if not is_main():
        barrier()
    yield
    if is_main():
        barrier()


def mean_over_ranks(value: Tensor) -> Tensor:
    """Return the mean of ``value`` over all processes, any shape; the input stays as it is."""
    import torch.distributed as dist

    if world_size() == 1:
        return value
    total = value.detach().clone()
    dist.all_reduce(total)
    return total / world_size()


def names_over_ranks(names: Iterable[str]) -> list[str]:
    """Return the names that any process passes, sorted, the same list on every rank."""
    import torch.distributed as dist

    mine = sorted(names)
    if world_size() == 1:
        return mine
    everyone: list[list[str]] = [[] for _ in range(world_size())]
    dist.all_gather_object(everyone, mine)
    return sorted({name for one in everyone for name in one})


def broadcast_flag(flag: bool) -> bool:
    """Return True on every rank if any rank passes True, so that all stop at the same step."""
    import torch
    import torch.distributed as dist

    if world_size() == 1:
        return flag
    tensor = torch.tensor([int(flag)], device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
    return bool(tensor.item())


def take_from_main(*modules: nn.Module) -> None:
    """Give modules the main process's weights and buffers, after a step in which last bits may decide differently."""
    import torch.distributed as dist

    if world_size() == 1:
        return
    for module in modules:
        for tensor in module.state_dict().values():
            whole = tensor.contiguous()
            dist.broadcast(whole, 0)
            tensor.copy_(whole)


def broadcast_text(text: str) -> str:
    """Return rank 0's ``text`` on every rank, for example the run folder it made."""
    import torch.distributed as dist

    if world_size() == 1:
        return text
    box = [text]
    dist.broadcast_object_list(box)
    return box[0]


def wrap(module: ModuleT, device: torch.device) -> ModuleT:
    """Wrap a module in DistributedDataParallel where several processes train; return it unchanged else."""
    from torch.nn.parallel import DistributedDataParallel

    if world_size() == 1 or not any(parameter.requires_grad for parameter in module.parameters()):
        return module
    ids = [device.index if device.index is not None else local_rank()] if device.type == "cuda" else None
    return DistributedDataParallel(module, device_ids=ids)  # type: ignore[return-value]


@contextmanager
def synchronised(modules: Iterable[nn.Module], wanted: bool = True) -> Iterator[None]:
    """Let the passes within add to gradients of this process alone unless ``wanted``, for gradient accumulation."""
    from torch.nn.parallel import DistributedDataParallel

    with ExitStack() as stack:
        for module in modules:
            if not wanted and isinstance(module, DistributedDataParallel):
                stack.enter_context(module.no_sync())
        yield
