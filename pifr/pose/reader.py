"""Yaw read inside another network's forward pass, from the tensor that network sees."""

from __future__ import annotations

import copy

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from pifr.backbones import DreamBackbone
from pifr.data.spec import InputSpec
from pifr.pose.bins import YAW_BINS
from pifr.pose.estimator import PoseEstimator, shipped_estimator

_DARKEST, _BRIGHTEST = 0.0, 255.0


class YawReader(nn.Module):
    """The pose estimator's yaw of pictures scaled for another network, as :class:`PoseEstimator` tells it.

    Resizing is a product with Pillow's own Lanczos weights, so it is the same in every runtime a network may be
    exported to. What differs from the estimator is that pixels are not rounded after resizing. No gradient flows.

    Args:
        estimator: Network and input spec.
        spec: What the pictures look like.
    """

    resize: Tensor

    def __init__(self, estimator: PoseEstimator, spec: InputSpec) -> None:
        super().__init__()
        self.network, self.sha256 = copy.deepcopy(estimator.network), estimator.sha256
        self.pictures, self.wanted = spec, estimator.spec
        self.register_buffer("resize", lanczos_weights(spec.size_px, estimator.spec.size_px))
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> YawReader:
        """Stay in evaluation mode, whatever is trained around it."""
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        """Return yaw ``(B,)`` in degrees of ``(B, 3, S, S)`` in the spec's scale and channel order."""
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            return self.to(images.device).plain(images.float())

    def plain(self, images: Tensor) -> Tensor:
        """Do what :meth:`forward` does without its guards, which exporters can't write down."""
        faces = self._faces(images)
        share, mirrored = (self.network(view)[0].softmax(1) for view in (faces, faces.flip(-1)))
        return YAW_BINS.decode((share + mirrored.flip(1)) / 2)[0]

    def _faces(self, images: Tensor) -> Tensor:
        pixels = images * self.pictures.std + self.pictures.mean
        if self.pictures.channels != self.wanted.channels:
            pixels = pixels.flip(1)
        if self.pictures.size_px != self.wanted.size_px:
            pixels = (self.resize @ pixels @ self.resize.T).clamp(_DARKEST, _BRIGHTEST)
        return (pixels - self.wanted.mean) / self.wanted.std


def attach_yaw_reader(network: nn.Module, spec: InputSpec, estimator: PoseEstimator | None = None) -> str:
    """Let a backbone with a DREAM block estimate yaw where it is not told; others are left alone.

    Args:
        network: Any backbone.
        spec: What its pictures look like.
        estimator: Another than the shipped one.

    Returns:
        Digest of the estimator's weights, since embeddings now depend on them; empty without a DREAM block.
    """
    if not isinstance(network, DreamBackbone):
        return ""
    reader = YawReader(estimator or shipped_estimator("cpu"), spec)
    network.attach(reader)
    return reader.sha256


def lanczos_weights(inputs: int, outputs: int) -> Tensor:
    """Return the matrix ``(outputs, inputs)`` by which Pillow's Lanczos filter resizes a line of pixels."""
    columns = Image.fromarray(np.eye(inputs, dtype=np.float32)).resize((inputs, outputs), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(columns))
