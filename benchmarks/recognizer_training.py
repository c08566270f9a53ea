"""The training loop beside a bare loop on tensors in memory, and beside itself with views on the fly.

    python benchmarks/recognizer_training.py MANIFEST --size 112 --width 1 --batch 16 --steps 6 --rounds 3
    python benchmarks/recognizer_training.py MANIFEST --size 64 --width 0.25 --batch 48 --steps 10 --generator RUN

The ways take turns, so that other work on the machine hits all alike; a ratio is formed within one round. Told are
the median of the rounds and their range. On the CPU the ratios are told in processor time too, which other work hardly
moves; there the thread that fetches pictures counts as well. The main thread's processor time alone tells how long a
step takes that never waits: on a shared machine with several threads it is the figure to look at, under
OMP_WAIT_POLICY=passive, since threads that wait busily count their waiting.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch

from pifr.backbones import build_backbone
from pifr.core.commandline import failures_in_one_line
from pifr.core.config import check_config
from pifr.core.device import autocast, choose_device
from pifr.recognition import training
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.losses import create_loss
from pifr.recognition.meter import Meter
from pifr.recognition.optimization import build_optimizer
from pifr.recognition.training_data import read_training_data


class ProcessorMeter(Meter):
    """Tells the processor time from the first batch on too, of all threads and of the main one."""

    def __init__(self) -> None:
        super().__init__()
        self._began_processor, self._began_main = time.process_time(), time.thread_time()

    def record(self) -> dict[str, float]:
        return super().record() | {
            "processor_seconds": time.process_time() - self._began_processor,
            "main_seconds": time.thread_time() - self._began_main,
        }


def recipe(options: argparse.Namespace, **changes: object) -> RecognizerConfig:
    values = {
        "data": {"manifest": options.manifest, "train_split": options.split, "validation_split": None},
        "size_px": options.size, "steps": options.steps, "precision": options.precision,
        "backbone": {"name": options.backbone, "width": options.width},
        "batch": {"people": options.batch // 2, "pictures": 2},
        "intervals": {"status": options.steps, "checkpoint": options.steps},
    }  # fmt: skip
    return check_config(RecognizerConfig, {**values, **changes}, "benchmark")


def trained(config: RecognizerConfig, device: str) -> dict[str, float]:
    """Train and return what the history says of speed; start and checkpoint are not counted."""
    with tempfile.TemporaryDirectory() as runs:
        return training.train_recognizer(config, Path(runs), device=device).run.history.read()[-1]


def bare(config: RecognizerConfig, people: int, device: torch.device) -> dict[str, float]:
    """Return the same of the same network, loss and optimizer on a batch in memory."""
    torch.manual_seed(0)
    backbone = build_backbone(config.backbone, config.size_px).to(device)
    loss = create_loss("cosface", people, config.backbone.embedding_dim).to(device)
    modules = {"backbone": backbone.train(), "loss": loss}
    optimizer = build_optimizer(modules, config.optimization)
    count = config.batch.people * 2
    images = torch.randn(count, 3, config.size_px, config.size_px, device=device).contiguous(
        memory_format=torch.channels_last
    )
    labels = torch.arange(count, device=device) % people
    meter = ProcessorMeter()
    for _ in range(config.steps):
        with autocast(device, config.precision):
            embeddings = backbone(images)
        value = modules["loss"](embeddings, labels)
        value.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        meter.pictures += count
    value.item()
    return meter.record()


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3f} [{min(values):.3f}, {max(values):.3f}]"


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("manifest")
    made.add_argument("--split", default="train")
    made.add_argument("--size", type=int, default=112)
    made.add_argument("--backbone", default="ir18")
    made.add_argument("--width", type=float, default=1.0)
    made.add_argument("--batch", type=int, default=32)
    made.add_argument("--steps", type=int, default=10)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--precision", default="auto")
    made.add_argument("--device", default="auto")
    made.add_argument("--generator", help="measure views on the fly, half of each batch, instead of the bare loop")
    return made


def main() -> None:
    options = parser().parse_args()
    device, plain = choose_device(options.device), recipe(options)
    people = len(read_training_data(plain).people)
    training.Meter = ProcessorMeter
    ours, ratios, by_processor, by_main, loading = [], [], [], [], []
    trained(plain, options.device)  # decodes pictures, warms up
    if options.generator:
        views = recipe(options, on_the_fly={"generator": options.generator})
        trained(views, options.device)  # fills the cache of identity codes
    for _ in range(options.rounds):
        alone = trained(plain, options.device)
        ours.append(alone["pictures_per_second"])
        loading.append(alone["loading_share"])
        if options.generator:
            other = trained(views, options.device)
            loading.append(other["loading_share"])
            ratios.append(ours[-1] / other["pictures_per_second"] - 1)
            by_processor.append(other["processor_seconds"] / alone["processor_seconds"] - 1)
            by_main.append(other["main_seconds"] / alone["main_seconds"] - 1)
        else:
            other = bare(plain, people, device)
            ratios.append(ours[-1] / other["pictures_per_second"])
            by_processor.append(other["processor_seconds"] / alone["processor_seconds"])
            by_main.append(other["main_seconds"] / alone["main_seconds"])
    name = f"{options.backbone} x {options.width:g}, {options.size} px, batch {options.batch}, {device}"
    print(f"{name}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, {options.rounds} rounds")
    print(f"training loop: {spread(ours)} pictures/s; waiting for pictures: {spread(loading)} of the time")
    label = "time added by views on the fly" if options.generator else "speed beside the bare loop"
    print(f"{label}: {spread(ratios)}")
    if device.type == "cpu":
        print(f"the same in processor time: {spread(by_processor)}; of the main thread: {spread(by_main)}")


if __name__ == "__main__":
    with failures_in_one_line():
        main()
