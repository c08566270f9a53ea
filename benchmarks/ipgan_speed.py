"""Training throughput beside CR-GAN's published layout and step, and rotations a second.

    python benchmarks/ipgan_speed.py --threads 2

The published side is written from CR-GAN's paper and the layer table of its code (docs/generators.md): residual blocks
of 64 to 512 channels, the 64 px variant without the outermost block, batch normalisation in the generator, two paths,
WGAN-GP twice, Adam three times, float32. Its pictures are handed to it for nothing; ours are fetched and augmented
within the step, as in training. Both see random pixels: time does not depend on their values. They run turn by turn,
so that other work on the machine hits both alike; ours runs whole rounds of the lazy penalty.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ipgan import Rotator, TrainConfig
from ipgan.batch import make_batch
from ipgan.methods import METHODS, weighted_sum
from ipgan.networks import Networks, parameters_in_millions
from ipgan.optimization import Optimizers
from ipgan.pose_map import PoseMap
from ipgan.precision import compute_dtype
from ipgan.sampler import PairSampler
from ipgan.training_data import TrainingData
from pifr.core.commandline import failures_in_one_line
from pifr.core.config import load_config
from pifr.core.device import choose_device
from pifr.core.memory import keep_freed_memory
from pifr.core.seeds import seed_step
from pifr.data.manifest import make_manifest
from pifr.data.pixels import PixelStore
from pifr.data.spec import InputSpec

PEOPLE, YAWS = 32, np.arange(-90.0, 91.0, 15.0)
VIEWS, LATENT = 9, 119


class PublishedDown(nn.Module):
    """Halves the side, without a norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(inputs, outputs, 3, 1, 1), nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.skip = nn.Conv2d(inputs, outputs, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(self.second(F.relu(self.first(F.relu(x)))), 2) + self.skip(F.avg_pool2d(x, 2))


class PublishedUp(nn.Module):
    """Doubles the side, with batch normalisation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(inputs, outputs, 3, 1, 1), nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.skip = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)])

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(F.interpolate(F.relu(self.norms[0](x)), scale_factor=2))
        return self.second(F.relu(self.norms[1](y))) + self.skip(F.interpolate(x, scale_factor=2))


class PublishedTrunk(nn.Module):
    """Encoder and discriminator: one body, two linear heads. 64 px have one block less than 128."""

    def __init__(self, size_px: int, heads: tuple[int, int]) -> None:
        super().__init__()
        widths = [64, 128, 256, 512, 512] if size_px == 64 else [64, 64, 128, 256, 512, 512]
        blocks = [PublishedDown(a, b) for a, b in pairwise(widths)]
        self.body = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1), *blocks, nn.Flatten())
        self.heads = nn.ModuleList([nn.Linear(512 * 16, outputs) for outputs in heads])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images)
        return self.heads[0](features), self.heads[1](features)


class PublishedGenerator(nn.Module):
    """View and latent code -> picture."""

    def __init__(self, size_px: int) -> None:
        super().__init__()
        widths = [512, 512, 256, 128, 64] if size_px == 64 else [512, 512, 256, 128, 64, 64]
        self.first = nn.Linear(VIEWS + LATENT, 512 * 16)
        blocks = [PublishedUp(a, b) for a, b in pairwise(widths)]
        self.body = nn.Sequential(*blocks, nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 3, 3, 1, 1), nn.Tanh())

    def forward(self, view: Tensor, latent: Tensor) -> Tensor:
        return self.body(self.first(torch.cat([view, latent], dim=1)).view(-1, 512, 4, 4))


def published_step(size_px: int, batch_size: int, device: torch.device) -> tuple[Callable[[int], None], float]:
    """Return one iteration of CR-GAN: D and G of the first path, then D, E and, of real faces, G of the second."""
    encoder, judge = (PublishedTrunk(size_px, (VIEWS, last)).to(device) for last in (LATENT, 1))
    generator = PublishedGenerator(size_px).to(device)
    steps = {net: torch.optim.Adam(net.parameters(), 1e-4, (0.0, 0.9)) for net in (encoder, generator, judge)}
    first_picture, second_picture = torch.rand(2, batch_size, 3, size_px, size_px, device=device) * 2 - 1
    first, second = torch.randint(VIEWS, (2, batch_size), device=device)

    def clear() -> None:
        for each in steps.values():
            each.zero_grad()

    def judge_step(real: Tensor, view: Tensor, made: Tensor) -> None:
        share = torch.rand(len(real), 1, 1, 1, device=device)
        between = torch.lerp(real, made.detach(), share).requires_grad_(True)
        (slope,) = torch.autograd.grad(judge(between)[1].sum(), between, create_graph=True)
        penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
        views, real_score = judge(real)
        loss = judge(made.detach())[1].mean() - real_score.mean() + 10 * penalty + F.cross_entropy(views, view)
        loss.backward()
        steps[judge].step()
        clear()

    def step(number: int) -> None:
        latent = torch.rand(batch_size, LATENT, device=device) * 2 - 1
        born = generator(F.one_hot(first, VIEWS).float(), latent)
        judge_step(first_picture, first, born)
        views, score = judge(born)
        (F.cross_entropy(views, first) - score.mean()).backward()
        steps[generator].step()
        clear()

        fake = bool(number % 2)
        source, view = (born.detach(), first) if fake else (first_picture, second)
        wanted = born.detach() if fake else second_picture
        read, code = encoder(source)
        again = generator(F.one_hot(view, VIEWS).float(), code)
        judge_step(second_picture, second, again)
        views, score = judge(again)
        pixels = (again - wanted).abs().sum(dim=1).mean()
        loss = 4 * pixels - score.mean() + F.cross_entropy(views, view) + 0.01 * F.cross_entropy(read, first)
        loss.backward()
        if not fake:
            steps[generator].step()
        steps[encoder].step()
        clear()

    return step, parameters_in_millions(nn.ModuleList([encoder, generator, judge]))


def random_faces(size_px: int) -> TrainingData:
    """Noise that claims to be people seen from 13 sides."""
    count = PEOPLE * len(YAWS)
    people = np.repeat(np.arange(PEOPLE), len(YAWS))
    table = pd.DataFrame({"path": [f"{row}.png" for row in range(count)], "subject": people.astype(str)})
    pixels = np.random.default_rng(0).integers(256, size=(count, size_px, size_px, 3), dtype=np.uint8)
    return TrainingData(
        make_manifest(table, Path("."), "noise"), PixelStore(pixels, Path("noise")), InputSpec(size_px=size_px), people,
        people, np.zeros(count, int), np.tile(YAWS, PEOPLE), np.full(count, np.nan),
        np.empty((0, size_px, size_px, 3), np.uint8), "",
    )  # fmt: skip


def our_step(config: TrainConfig, data: TrainingData, device: torch.device) -> tuple[Callable[[int], None], Networks]:
    """Return one step as :func:`ipgan.training.train` makes it, and the networks."""
    method = METHODS[config.generator](config, config.model, data)
    networks = Networks(method.model, data.spec.size_px, data.people_count, 0, device)
    optimizers, dtype = Optimizers(networks, config.optimizer), compute_dtype(device, config.precision)
    sampler = PairSampler(data, config.pairs, config.batch_size, 4.0, 0, method.companions)

    def step(number: int) -> None:
        seed_step(0, number)
        stage = method.stage(config.warmup_steps + number)
        batch = make_batch(data, sampler.pairs(number), method.augmentation, device)
        terms, faces = method.rotation_terms(networks, batch, dtype, stage)
        weighted_sum(terms, method.weights).backward()
        if stage.adversary:
            weighted_sum(method.discriminator_terms(networks, batch, faces, dtype, stage), method.weights).backward()
        # The noise would soon drive weights astray; a rate of nearly 0 costs the same.
        optimizers.rotation.step(number, 1e-6, terms)
        if stage.adversary:
            optimizers.discriminator.step(number, 1e-6, terms)
        networks.update_average(1000, config.batch_size, 2000, 0.1)

    return step, networks


def seconds_of(job: Callable[[], object], device: torch.device, clock: str) -> float:
    """Processor time counts what this process got and not what others took, but all threads together."""
    now = time.process_time if clock == "processor" else time.perf_counter
    start = now()
    job()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return now() - start


def repeat(step: Callable[[int], None], steps: int) -> None:
    for number in range(steps):
        step(number)


def spread(values: list[float]) -> str:
    return f"median {statistics.median(values):.2f}, {min(values):.2f} to {max(values):.2f} in {len(values)} rounds"


def train_beside(options: argparse.Namespace, device: torch.device) -> None:
    data = random_faces(options.size)
    theirs, millions = published_step(options.size, options.batch, device)
    print(f"published: {millions:.1f} M weights, {options.published_steps} steps a round")
    for name in options.generators:
        values = [f"generator={name}", f"data.size_px={options.size}", f"batch_size={options.batch}"]
        if name != "ipgan":
            values.append("model.appearance_flow=false")
        config = load_config(TrainConfig, options.recipe, values)
        ours, networks = our_step(config, data, device)
        every = nn.ModuleList([networks.rotation, networks.adversary])
        print(f"{name}: {parameters_in_millions(every):.1f} M weights, {options.steps} steps a round")
        if not options.cold:
            for number in range(2):  # the first steps allocate, and the first of ours is a penalty's
                ours(number)
            theirs(0)
        rates: dict[str, list[float]] = {"ours": [], "published": []}
        for _ in range(options.rounds):
            for side, step, steps in (("ours", ours, options.steps), ("published", theirs, options.published_steps)):
                taken = seconds_of(partial(repeat, step, steps), device, options.clock)
                rates[side].append(steps * options.batch / taken)
            print(
                f"  pairs a second: {name} {rates['ours'][-1]:.1f}, published {rates['published'][-1]:.2f}", flush=True
            )
        ratios = [a / b for a, b in zip(rates["ours"], rates["published"], strict=True)]
        print(f"{name} beside the published layout and step, times as many pairs a second: {spread(ratios)}")


def rotate(options: argparse.Namespace, device: torch.device) -> None:
    config = load_config(TrainConfig, options.recipe, [f"data.size_px={options.size}"])
    _, networks = our_step(config, random_faces(options.size), device)
    poses = PoseMap(np.array([-90.0, 90.0]), np.eye(2, config.model.pose_dim, dtype=np.float32))
    rotator = Rotator(networks.averaged, InputSpec(size_px=options.size), poses, "random", "", device)
    pixels = np.random.default_rng(0).integers(256, size=(32, options.size, options.size, 3), dtype=np.uint8)
    rotator.rotate(pixels, [0.0])
    for yaws in ([30.0], list(YAWS)):
        job = partial(rotator.rotate, pixels, yaws)
        taken = [seconds_of(job, device, options.clock) for _ in range(options.rotations)]
        rates = [len(pixels) * len(yaws) / each for each in taken]
        print(f"rotation, 32 faces to {len(yaws)} yaws each, encoding included, pictures a second: {spread(rates)}")


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--recipe", default="ipgan-tiny-64")
    made.add_argument("--generators", nargs="*", default=["ipgan"], help="ours: any of ipgan, drgan, crgan")
    made.add_argument("--size", type=int, default=64, choices=[64, 128])
    made.add_argument("--batch", type=int, default=32)
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--steps", type=int, default=16, help="ours a round; 16 hold one lazy penalty")
    made.add_argument("--published-steps", type=int, default=2, help="2 hold both branches of the second path")
    made.add_argument("--rotations", type=int, default=20, help="0 leaves them out")
    made.add_argument("--threads", type=int, default=0, help="by default torch's own choice")
    made.add_argument("--device", default="cpu")
    made.add_argument("--clock", choices=["wall", "processor"], default="wall", help="processor: on a busy machine")
    made.add_argument("--cold", action="store_true", help="no steps before the first round")
    return made


def main() -> None:
    options = parser().parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    keep_freed_memory()
    device = choose_device(options.device)
    number_format = str(compute_dtype(device, "auto")).removeprefix("torch.")
    threads = torch.get_num_threads()
    print(f"{options.size} px, batch {options.batch}, {device}, {threads} threads, {options.clock} time")
    print(f"ours in {number_format}, published in float32")
    train_beside(options, device)
    if options.rotations:
        rotate(options, device)


if __name__ == "__main__":
    with failures_in_one_line():
        main()
