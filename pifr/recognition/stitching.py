"""A DREAM block taught on top of a finished recogniser: "stitching", the backbone stays as it is.

References:
    K. Cao et al., CVPR 2018, section 3.3, and the authors' src/stitching/branch_train.py (see
    :mod:`pifr.backbones.dream`): a profile's embedding is mapped to the mean of the same person's near-frontal ones, by
    squared distance; people and profiles are drawn evenly. Adam stands for their SGD, which needs five times the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from pifr.backbones import KIND, DreamBackbone, StoredBackbone, load_backbone
from pifr.backbones.config import DreamConfig
from pifr.core.checkpoint import save_checkpoint
from pifr.core.config import Config
from pifr.core.device import choose_device
from pifr.core.errors import ConfigError, DataError
from pifr.core.files import sha256_of_file
from pifr.core.progress import progress_bar, say
from pifr.core.runs import RunFolder
from pifr.core.seeds import derive_seed, numpy_generator
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.seen import data_folders
from pifr.pose import attach_yaw_reader, estimate_pose
from pifr.recognition.embedders import embed_manifest
from pifr.recognition.trained import TrainedEmbedder
from pifr.recognition.training_data import refuse_shared_people, train_part
from pifr.recognition.validation import ValidationFigures, validation_figures


class StitchConfig(Config):
    """What is taught, and on whom."""

    run: str
    """Run folder of the finished recogniser."""
    data: str
    """Manifest with near-frontal and profile pictures of the same people."""
    train_split: str | None = "train"
    """Split to learn from; null takes every row that is not in the validation split."""
    validation_split: str | None = "val"
    """Split to measure on before and after; null measures nothing."""
    dream: DreamConfig = DreamConfig()
    """Gate and source of yaw."""
    frontal_degrees: float = Field(default=20.0, gt=0, lt=90)
    """Up to this yaw a picture is near-frontal."""
    profile_degrees: float = Field(default=50.0, gt=0, lt=90)
    """From this yaw on it is a profile."""
    steps: int = Field(default=2000, ge=1)
    """Steps of Adam."""
    batch_size: int = Field(default=256, ge=1)
    """Profiles a step."""
    lr: float = Field(default=1e-3, gt=0)
    """Learning rate."""
    weight_decay: float = Field(default=1e-4, ge=0)
    """Decay of the block's weights."""
    seed: int = 0
    """Seed of weights and draws."""


@dataclass(frozen=True)
class StitchResult:
    """A recogniser with a taught DREAM block.

    Attributes:
        run: Its folder, which :func:`pifr.recognition.load_embedder` takes.
        people: People with both kinds of pictures, who were learned from.
        profiles: Their profiles.
        left_out: People without one of the kinds.
        distance_before: Mean squared distance of a learned profile to its target, without the block.
        distance_after: With it.
        before: Validation figures of the recogniser; None where there is no validation split.
        after: Those with the block.
    """

    run: RunFolder
    people: int
    profiles: int
    left_out: int
    distance_before: float
    distance_after: float
    before: ValidationFigures | None
    after: ValidationFigures | None

    def table(self) -> str:
        """Return a short text for the terminal."""
        lines = [
            f"{self.profiles} profiles of {self.people} people, {self.left_out} left out; squared distance to their "
            f"frontal mean {self.distance_before:.4f} -> {self.distance_after:.4f}"
        ]
        for name, figures in (("without", self.before), ("with", self.after)):
            if figures is not None:
                rates = f"rank-1 {100 * figures.rank1:.1f} %, EER {100 * figures.eer:.1f} %"
                lines.append(f"validation {name} the block: {rates} ({figures.people} people, {figures.probes} probes)")
        return "\n".join([*lines, f"run: {self.run.path}"])


def stitch_dream(config: StitchConfig, runs: Path, device: str = "auto") -> StitchResult:
    """Teach a DREAM block on the embeddings of a finished recogniser.

    Args:
        config: What and on whom.
        runs: Folder in which a new run folder is made.
        device: auto, cpu, cuda or cuda:N.

    Raises:
        CheckpointError: If there is no recogniser.
        ConfigError: If it has a DREAM block already, or the two yaw limits cross.
        DataError: If nobody has near-frontal pictures and profiles, or pictures are aligned differently.
    """
    if config.frontal_degrees >= config.profile_degrees:
        raise ConfigError(
            "profiles begin beyond near-frontal pictures", where="frontal_degrees", found=config.frontal_degrees
        )
    stored, target = load_backbone(config.run), choose_device(device)
    if stored.shape.dream is not None:
        raise ConfigError("this recogniser has a DREAM block already", where=config.run, cure="name the plain one")
    base = read_manifest(config.data)
    validation = base.of_split(config.validation_split) if config.validation_split is not None else None
    train = train_part(base, config.train_split, config.validation_split)
    refuse_shared_people(train, validation)
    embedder = TrainedEmbedder(stored.network.to(target), stored.spec, "the frozen backbone", "", target)
    pairs = _pairs(train, embedder, config, device)

    torch.manual_seed(derive_seed(config.seed, "dream"))
    network = DreamBackbone(stored.network, stored.shape.embedding_dim, config.dream).to(target)
    attach_yaw_reader(network, stored.spec)
    before = _figures(embedder, validation)
    distances = _teach(network, pairs, config, target)
    after = _figures(TrainedEmbedder(network, stored.spec, "with DREAM", "", target), validation)

    run = RunFolder.create(runs, f"train-dream-{stored.shape.name}", config, base.fingerprint())
    save_checkpoint(run.checkpoints, config.steps, {"backbone": network}, {}, _meta(stored, config, train, after))
    return StitchResult(run, pairs.people, len(pairs.owners), pairs.left_out, *distances, before, after)


