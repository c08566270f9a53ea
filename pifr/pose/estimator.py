"""Estimating yaw and pitch with shipped or own weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pifr.core.config import check_config
from pifr.core.errors import CheckpointError, DataError, PifrError
from pifr.core.files import read_json
from pifr.data.manifest import Manifest
from pifr.data.pictures import resize_picture
from pifr.data.spec import InputSpec
from pifr.pose.config import NetworkConfig

if TYPE_CHECKING:
    import torch

    from pifr.pose.network import PoseNetwork

SHIPPED = Path(__file__).parent / "weights" / "pose-64.json"
"""Description of the weights that come with the package; the weights lie beside it."""
KIND = "pose-estimator"
_BATCH = 256


@dataclass(frozen=True)
class PoseEstimates:
    """Poses of pictures, in degrees.

    Attributes:
        yaw_degrees: ``(N,)``, positive when the nose points to the picture's right.
        pitch_degrees: ``(N,)``, positive when it points up.
        yaw_spread_degrees: ``(N,)`` how unsure the estimate is: the width of the distribution over yaw beyond that
            of the labels it learned from. A second guess far away and a mirror image that says otherwise widen it.
        pitch_spread_degrees: ``(N,)`` likewise.
    """

    yaw_degrees: np.ndarray
    pitch_degrees: np.ndarray
    yaw_spread_degrees: np.ndarray
    pitch_spread_degrees: np.ndarray

    def __len__(self) -> int:
        return len(self.yaw_degrees)


class PoseEstimator:
    """A network with its weights.

    Args:
        network: On its device; set to evaluation mode.
        spec: What it takes.
        device: Where it runs.
        sha256: Digest of the weights; empty for a network still in training.
    """

    def __init__(self, network: PoseNetwork, spec: InputSpec, device: torch.device, sha256: str = "") -> None:
        self.network, self.spec, self.device, self.sha256 = network.eval(), spec, device, sha256

    @classmethod
    def load(cls, description: Path | str = SHIPPED, device: str = "auto") -> PoseEstimator:
        """Load weights and check their digest.

        Args:
            description: The JSON file beside the weights; by default the shipped one.
            device: auto, cpu, cuda or cuda:N.

        Raises:
            CheckpointError: If a file is missing, damaged, of another kind, or does not fit its digest.
        """
        from pifr.core.checkpoint import load_modules, read_weights
        from pifr.core.device import choose_device
        from pifr.pose.network import PoseNetwork

        description = Path(description)
        about = _read_description(description)
        target = choose_device(device)
        network = PoseNetwork(check_config(NetworkConfig, about["network"], str(description)))
        weights = read_weights(description.with_suffix(".safetensors"), sha256=about["sha256"])
        load_modules(weights, {"network": network}, description)
        spec = check_config(InputSpec, about["spec"], str(description))
        return cls(network.to(target), spec, target, about["sha256"])

    def __call__(self, pixels: np.ndarray) -> PoseEstimates:
        """Estimate the poses of square pictures.

        Each picture is seen as it is and mirrored, so a mirrored picture has exactly the negative yaw.

        Args:
            pixels: ``(N, S, S, 3)`` uint8 RGB faces, cut out in any of the usual ways; resized where needed.

        Raises:
            DataError: If the array has another shape or type.
        """
        import torch

        from pifr.data.tensors import to_input
        from pifr.pose.bins import PITCH_BINS, YAW_BINS

        shape = pixels.shape  # no ndim, which a store of pictures decoded as they are asked for does not have
        if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3 or pixels.dtype != np.uint8:
            raise DataError("poses are estimated of uint8 pictures (N, S, S, 3)", found=f"{pixels.dtype} {shape}")
        rows = []
        for start in range(0, len(pixels), _BATCH):
            resized = np.stack([resize_picture(one, self.spec.size_px) for one in pixels[start : start + _BATCH]])
            images = to_input(resized, self.spec, self.device)
            with torch.inference_mode():
                yaw, pitch = (scores.float().softmax(1) for scores in self.network(images))
                mirrored_yaw, mirrored_pitch = (scores.float().softmax(1) for scores in self.network(images.flip(-1)))
            rows.append([*YAW_BINS.decode((yaw + mirrored_yaw.flip(1)) / 2),
                         *PITCH_BINS.decode((pitch + mirrored_pitch) / 2)])  # fmt: skip
        columns = [torch.cat(parts).cpu().numpy() for parts in zip(*rows, strict=True)] or [np.empty(0)] * 4
        yaw_degrees, yaw_spread, pitch_degrees, pitch_spread = columns
        return PoseEstimates(yaw_degrees, pitch_degrees, yaw_spread, pitch_spread)


def estimate_pose(
    pictures: Manifest | np.ndarray, estimator: PoseEstimator | None = None, device: str = "auto"
) -> PoseEstimates:
    """Estimate yaw and pitch of every picture.

    The network has only seen rendered people. It takes faces that fill a third to all of the picture's height, not
    whole scenes, and yaws from -90 to 90 degrees.

    Args:
        pictures: A manifest of square pictures, or ``(N, S, S, 3)`` uint8 RGB.
        estimator: Another one than the shipped.
        device: auto, cpu, cuda or cuda:N; unused where an estimator is given.

    Raises:
        DataError: If a picture is missing, damaged or not square; the message names its row.
        CheckpointError: If the weights are missing or damaged.
    """
    estimator = estimator or shipped_estimator(device)
    if isinstance(pictures, Manifest):
        from pifr.data.pixels import open_pixels

        return estimator(open_pixels(pictures, estimator.spec.size_px).images)
    return estimator(pictures)


@lru_cache(maxsize=2)
def shipped_estimator(device: str) -> PoseEstimator:
    """Return the estimator that comes with the package, loaded once."""
    return PoseEstimator.load(SHIPPED, device)


def _read_description(path: Path) -> dict[str, Any]:
    try:
        about = read_json(path)
    except PifrError as error:
        raise CheckpointError(error.what, where=path, found=error.found, cure="install the package again") from error
    if not isinstance(about, dict) or about.get("kind") != KIND or not {"sha256", "network", "spec"} <= set(about):
        raise CheckpointError("this describes no pose estimator", where=path, cure="name the .json file of one")
    return about
