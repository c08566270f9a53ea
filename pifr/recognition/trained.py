"""Recognisers trained by this package, as embedders."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from pifr.backbones import load_backbone
from pifr.core.device import TrainingPrecision, autocast, choose_device
from pifr.core.files import sha256_of_file
from pifr.data.spec import InputSpec
from pifr.data.tensors import to_input


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
        precision: TrainingPrecision = "auto",
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
    stored, target = load_backbone(name), choose_device(device)
    run = stored.checkpoint.path.resolve().parent.parent
    return TrainedEmbedder(
        stored.network.to(target), stored.spec, run.name, sha256_of_file(stored.checkpoint.weights_path), target,
        training_people=frozenset(stored.meta.get("subjects", ())),
        training_folders=frozenset(stored.meta.get("data_folders", ())),
    )  # fmt: skip
