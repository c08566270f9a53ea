"""Training a recogniser: one loop, read from top to bottom."""

from __future__ import annotations

from pathlib import Path

import torch

from pifr.core.device import autocast, choose_device, gradient_scaler
from pifr.core.distributed import broadcast_flag, is_main, mean_over_ranks, process_group, synchronised, world_size
from pifr.core.interrupt import Interrupted, stop_on_signal
from pifr.core.memory import keep_freed_memory
from pifr.core.progress import progress_bar, say
from pifr.core.resuming import record_recipe
from pifr.core.seeds import seed_step
from pifr.core.tensorboard import open_tensorboard
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.embedders import embed_manifest
from pifr.recognition.meter import Meter
from pifr.recognition.model import head_memory
from pifr.recognition.optimization import GuardedStep, build_optimizer, learning_rate, set_learning_rate
from pifr.recognition.preparation import prepare
from pifr.recognition.result import RecognizerResult
from pifr.recognition.run_state import RunState, open_run
from pifr.recognition.trained import TrainedEmbedder
from pifr.recognition.training_data import fetched_ahead
from pifr.recognition.validation import validation_figures
from pifr.recognition.weighting import set_weights


def train_recognizer(
    config: RecognizerConfig,
    runs: Path,
    resume: Path | None = None,
    device: str = "auto",
    tensorboard: bool = False,
) -> RecognizerResult:
    """Train a backbone with a metric loss on person-balanced batches.

    Killed at any moment and resumed on the same machine, it ends with the same weights, bit by bit. Started by
    ``torchrun`` it trains one model on all processes; with another number of them it goes on with the same batches.

    Args:
        config: The recipe.
        runs: Folder in which a new run folder is made.
        resume: A run folder to go on with instead.
        device: auto, cpu, cuda or cuda:N.
        tensorboard: Write curves to ``tensorboard/`` in the run folder too.

    Returns:
        The run and the figures of its best checkpoint.

    Raises:
        DataError: If the manifests can't be used; see :func:`read_training_data`.
        ConfigError: If the recipe can't be used, or differs from the resumed run's.
        CheckpointError: If there is nothing to resume, or the run was trained on other pictures.
        DependencyError: If an optional package is missing.
        TrainingError: If gradients stay non-finite.
        Interrupted: After Ctrl-C, once a checkpoint is written.
    """
    target = choose_device(device)
    keep_freed_memory()
    with process_group(target), stop_on_signal() as stop:
        # Data, model, and views on the fly.
        prepared = prepare(config, resume, target, tensorboard)
        data, model, batches, views = prepared.data, prepared.model, prepared.batches, prepared.batches.views
        parts = world_size() * config.batch.accumulate
        optimizer = build_optimizer(model.trained(), config.optimization)
        scaler = gradient_scaler(target, config.precision)
        guard = GuardedStep(optimizer, model.trained(), config.optimization, scaler)
        validator = TrainedEmbedder(model.finished, data.spec, "validation", "", target, config.precision)

        # Run folder, and where it stopped if it did.
        run = open_run(config, runs, resume, data)
        state = RunState(run, config, data, model, optimizer, guard, views.rotator.sha256 if views else "")
        start = state.resume() if resume is not None else 0
        if resume is not None:
            record_recipe(config, run)
        embed, judge = model.networks(config, target)
        say(f"{run.path}: {len(data.train)} pictures of {len(data.people)} people, steps {start} to {config.steps}")
        say(head_memory(model.loss, optimizer, batches.size // parts))

        # Loop.
        model.training_mode()
        meter, curves_folder = Meter(), run.path / "tensorboard" if tensorboard else None
        with (
            open_tensorboard(curves_folder, start + 1) as curves,
            progress_bar("training the recogniser", config.steps, done=start) as advance,
        ):
            for step, mine in meter.waited_for(fetched_ahead(batches.of_step, start, config.steps)):
                total = torch.zeros((), device=target)
                for batch in mine:
                    seed_step(config.seed, step, batch.part)
                    images = batches.images(batch, target)
                    set_weights(model.loss, batch.weights, target)
                    with synchronised((embed, judge), wanted=batch is mine[-1]):
                        with autocast(target, config.precision):
                            embeddings = embed(images, batch.real, batch.known_yaws(target))
                        value = judge(embeddings, batch.labels.to(target, non_blocking=True)) / len(mine)
                        scaler.scale(value).backward()
                    total = total + value.detach()
                lr = learning_rate(step, config.steps, config.optimization)
                set_learning_rate(optimizer, lr)
                norm = guard(step)
                done = step + 1
                model.average(done, config.optimization.ema_half_life_steps)

                # Tell, validate, save.
                meter.pictures += batches.size
                tells, last = done % config.intervals.status == 0, done == config.steps
                shown = float(mean_over_ranks(total)) if tells else 0.0
                advance(note=f"loss {shown:.3f}" if tells else "")
                if is_main() and tells:
                    record = {"loss": shown, "lr": lr, "gradient_norm": norm, "skipped": guard.skipped}
                    record |= meter.record()
                    run.history.append(done, **record)
                    curves(done, record)
                if is_main() and data.validation is not None and (last or done % config.intervals.validation == 0):
                    embedded = embed_manifest(validator, data.validation)
                    figures = validation_figures(embedded.vectors, embedded.failed, data.validation)
                    state.keep_if_best(done, figures)
                    run.history.append(done, **figures.flat())
                    curves(done, figures.flat())
                    say(f"step {done}: validation {figures}")
                    model.training_mode()
                stopped = broadcast_flag(bool(stop))
                if last or stopped or done % config.intervals.checkpoint == 0:
                    state.save(done)
                if stopped and not last:
                    raise Interrupted(f"step {done} is saved; go on with --resume {run.path}")
        return RecognizerResult(
            run, config.steps, len(data.people), len(data.train), state.best, state.best_step, guard.skipped
        )
