"""The last part of a training: both codes are cleaned for good, and the generator gets used to them.

While encoders learn, whatever was cleaned creeps back within a few hundred steps. So for the last steps they rest: pose
is erased from identity codes, learned from many people (:mod:`ipgan.erasure`); of the pose code only those directions
stay that tell poses rather than people; then the generator and the discriminator go on alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ipgan.batch import pictures_in_batches, rows_over_the_manifest
from ipgan.blocks import EqualLinear
from ipgan.generator import Generator
from ipgan.methods.ipgan import IPGANRotation
from ipgan.networks import Networks
from ipgan.pose_erasure import erase_pose
from ipgan.training_data import TrainingData
from pifr.core.progress import say

_PICTURES = 40_000
_YAW_BIN_DEGREES = 7.5
_LEAST_RATIO = 50.0
_LEAST_KEPT = 2


class PoseDirections(NamedTuple):
    """A change of the pose code's axes: ``p -> matrix (p - mean)``.

    Attributes:
        matrix: ``(P, P)``, one direction a row, those that tell poses best first; all vary by 1.
        mean: ``(P,)``.
        kept: How many directions stay; the others tell people and are dropped.
        ratios: ``(P,)`` variance between poses over variance between people, falling.
    """

    matrix: np.ndarray
    mean: np.ndarray
    kept: int
    ratios: np.ndarray


def pose_directions(codes: np.ndarray, people: np.ndarray, yaw_degrees: np.ndarray) -> PoseDirections:
    """Find the directions of pose codes in which poses differ and people do not.

    They solve ``S_pose v = ratio S_people v`` as in Fisher's discriminant (R. A. Fisher, 1936). Where all yaws are
    known, S_pose is the covariance of the mean codes of the yaw bins, else that of the codes within people; S_people
    is the covariance of people's mean codes, taken after the bins' means where those are known.

    Args:
        codes: ``(N, P)``.
        people: ``(N,)`` 0..K-1.
        yaw_degrees: ``(N,)``, NaN where unknown.
    """
    mean = codes.mean(axis=0)
    centred = (codes - mean).astype(np.float64)
    total = centred.T @ centred / len(centred)
    if np.isfinite(yaw_degrees).all():
        bins = np.unique(np.round(yaw_degrees / _YAW_BIN_DEGREES), return_inverse=True)[1]
        of_pose = _group_means(centred, bins)[bins]
        of_people = _group_means(centred - of_pose, people)[people]
    else:
        of_people = _group_means(centred, people)[people]
        of_pose = centred - of_people
    between_people = of_people.T @ of_people / len(centred) + 1e-3 * np.trace(total) / len(total) * np.eye(len(total))
    values, vectors = np.linalg.eigh(between_people)
    whiten = vectors / np.sqrt(values)
    ratios, rotation = np.linalg.eigh(whiten.T @ (of_pose.T @ of_pose / len(centred)) @ whiten)
    directions = (whiten @ rotation[:, ::-1]).T
    spread = np.sqrt(np.einsum("ij,jk,ik->i", directions, total, directions))
    ratios = ratios[::-1]
    kept = max(min(_LEAST_KEPT, len(ratios)), int((ratios >= _LEAST_RATIO).sum()))
    return PoseDirections(directions / spread[:, None], mean, kept, ratios)


def settle(networks: Networks, data: TrainingData, dtype: torch.dtype, device: torch.device) -> PoseDirections:
    """Clean both codes of the averaged networks, and go on from these.

    Args:
        networks: Trained networks; changed.
        data: Training pictures.
        dtype: Number format of the networks.
        device: Where they live.

    Returns:
        What became of the pose code.
    """
    rows = rows_over_the_manifest(data, _PICTURES)
    averaged = networks.averaged
    assert isinstance(averaged, IPGANRotation)  # no other method has a settled stage
    poser = averaged.pose_encoder
    with torch.no_grad():
        posteriors = [poser(images.to(dtype)) for images in pictures_in_batches(data, rows, device)]
    codes = torch.cat([posterior.mean for posterior in posteriors]).cpu().numpy()
    variance = torch.cat([posterior.log_variance for posterior in posteriors]).exp().mean(dim=0)
    directions = pose_directions(codes, data.people[rows], data.yaw_degrees[rows])
    pictures = pictures_in_batches(data, rows, device)
    erase_pose(averaged, pictures, data.yaw_degrees[rows], data.conditions[rows], dtype)
    change_pose_axes(averaged, directions, variance)
    networks.rotation.load_state_dict(averaged.state_dict())
    say(f"the encoders rest from now on; {directions.kept} of {len(directions.mean)} directions of the pose code stay")
    return directions


@torch.no_grad()
def change_pose_axes(rotation: IPGANRotation, directions: PoseDirections, variance: Tensor) -> None:
    """Fold new axes into the weights: faces stay as they are, but for what the dropped directions did to them.

    Args:
        rotation: Networks; changed.
        directions: The axes.
        variance: ``(P,)`` mean variance of the posterior on the old axes; on the new ones it is the same for all
            pictures.
    """
    head, device = rotation.pose_encoder.head, variance.device
    matrix = torch.from_numpy(directions.matrix).float().to(device)
    mean = torch.from_numpy(directions.mean).float().to(device)
    back = torch.linalg.inv(matrix.double()).float()
    dropped = torch.arange(len(matrix), device=device) >= directions.kept
    weight, bias = head.weight[: len(matrix)], head.bias[: len(matrix)]
    head.weight[: len(matrix)] = (matrix @ weight).masked_fill(dropped[:, None], 0)
    head.bias[: len(matrix)] = (matrix @ (bias - mean)).masked_fill(dropped, 0)
    head.weight[len(matrix) :] = 0
    head.bias[len(matrix) :] = (matrix.square() @ variance).log().masked_fill(dropped, 0)
    generator = rotation.generator
    assert isinstance(generator, Generator)
    layers = [generator.mapping[0], generator.first, rotation.pose_encoder.yaw_head]
    if generator.flow is not None:
        layers.append(generator.flow.pose)
    for layer in layers:
        assert isinstance(layer, EqualLinear)
        columns = layer.weight[:, -len(matrix) :]
        layer.bias.add_(columns @ mean, alpha=layer.scale)
        layer.weight[:, -len(matrix) :] = (columns @ back).masked_fill(dropped, 0)


def rest_encoders(networks: Networks) -> None:
    """Keep both encoders as they are from now on."""
    rotation = networks.rotation
    assert isinstance(rotation, IPGANRotation)
    rotation.identity_encoder.requires_grad_(False)
    rotation.pose_encoder.requires_grad_(False)


def _group_means(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    sums = np.zeros((groups.max() + 1, values.shape[1]))
    np.add.at(sums, groups, values)
    return sums / np.bincount(groups)[:, None]
