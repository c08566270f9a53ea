"""Training the generator: one loop, read from top to bottom."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ipgan.batch import make_batch, pictures_in_batches, rows_over_the_manifest
from ipgan.config import TrainConfig
from ipgan.methods import weighted_sum
from ipgan.networks import parameters_in_millions
from ipgan.optimization import Optimizers, learning_rate_factor
from ipgan.pose_erasure import erase_pose
from ipgan.precision import compute_dtype
from ipgan.preparation import prepare
from ipgan.run_state import RunState, open_run
from ipgan.sampler import PairSampler
from ipgan.settling import rest_encoders, settle
from ipgan.status import Meter
from pifr.core.device import choose_device
from pifr.core.distributed import broadcast_flag, is_main, process_group, rank, take_from_main, world_size
from pifr.core.interrupt import Interrupted, stop_on_signal
from pifr.core.memory import keep_freed_memory
from pifr.core.progress import progress_bar, say
from pifr.core.resuming import record_recipe
from pifr.core.runs import RunFolder
from pifr.core.seeds import seed_step
from pifr.core.tensorboard import open_tensorboard

_ERASURE_PICTURES = 3000
"""Pictures from which the erasure of pose is learned; it needs a few times more than an identity code has numbers."""


@dataclass(frozen=True)
class TrainResult:
    """A finished training.

    Attributes:
        run: Its folder.
        steps: Finished steps.
        images: Pairs seen.
        people: Training people.
        skipped: Steps skipped for non-finite gradients.
    """

    run: RunFolder
    steps: int
    images: int
    people: int
    skipped: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "run": str(self.run.path), "steps": self.steps, "images": self.images, "people": self.people,
            "skipped_steps": self.skipped,
        }  # fmt: skip

    def table(self) -> str:
        """Return a short text for the terminal."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.steps} steps, {self.images} pairs of {self.people} people{skipped}\nrun: {self.run.path}"


def train(
    config: TrainConfig, runs: Path, resume: Path | None = None, device: str = "auto", tensorboard: bool = False
) -> TrainResult:
    """Train encoders and generator against the discriminator.

    Killed at any moment and resumed on the same machine, it ends with the same weights, bit by bit. Started by
    ``torchrun`` it trains one model on all processes.

    Args:
        config: The recipe.
        runs: Folder in which a new run folder is made.
        resume: A run folder to go on with instead.
        device: auto, cpu, cuda or cuda:N.
        tensorboard: Write curves to ``tensorboard/`` in the run folder too.

    Raises:
        DependencyError: If curves are asked for and the package ``tensorboard`` is not installed, or ``compile`` and
            there is no compiler.
        DataError: If the manifest can't be used; see :func:`ipgan.training_data.open_training_data`.
        ConfigError: If the recipe can't be used, or differs from the resumed run's.
        CheckpointError: If there is nothing to resume, or the run was trained on other pictures.
        TrainingError: If gradients stay non-finite.
        Interrupted: After Ctrl-C, once a checkpoint is written.
    """
    target = choose_device(device)
    keep_freed_memory()
    with process_group(target), stop_on_signal() as stop:
        prepared = prepare(config, resume, target, tensorboard)
        data, method, networks = prepared.data, prepared.method, prepared.networks
        micro_batches = config.optimizer.accumulate
        shares = micro_batches * world_size()
        sampler = PairSampler(
            data, config.pairs, config.batch_size, config.data.same_yaw_degrees, config.seed, method.companions
        )
        spread = rows_over_the_manifest(data, _ERASURE_PICTURES)
        optimizers = Optimizers(networks, config.optimizer)
        weights = method.weights
        dtype = compute_dtype(target, config.precision)

        # Run folder, and where it stopped if it did.
        run = open_run(config, runs, resume, data)
        state = RunState(run, config, data, networks, optimizers, target, prepared.grid)
        start = state.resume() if resume is not None else 0
        if resume is not None:
            record_recipe(config, run)
        size = parameters_in_millions(networks.rotation.generator)
        say(
            f"{run.path}: {config.generator}, {len(data)} pictures of {data.people_count} people, generator of "
            f"{size:.1f} M weights, {str(dtype).removeprefix('torch.')}, steps {start} to {config.steps}"
        )

        # Loop.
        meter, curves_folder = (
            Meter(target, start * config.batch_size),
            run.path / "tensorboard" if tensorboard else None,
        )
        with (
            progress_bar("training the generator", config.steps, done=start) as advance,
            open_tensorboard(curves_folder, start + 1) as curves,
        ):
            for step in range(start, config.steps):
                seed_step(config.seed, step, rank())
                pairs = sampler.pairs(step)
                stage = method.stage(step)
                if stage.settled:
                    if step == config.steps - config.settle_steps:
                        settle(networks, data, dtype, target)
                        take_from_main(networks.rotation, networks.averaged)
                    rest_encoders(networks)
                seen: dict[str, torch.Tensor] = defaultdict(lambda: torch.zeros((), device=target))

                # Both sides gather gradients on the same faces.
                for micro in range(micro_batches):
                    share = pairs.part(rank() + micro * world_size(), shares)
                    batch = make_batch(data, share, method.augmentation, target)
                    terms, faces = method.rotation_terms(networks, batch, dtype, stage)
                    torch.autograd.backward(weighted_sum(terms, weights) / micro_batches)
                    if stage.adversary:
                        judged = method.discriminator_terms(networks, batch, faces, dtype, stage)
                        torch.autograd.backward(weighted_sum(judged, weights) / micro_batches)
                        terms |= judged
                    for name, term in terms.items():
                        seen[name] = seen[name] + term.detach() / micro_batches

                # Update.
                factor = learning_rate_factor(step, config.steps, config.optimizer)
                norm = optimizers.rotation.step(step, factor, seen)
                if stage.adversary:
                    optimizers.discriminator.step(step, factor, seen)
                done, images = step + 1, (step + 1) * config.batch_size
                networks.update_average(
                    images, config.batch_size, config.optimizer.ema_half_life_images, config.optimizer.ema_rampup
                )

                last, stopped = done == config.steps, broadcast_flag(bool(stop))
                due = config.erase_steps > 0 and (last or done % config.erase_steps == 0)
                if method.erases_pose and due and not stage.settled:
                    for rotation in (networks.rotation, networks.averaged):
                        pictures = pictures_in_batches(data, spread, target)
                        erase_pose(rotation, pictures, data.yaw_degrees[spread], None, dtype)
                    take_from_main(networks.rotation, networks.averaged)

                # Tell, save, draw: a grid that fails costs no step.
                meter.add(seen, norm)
                advance()
                if last or done % config.tick_steps == 0:
                    record = meter.tick(images)
                    if is_main():
                        say(meter.line(done, config.steps, record))
                        run.history.append(done, lr=config.optimizer.lr * factor, skipped=optimizers.skipped, **record)
                        curves(done, record)
                if last or stopped or done % config.checkpoint_steps == 0:
                    state.save(done)
                if is_main() and state.shows(done):
                    state.draw(done)
                if stopped and not last:
                    raise Interrupted(f"step {done} is saved; go on with --resume {run.path}")
        return TrainResult(run, config.steps, config.steps * config.batch_size, data.people_count, optimizers.skipped)
