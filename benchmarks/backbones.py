"""How long each backbone takes over one picture, forwards and in a training step, beside its weights and operations.

    OMP_NUM_THREADS=1 python benchmarks/backbones.py
    python benchmarks/backbones.py ir18 timm:resnet18 --device cuda --batch 128 --rounds 20

Processor time of one thread is measured on the CPU, so that other work on the machine counts little; wall-clock time
on a GPU. All backbones take turns in each round; the table has the median round and the lowest and highest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from pifr.backbones import backbone_cost, create_backbone, list_backbones


def seconds(job: Callable[[], object], device: torch.device) -> float:
    if device.type == "cpu":
        start = time.process_time()
        job()
        return time.process_time() - start
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    job()
    torch.cuda.synchronize(device)
    return time.perf_counter() - start


def forwards(network: nn.Module, images: torch.Tensor) -> None:
    with torch.inference_mode():
        network.eval()(images)


def training_step(network: nn.Module, images: torch.Tensor) -> None:
    network.train()(images).square().mean().backward()
    network.zero_grad(set_to_none=True)


def measured(name: str, images: torch.Tensor, arguments: argparse.Namespace) -> tuple[float, float]:
    """Return milliseconds a picture, forwards and in a training step, of a fresh network that is then forgotten."""
    network = create_backbone(name, arguments.size, arguments.dim, arguments.width).to(images.device)
    forwards(network, images[:2])  # the first call chooses its algorithms
    forward = seconds(lambda: forwards(network, images), images.device)
    step = seconds(lambda: training_step(network, images), images.device)
    return 1000 * forward / len(images), 1000 * step / len(images)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("names", nargs="*", default=list_backbones())
    made.add_argument("--size", type=int, default=112)
    made.add_argument("--dim", type=int, default=512)
    made.add_argument("--width", type=float, default=1.0)
    made.add_argument("--batch", type=int, default=4)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--device", default="cpu")
    return made


def main() -> None:
    arguments = parser().parse_args()
    device = torch.device(arguments.device)
    images = torch.randn(arguments.batch, 3, arguments.size, arguments.size).to(device)
    images = images.contiguous(memory_format=torch.channels_last)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in arguments.names}
    for _ in range(arguments.rounds):
        for name in arguments.names:
            found[name].append(measured(name, images, arguments))
            print(f"{name}: {found[name][-1]}", file=sys.stderr)
    about = f"{arguments.size} px, {arguments.dim} numbers, width {arguments.width:g}, batches of {arguments.batch}"
    print(f"{about}, {arguments.rounds} rounds, {device}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print("| backbone | parameters | GFLOP | ms a picture, forwards | ms a picture, training step |")
    print("| --- | --- | --- | --- | --- |")
    for name, rounds in found.items():
        cost = backbone_cost(name, arguments.size, arguments.dim, arguments.width)
        cells = [f"{np.median(column):.1f} [{min(column):.1f}, {max(column):.1f}]" for column in np.array(rounds).T]
        print(f"| `{name}` | {cost.parameters:,} | {cost.flops / 1e9:.2f} | {cells[0]} | {cells[1]} |")


if __name__ == "__main__":
    main()
