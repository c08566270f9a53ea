"""Training the pose estimator: one loop, read from top to bottom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pifr.core.checkpoint import latest_checkpoint, list_checkpoints, load_modules, save_checkpoint, write_weights
from pifr.core.device import autocast, choose_device
from pifr.core.errors import TrainingError
from pifr.core.files import sha256_of_file, write_json
from pifr.core.interrupt import Interrupted, stop_on_signal
from pifr.core.progress import progress_bar, say
from pifr.core.resuming import keep_pictures, keep_recipe, record_recipe
from pifr.core.runs import RunFolder
from pifr.core.seeds import derive_seed, torch_generator
from pifr.data.spec import InputSpec
from pifr.pose.bins import PITCH_BINS, YAW_BINS
from pifr.pose.config import PoseConfig
from pifr.pose.disturbance import disturb
from pifr.pose.estimator import KIND, PoseEstimator
from pifr.pose.framing import cut_windows
from pifr.pose.network import PoseNetwork
from pifr.pose.testing import judge
from pifr.pose.training_data import PoseData, prepare_data

_PITCH_WEIGHT = 0.5
_NO_PART_OF_THE_RECIPE: Any = {
    "folder": True, "workers": True, "twin": {"people", "sessions", "recordings", "cameras", "lights", "extra"},
}  # fmt: skip
_MAY_CHANGE = frozenset({"folder", "workers", "steps", "precision", "status_every", "checkpoint_every"})


@dataclass(frozen=True)
class PoseResult:
    """A trained estimator.

    Attributes:
        run: Its folder.
        description: The JSON file beside the weights, for :meth:`PoseEstimator.load`.
        steps: Training steps done.
        figures: Errors on people never seen; see :func:`pifr.pose.testing.judge`.
    """

    run: RunFolder
    description: Path
    steps: int
    figures: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"run": str(self.run.path), "description": str(self.description), "steps": self.steps, **self.figures}

    def table(self) -> str:
        """Return a short text for the terminal."""
        lines = [f"{self.steps} steps; mean absolute error on {self.figures['people']} unseen people:"]
        for name, framing in self.figures["framings"].items():
            yaw, pitch = framing["yaw"]["mae_degrees"], framing["pitch"]["mae_degrees"]
            lines.append(f"  {name}: yaw {yaw:.2f} degrees, pitch {pitch:.2f} degrees")
        return "\n".join([*lines, f"weights: {self.description}"])


def train_pose(
    config: PoseConfig, runs: Path, resume: Path | None = None, device: str = "auto", data: PoseData | None = None
) -> PoseResult:
    """Render the training set where it is missing, and train a pose estimator on it.

    Killed at any moment and resumed on the same machine, it ends with the same weights, bit by bit.

    Args:
        config: The recipe.
        runs: Folder in which a new run folder is made.
        resume: A run folder to go on with instead.
        device: auto, cpu, cuda or cuda:N.
        data: Pictures read before; nothing is rendered then.

    Returns:
        The run, its weights and its errors on people that were not learned from.

    Raises:
        DataError: If the folder of the training set holds another set.
        ConfigError: If the recipe differs from the resumed run's.
        CheckpointError: If the resumed run was trained on other pictures.
        TrainingError: If the loss becomes non-finite.
        Interrupted: After Ctrl-C, once a checkpoint is written.
    """
    target = choose_device(device)

    # Data.
    data = prepare_data(config) if data is None else data
    angles = torch.tensor(data.angles)

    # Model.
    torch.manual_seed(derive_seed(config.seed, "weights"))
    network = PoseNetwork(config.network).to(target)
    network.to(memory_format=torch.channels_last)
    groups: list[dict[str, Any]] = [
        {"params": [parameter for parameter in network.parameters() if parameter.ndim > 1]},
        {"params": [parameter for parameter in network.parameters() if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    spec = InputSpec(size_px=config.network.size_px, template="any")

    # Run folder, and where it stopped if it did.
    run = _open_run(config, runs, resume, data)
    start = _resume(run, network, optimizer)
    if resume is not None:
        record_recipe(config, run)
    say(f"{run.path}: {len(data.train_rows)} pictures, steps {start} to {config.steps}")

    # Loop.
    network.train()
    with stop_on_signal() as stop, progress_bar("training the pose estimator", config.steps, done=start) as advance:
        for step in range(start, config.steps):
            generator = torch_generator(config.seed, "step", step)
            rows = data.rows_of_step(config.seed, step, config.batch_size)
            pictures = torch.from_numpy(data.pixels[rows]).to(target).permute(0, 3, 1, 2).float() / 255
            windows, truth = cut_windows(
                pictures, angles[rows].to(target), spec.size_px, config.augmentation, generator
            )
            images = disturb(windows, config.augmentation, generator)
            with autocast(target, config.precision):
                yaw, pitch = network(_as_input(images, spec))
            loss = YAW_BINS.loss(yaw, truth[:, 0]) + _PITCH_WEIGHT * PITCH_BINS.loss(pitch, truth[:, 1])
            if not math.isfinite(loss.item()):
                raise TrainingError("the loss is not finite", where=f"step {step}", cure="lower lr, or use float32")
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            lr = learning_rate(step, config)
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.step()

            done = step + 1
            advance(note=f"loss {loss.item():.3f}" if done % config.status_every == 0 else "")
            if done % config.status_every == 0:
                error = (YAW_BINS.mean(yaw) - truth[:, 0]).abs().mean().item()
                run.history.append(done, loss=loss.item(), yaw_mae_degrees=error, lr=lr)
            last, stopped = done == config.steps, bool(stop)  # read once: it may be set at any moment
            if last or stopped or done % config.checkpoint_every == 0:
                meta = {"kind": KIND, "config": config.model_dump(mode="json")}
                save_checkpoint(
                    run.checkpoints, done, {"network": network}, {"optimizer": optimizer.state_dict()}, meta
                )
            if stopped and not last:
                raise Interrupted(f"step {done} is saved; go on with --resume {run.path}")

    # What was learned, and how good it is.
    figures = judge(PoseEstimator(network, spec, target), data)
    description = write_estimator(run, network, spec, config, figures)
    return PoseResult(run, description, config.steps, figures)


def learning_rate(step: int, config: PoseConfig) -> float:
    """Return the rate of one step: a linear rise over a twentieth of the steps, then half a cosine down to zero."""
    rise = max(1, config.steps // 20)
    if step < rise:
        return config.lr * (step + 1) / rise
    return config.lr * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, config.steps - rise)))


def write_estimator(
    run: RunFolder, network: PoseNetwork, spec: InputSpec, config: PoseConfig, figures: dict[str, Any]
) -> Path:
    """Write weights and the JSON file that describes them, digest included; return the JSON file's path."""
    description = run.path / f"pose-{spec.size_px}.json"
    weights = description.with_suffix(".safetensors")
    environment = run.environment()
    write_weights(weights, {f"network.{name}": tensor for name, tensor in network.state_dict().items()})
    about = {
        "kind": KIND,
        "sha256": sha256_of_file(weights),
        "network": config.network.model_dump(mode="json"),
        "spec": spec.model_dump(mode="json"),
        "licence": "Apache-2.0",
        "trained_on": "rendered people only, made by the twin part of this recipe",
        "made": {
            "command": ["pifr", *environment["command"][1:]],
            **{name: environment[name] for name in ("created", "git_commit", "data_fingerprint", "processor", "gpus")},
        },
        "recipe": config.model_dump(mode="json", exclude=_NO_PART_OF_THE_RECIPE),
        "unseen_people": figures,
    }
    write_json(description, about)
    return description


def _as_input(images: Tensor, spec: InputSpec) -> Tensor:
    """Scale ``(B, 3, S, S)`` from [0, 1] as :func:`pifr.data.tensors.to_input` scales bytes."""
    return ((images * 255 - spec.mean) / spec.std).contiguous(memory_format=torch.channels_last)


def _open_run(config: PoseConfig, runs: Path, resume: Path | None, data: PoseData) -> RunFolder:
    if resume is None:
        return RunFolder.create(runs, "train-pose", config, data.fingerprint)
    run = RunFolder.open(resume)
    keep_recipe(config, run, _MAY_CHANGE)
    keep_pictures(data.fingerprint, run, "the twin of this recipe")
    return run


def _resume(run: RunFolder, network: PoseNetwork, optimizer: torch.optim.Optimizer) -> int:
    """Load the newest checkpoint if there is one; return the number of steps done."""
    if not list_checkpoints(run.checkpoints):
        run.history.truncate_after(0)
        return 0
    checkpoint = latest_checkpoint(run.checkpoints)
    load_modules(checkpoint.weights(), {"network": network}, checkpoint.path)
    optimizer.load_state_dict(checkpoint.training_state()["optimizer"])
    run.history.truncate_after(checkpoint.step)
    return checkpoint.step