@dataclass(frozen=True)
class _Pairs:
    """Profiles and what they should become.

    Attributes:
        inputs: ``(M, D)`` embeddings of profiles.
        targets: ``(M, D)`` mean near-frontal embedding of the same person.
        yaws: ``(M,)`` what the gate sees, in degrees.
        owners: ``(M,)`` person number, ascending.
        left_out: People without one of the kinds.
    """

    inputs: np.ndarray
    targets: np.ndarray
    yaws: np.ndarray
    owners: np.ndarray
    left_out: int

    @property
    def people(self) -> int:
        """How many people are learned from."""
        return int(self.owners.max()) + 1


def _pairs(train: Manifest, embedder: TrainedEmbedder, config: StitchConfig, device: str) -> _Pairs:
    yaws = train.yaw_degrees
    unknown = np.isnan(yaws)
    gate_yaws = yaws.copy()
    if unknown.any() or config.dream.yaw == "estimate":
        estimated = estimate_pose(train, device=device).yaw_degrees
        yaws = np.where(unknown, estimated, yaws)
        gate_yaws = estimated if config.dream.yaw == "estimate" else yaws
    found = embed_manifest(embedder, train)
    people = train.table["subject"].to_numpy(dtype=str)
    frontal = ~found.failed & (np.abs(yaws) <= config.frontal_degrees)
    profile = ~found.failed & (np.abs(yaws) >= config.profile_degrees)
    useful = sorted(set(people[frontal]) & set(people[profile]))
    if not useful:
        raise DataError(
            f"nobody has a picture within {config.frontal_degrees:g} and one beyond {config.profile_degrees:g} degrees",
            where=train.name, found=f"{int(frontal.sum())} near-frontal pictures, {int(profile.sum())} profiles",
        )  # fmt: skip
    left_out = len(train.subjects) - len(useful)
    if left_out:
        say(f"{train.name}: {left_out} of {len(train.subjects)} people have no near-frontal picture or no profile")
    front_rows, rows = (np.flatnonzero(kind & np.isin(people, useful)) for kind in (frontal, profile))
    fronts_of, owners = (np.searchsorted(useful, people[chosen]) for chosen in (front_rows, rows))
    sums = np.zeros((len(useful), found.vectors.shape[1]))
    np.add.at(sums, fronts_of, found.vectors[front_rows])
    means = sums / np.bincount(fronts_of)[:, None]
    order = np.argsort(owners, kind="stable")
    rows, owners = rows[order], owners[order]
    return _Pairs(found.vectors[rows], means[owners], gate_yaws[rows], owners, left_out)


def _teach(network: DreamBackbone, pairs: _Pairs, config: StitchConfig, device: torch.device) -> tuple[float, float]:
    """Train the block; return the mean squared distance of all profiles to their targets before and after."""
    inputs, targets, yaws = (
        torch.from_numpy(values.astype(np.float32)).to(device) for values in (pairs.inputs, pairs.targets, pairs.yaws)
    )
    counts = np.bincount(pairs.owners)
    starts = np.cumsum(counts) - counts
    block = network.dream.train()
    optimizer = torch.optim.AdamW(block.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    with progress_bar("teaching the DREAM block", config.steps) as advance:
        for step in range(config.steps):
            rng = numpy_generator(config.seed, "profiles", step)
            people = rng.integers(pairs.people, size=config.batch_size)
            rows = torch.from_numpy(starts[people] + rng.integers(counts[people])).to(device)
            loss = F.mse_loss(block(inputs[rows], yaws[rows]), targets[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            advance()
    network.eval()
    with torch.no_grad():
        return _distance(inputs, targets), _distance(block(inputs, yaws), targets)


def _distance(first: Tensor, second: Tensor) -> float:
    return float(F.mse_loss(first, second))


def _figures(embedder: TrainedEmbedder, validation: Manifest | None) -> ValidationFigures | None:
    if validation is None:
        return None
    found = embed_manifest(embedder, validation)
    return validation_figures(found.vectors, found.failed, validation)


def _meta(
    stored: StoredBackbone, config: StitchConfig, train: Manifest, after: ValidationFigures | None
) -> dict[str, Any]:
    """Return the description of the new checkpoint: the recogniser's own, with the block and the people added."""
    before = stored.meta
    shape = stored.shape.model_copy(update={"dream": config.dream}).model_dump(mode="json")
    subjects = sorted({*before.get("subjects", ()), *train.subjects})
    return {
        **before,
        "kind": KIND,
        "config": {**before["config"], "backbone": shape},
        "people": len(subjects),
        "subjects": subjects,
        "data_folders": list(dict.fromkeys([*before.get("data_folders", ()), *data_folders(train)])),
        "validation": after.to_dict() if after is not None else None,
        "stitched_on_sha256": sha256_of_file(stored.checkpoint.weights_path),
    }
