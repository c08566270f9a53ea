"""Training a recogniser: one loop, read from top to bottom."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from pifr.backbones import build_backbone
from pifr.core.device import autocast, choose_device
from pifr.core.distributed import broadcast_flag, is_main, process_group, rank, world_size, wrap
from pifr.core.errors import ConfigError
from pifr.core.interrupt import Interrupted, stop_on_signal
from pifr.core.progress import progress_bar, say
from pifr.core.seeds import derive_seed, seed_step, torch_generator
from pifr.data.tensors import to_input
from pifr.pose import attach_yaw_reader
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.embedders import embed_manifest
from pifr.recognition.losses import create_loss
from pifr.recognition.optimization import GuardedStep, build_optimizer, learning_rate, set_learning_rate
from pifr.recognition.result import RecognizerResult
from pifr.recognition.run_state import RunState, open_run
from pifr.recognition.sampling import PersonBatches
from pifr.recognition.trained import TrainedEmbedder
from pifr.recognition.training_data import fetched_ahead, open_pixels_once, read_training_data
from pifr.recognition.transforms import transform_batch
from pifr.recognition.validation import validation_figures
from pifr.recognition.yaws import known_yaws


def train_recognizer(
    config: RecognizerConfig, runs: Path, resume: Path | None = None, device: str = "auto"
) -> RecognizerResult:
    """Train a backbone with a metric loss on person-balanced batches.

    Killed at any moment and resumed on the same machine, it ends with the same weights, bit by bit. Started by
    ``torchrun`` it trains one model on all processes.

    Args:
        config: The recipe.
        runs: Folder in which a new run folder is made.
        resume: A run folder to go on with instead.
        device: auto, cpu, cuda or cuda:N.

    Returns:
        The run and the figures of its best checkpoint.

    Raises:
        DataError: If the manifests can't be used; see :func:`read_training_data`.
        ConfigError: If the recipe can't be used, or differs from the resumed run's.
        CheckpointError: If there is nothing to resume, or the run was trained on other pictures.
        TrainingError: If gradients stay non-finite.
        Interrupted: After Ctrl-C, once a checkpoint is written.
    """
    target = choose_device(device)
    with process_group(target), stop_on_signal() as stop:
        if config.batch.people % world_size():
            raise ConfigError(
                "batch.people must be a multiple of the number of processes", where="batch.people",
                found=f"{config.batch.people} for {world_size()}",
            )  # fmt: skip

        # Data.
        data = read_training_data(config)
        store = open_pixels_once(data.train, config.size_px)
        batches = PersonBatches(
            data.labels, data.generated, config.batch.people, config.batch.pictures, config.batch.generated_share,
            config.seed,
        )  # fmt: skip

        # Model. Every process draws the same weights.
        torch.manual_seed(derive_seed(config.seed, "weights"))
        shape = config.backbone
        backbone = build_backbone(shape, config.size_px)
        attach_yaw_reader(backbone, data.spec)
        loss = create_loss(config.loss.name, len(data.people), shape.embedding_dim, **config.loss.parameters())
        modules = {"backbone": backbone.to(target), "loss": loss.to(target)}
        optimizer = build_optimizer(modules, config.optimization)
        guard = GuardedStep(optimizer, modules, config.optimization)

        # Run folder, and where it stopped if it did.
        run = open_run(config, runs, resume, data)
        state = RunState(run, config, data, modules, optimizer, guard)
        start = state.resume() if resume is not None else 0
        embed, judge = wrap(modules["backbone"], target), wrap(modules["loss"], target)
        validator = TrainedEmbedder(modules["backbone"], data.spec, "validation", "", target, config.precision)
        say(f"{run.path}: {len(data.train)} pictures of {len(data.people)} people, steps {start} to {config.steps}")

        yaws = known_yaws(shape, data.train)

        def fetch(step: int) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
            rows = batches.rows(step, rank(), world_size())
            return torch.from_numpy(store[rows]), torch.from_numpy(data.labels[rows]), [yaw[rows] for yaw in yaws]

        # Loop.
        modules["backbone"].train()
        pictures, clock = 0, time.perf_counter()
        with progress_bar("training the recogniser", config.steps, done=start) as advance:
            for step, (pixels, labels, known) in fetched_ahead(fetch, start, config.steps):
                seed_step(config.seed, step, rank())
                generator = torch_generator(config.seed, "transforms", step, rank())
                images = transform_batch(to_input(pixels, data.spec, target), config.transforms, generator)
                with autocast(target, config.precision):
                    embeddings = embed(images, *(yaw.to(target) for yaw in known))
                value = judge(embeddings, labels.to(target, non_blocking=True))
                value.backward()
                lr = learning_rate(step, config.steps, config.optimization)
                set_learning_rate(optimizer, lr)
                norm = guard(step)

                done = step + 1
                pictures += len(pixels) * world_size()
                advance(note=f"loss {value.item():.3f}" if done % config.intervals.status == 0 else "")
                if is_main() and done % config.intervals.status == 0:
                    speed = pictures / (time.perf_counter() - clock)
                    run.history.append(
                        done, loss=value.item(), lr=lr, gradient_norm=norm, pictures_per_second=round(speed, 1),
                        skipped=guard.skipped,
                    )  # fmt: skip
                last = done == config.steps
                if is_main() and data.validation is not None and (last or done % config.intervals.validation == 0):
                    embedded = embed_manifest(validator, data.validation)
                    figures = validation_figures(embedded.vectors, embedded.failed, data.validation)
                    state.keep_if_best(done, figures)
                    run.history.append(done, validation_rank1=figures.rank1, validation_eer=figures.eer)
                    say(f"step {done}: validation rank-1 {100 * figures.rank1:.1f} %, EER {100 * figures.eer:.1f} %")
                stopped = broadcast_flag(bool(stop))
                if last or stopped or done % config.intervals.checkpoint == 0:
                    state.save(done)
                if stopped and not last:
                    raise Interrupted(f"step {done} is saved; go on with --resume {run.path}")
        return RecognizerResult(
            run, config.steps, len(data.people), len(data.train), state.best, state.best_step, guard.skipped
        )
