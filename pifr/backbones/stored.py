"""Trained backbones on disk: which checkpoint a name means, and the network in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from pifr.backbones.config import BackboneConfig
from pifr.backbones.registry import build_backbone
from pifr.core.checkpoint import Checkpoint, latest_checkpoint, list_checkpoints, load_modules
from pifr.core.config import check_config
from pifr.core.errors import CheckpointError
from pifr.core.files import read_json
from pifr.data.spec import InputSpec

KIND = "recognizer"
"""What ``meta.json`` calls such a checkpoint."""
BEST_FOLDER = "best"
"""Folder of the checkpoint that validation chose, beside ``checkpoints``."""


@dataclass(frozen=True)
class StoredBackbone:
    """A trained backbone, on the CPU.

    Attributes:
        network: ``(B, 3, S, S) -> (B, D)``, in evaluation mode. With a DREAM block it needs yaw, or a reader of it:
            :func:`pifr.pose.attach_yaw_reader`.
        shape: How it is built.
        spec: What it takes.
        checkpoint: Where it lies.
        meta: All that its ``meta.json`` says.
    """

    network: nn.Module
    shape: BackboneConfig
    spec: InputSpec
    checkpoint: Checkpoint
    meta: dict[str, Any]


def load_backbone(name: str | Path) -> StoredBackbone:
    """Load a trained backbone.

    Args:
        name: A run folder of ``pifr train-recognizer`` (best checkpoint, else last), ``RUN@last``, or the folder of
            one checkpoint.

    Raises:
        CheckpointError: If the folder holds no recogniser.
    """
    checkpoint = find_checkpoint(str(name))
    meta = checkpoint.meta()
    if meta.get("kind") != KIND:
        raise CheckpointError("not a recogniser", where=checkpoint.path, found=repr(meta.get("kind")))
    where = f"{checkpoint.path}/meta.json"
    spec = check_config(InputSpec, meta["spec"], where)
    shape = check_config(BackboneConfig, meta["config"]["backbone"], where)
    network = build_backbone(shape, spec.size_px)
    load_modules(checkpoint.weights(), {"backbone": network}, checkpoint.path)
    return StoredBackbone(network.eval(), shape, spec, checkpoint, meta)


def find_checkpoint(name: str) -> Checkpoint:
    """Return the checkpoint that ``name`` means; see :func:`load_backbone`."""
    text, at, which = name.rpartition("@")
    path = Path(text if at and which in ("last", "best") else name)
    if (path / "meta.json").is_file():
        # Not from the folder's name: it may have been given another.
        return Checkpoint(path, int(read_json(path / "meta.json").get("step", 0)))
    if not path.is_dir():
        raise CheckpointError(
            "no such run folder", where=path, cure="name a run folder, or python:package.module:attribute"
        )
    best = list_checkpoints(path / BEST_FOLDER)
    if best and not (at and which == "last"):
        return best[-1]
    if at and which == "best":
        raise CheckpointError("this run has no best checkpoint", where=path, cure="it had no validation split")
    return latest_checkpoint(path / "checkpoints")
