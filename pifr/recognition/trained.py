"""Recognisers trained by this package, as embedders."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor, nn

from pifr.backbones import DreamBackbone, load_backbone
from pifr.core.device import TrainingPrecision, autocast, choose_device
from pifr.core.files import sha256_of_file
from pifr.data.spec import InputSpec
from pifr.data.tensors import to_input
from pifr.pose import attach_yaw_reader


class TrainedEmbedder:
    """A trained backbone in evaluation mode.

    Attributes:
        takes_yaw: Whether the backbone has a DREAM block that prefers the manifest's yaw to an estimate.

    Args:
        backbone: The network.
        spec: What it takes.
        name: What to call it.
        sha256: Digest of its weights file.
        device: Where it runs.
        precision: Number format of the forward pass.
        training_people: Names of the people it learned from, so that a benchmark can refuse to test them.
        training_folders: What tells their data set from others, see :func:`~pifr.data.seen.data_folders`.
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
        self.takes_yaw = isinstance(backbone, DreamBackbone) and backbone.config.yaw == "manifest"

    def __call__(self, pixels: np.ndarray, yaw_degrees: np.ndarray | None = None) -> np.ndarray:
        """Embed pictures.

        Args:
            pixels: ``(N, S, S, 3)`` uint8 RGB.
            yaw_degrees: ``(N,)`` known yaws for an embedder that ``takes_yaw``, NaN where unknown; what is unknown is
                estimated.

        Returns:
            ``(N, D)`` float32, not normalised.
        """
        given: tuple[Tensor, ...] = ()
        if self.takes_yaw and yaw_degrees is not None:
            given = (torch.from_numpy(np.asarray(yaw_degrees, dtype=np.float32)).to(self.device),)
        was_training = self.backbone.training
        self.backbone.eval()
        with torch.inference_mode(), autocast(self.device, self.precision):
            embeddings = self.backbone(to_input(pixels, self.spec, self.device), *given)
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
    sha256, estimator = sha256_of_file(stored.checkpoint.weights_path), attach_yaw_reader(stored.network, stored.spec)
    if estimator:  # the same weights behind another estimator of yaw give other vectors
        sha256 = hashlib.sha256(f"{sha256} {estimator}".encode()).hexdigest()
    return TrainedEmbedder(
        stored.network.to(target), stored.spec, run.name, sha256, target,
        training_people=frozenset(stored.meta.get("subjects", ())),
        training_folders=frozenset(stored.meta.get("data_folders", ())),
    )  # fmt: skip
