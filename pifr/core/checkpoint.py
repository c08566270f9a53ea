"""Checkpoints that resume exactly: safetensors weights, a JSON description and a weights-only training state.

A checkpoint is a folder ``checkpoints/step-00001200/`` that appears by one rename, so it is there whole
or not at all. Nothing in it is a pickle that could run code.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pifr.core.errors import CheckpointError
from pifr.core.files import TEMPORARY_MARK, atomic_path, read_json, sha256_of_file, write_json

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

_STEP = re.compile(r"^step-(\d{8})$")
_UNFINISHED = re.compile(rf"^step-\d{{8}}{re.escape(TEMPORARY_MARK)}[0-9a-f]{{8}}$")


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint on disk.

    Attributes:
        path: Its folder.
        step: Number of finished training steps.
    """

    path: Path
    step: int

    @property
    def weights_path(self) -> Path:
        """The safetensors file."""
        return self.path / "weights.safetensors"

    def meta(self) -> dict[str, Any]:
        """Read the JSON description: kind, configuration, input spec, whatever the writer put there."""
        return read_json(self.path / "meta.json")

    def weights(self) -> dict[str, Tensor]:
        """Read all tensors, on the CPU, named ``module.parameter``."""
        return read_weights(self.weights_path)

    def training_state(self) -> dict[str, Any]:
        """Read optimizer and other state; only plain containers, numbers and tensors are accepted."""
        import torch

        path = self.path / "training_state.pt"
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError as error:
            raise CheckpointError("training state is missing, so this can't be resumed", where=path) from error
        except Exception as error:
            raise CheckpointError("damaged training state", where=path, found=type(error).__name__) from error


def save_checkpoint(
    folder: Path,
    step: int,
    modules: Mapping[str, nn.Module],
    training_state: Mapping[str, Any],
    meta: Mapping[str, Any],
    keep_last: int = 2,
) -> Checkpoint:
    """Write a checkpoint whole, then drop the oldest ones. What a killed write left behind is removed first.

    Args:
        folder: The run's ``checkpoints`` folder.
        step: Number of finished training steps.
        modules: Modules by name; their tensors are stored as ``name.parameter``.
        training_state: Optimizer states and the like: nested dicts and lists of numbers, strings, tensors.
        meta: JSON-ready description; ``step`` is added.
        keep_last: How many checkpoints stay on disk.

    Raises:
        PifrError: If the disk is full.
    """
    import torch

    path = Path(folder) / f"step-{step:08d}"
    _remove_unfinished(path.parent)
    with atomic_path(path, replace_folder=True) as temporary:  # a run that goes on may come to a step again
        temporary.mkdir(parents=True)
        write_weights(temporary / "weights.safetensors", module_tensors(modules))
        # Through a stream of Python's, since torch's own hides why a write failed.
        with open(temporary / "training_state.pt", "wb") as stream:
            torch.save(dict(training_state), stream)
        write_json(temporary / "meta.json", {**meta, "step": step})
    for old in list_checkpoints(folder)[:-keep_last]:
        shutil.rmtree(old.path, ignore_errors=True)
    return Checkpoint(path, step)


def list_checkpoints(folder: Path) -> list[Checkpoint]:
    """Return complete checkpoints, oldest first. Nothing is deleted: a training may be writing the next one."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    found = [Checkpoint(child, int(match[1])) for child in folder.iterdir() if (match := _STEP.match(child.name))]
    return sorted(found, key=lambda checkpoint: checkpoint.step)


def _remove_unfinished(folder: Path) -> None:
    """Delete what killed writes left; for the one process that writes here, since to others it may be under way."""
    if folder.is_dir():
        for child in folder.iterdir():
            if _UNFINISHED.match(child.name):
                shutil.rmtree(child, ignore_errors=True)


def latest_checkpoint(folder: Path) -> Checkpoint:
    """Return the newest complete checkpoint.

    Raises:
        CheckpointError: If there is none.
    """
    checkpoints = list_checkpoints(folder)
    if not checkpoints:
        raise CheckpointError("no checkpoint in this folder", where=folder, cure="train it, or name another run")
    return checkpoints[-1]


def module_tensors(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Collect the state of several modules under ``name.parameter``."""
    return {f"{name}.{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}


def load_modules(weights: Mapping[str, Tensor], modules: Mapping[str, nn.Module], where: Path) -> None:
    """Load ``name.parameter`` tensors into modules, strictly.

    Raises:
        CheckpointError: If a tensor is missing, left over for a named module, or of another shape.
    """
    for name, module in modules.items():
        prefix = f"{name}."
        state = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
        try:
            module.load_state_dict(state, strict=True)
        except RuntimeError as error:
            first = str(error).split("\n\t")[1] if "\n\t" in str(error) else str(error)
            raise CheckpointError(
                f"the weights of {name!r} don't fit this model", where=where, found=first,
                cure="use the configuration they were trained with",
            ) from error  # fmt: skip


def write_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors as safetensors, contiguous and unshared, whole or not at all."""
    from safetensors.torch import save_file

    unshared = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(unshared, temporary, metadata=dict(metadata or {}))


def read_weights(path: Path, sha256: str | None = None) -> dict[str, torch.Tensor]:
    """Read a safetensors file onto the CPU.

    Args:
        path: The file.
        sha256: Expected digest; checked when given.

    Raises:
        CheckpointError: If the file is missing, damaged or has another digest.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    if not path.is_file():
        raise CheckpointError("weights file not found", where=path, cure="check the path")
    if sha256 is not None and (found := sha256_of_file(path)) != sha256:
        raise CheckpointError("the weights are not the ones expected", where=path, found=f"SHA-256 {found[:12]}…")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError("damaged weights file", where=path, found=str(error)) from error
