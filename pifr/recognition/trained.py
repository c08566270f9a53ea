"""Recognisers trained by this package, as embedders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from pifr.core.checkpoint import Checkpoint, latest_checkpoint, list_checkpoints, load_modules
from pifr.core.config import check_config
from pifr.core.device import Precision, autocast, choose_device
from pifr.core.errors import CheckpointError
from pifr.core.files import sha256_of_file
from pifr.data.spec import InputSpec
from pifr.data.tensors import to_input
from pifr.recognition.backbones import create_backbone
from pifr.recognition.config import BackboneConfig

KIND = "recognizer"
"""What ``meta.json`` calls such a checkpoint."""
BEST_FOLDER = "best"
"""Folder of the checkpoint that validation chose, beside ``checkpoints``."""


class TrainedEmbedder:
    """A trained backbone in evaluation mode.

    Args:
        backbone: The network.
        spec: What it takes.
        name: What to call it.
        sha256: Digest of its weights file.
        device: Where it runs.
        precision: Number format of the forward pass.
        training_people: Names of the people it learned from, so that a benchmark can refuse to test them.
        training_folders: Folders of the manifests those names belong to.
    """

    def __init__(
        self,
        backbone: nn.Module,
        spec: InputSpec,
        name: str,
        sha256: str,
        device: torch.device,
        precision: Precision = "auto",
        training_people: frozenset[str] = frozenset(),
        training_folders: frozenset[str] = frozenset(),
    ) -> None:
        self.backbone, self.spec, self.name, self.sha256 = backbone, spec, name, sha256
        self.device, self.precision = device, precision
        self.training_people, self.training_folders = training_people, training_folders

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Embed ``(N, S, S, 3)`` uint8 RGB pictures as ``(N, D)`` float32, not normalised."""
        was_training = self.backbone.training
        self.backbone.eval()
        with torch.inference_mode(), autocast(self.device, self.precision):
            embeddings = self.backbone(to_input(pixels, self.spec, self.device))
        self.backbone.train(was_training)
        vectors: np.ndarray = embeddings.float().cpu().numpy()
        return vectors


def load_trained(name: str, device: str = "auto") -> TrainedEmbedder:
    """Load a recogniser.

    Args:
        name: A run folder (best checkpoint, else last), ``RUN@last``, or the folder of one checkpoint.
        device: auto, cpu, cuda or cuda:N.

    Raises:
        CheckpointError: If the folder holds no recogniser.
    """
    checkpoint = find_checkpoint(name)
    meta = checkpoint.meta()
    if meta.get("kind") != KIND:
        raise CheckpointError("not a recogniser", where=checkpoint.path, found=repr(meta.get("kind")))
    where = f"{checkpoint.path}/meta.json"
    spec = check_config(InputSpec, meta["spec"], where)
    shape = check_config(BackboneConfig, meta["config"]["backbone"], where)
    target = choose_device(device)
    backbone = create_backbone(shape.name, spec.size_px, shape.embedding_dim, shape.width, shape.dropout)
    load_modules(checkpoint.weights(), {"backbone": backbone}, checkpoint.path)
    run = checkpoint.path.resolve().parent.parent
    return TrainedEmbedder(
        backbone.to(target).eval(), spec, run.name, sha256_of_file(checkpoint.weights_path), target,
        training_people=frozenset(meta.get("subjects", ())), training_folders=frozenset(meta.get("data_folders", ())),
    )  # fmt: skip


def find_checkpoint(name: str) -> Checkpoint:
    """Return the checkpoint that ``name`` means; see :func:`load_trained`."""
    text, at, which = name.rpartition("@")
    path = Path(text if at and which in ("last", "best") else name)
    if (path / "meta.json").is_file():
        return Checkpoint(path, int(path.name.rpartition("-")[2]))
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
