"""Weights on disk: those of a run, those that were saved for use, and those that come with the package."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ipgan.config import ModelConfig
from ipgan.pose_map import PoseMap
from pifr.core.checkpoint import Checkpoint, latest_checkpoint, read_weights
from pifr.core.config import check_config
from pifr.core.errors import CheckpointError
from pifr.core.files import read_json, sha256_of_file
from pifr.data.spec import InputSpec

KIND = "ipgan"
"""Written to every checkpoint's meta.json, so that weights of something else are refused."""
_SHIPPED = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class StoredGenerator:
    """A generator as it lies on disk.

    Attributes:
        folder: Where.
        name: Of the run, or of the shipped weights.
        model: Sizes of its networks.
        spec: What its pictures look like.
        pose_map: Degrees to codes; None where no yaw was known in training.
        tensors: Weights named ``module.parameter``, float32.
        sha256: Digest of the weights file.
        training_people: Names of the people it learned from; empty where its writer did not tell yet.
        training_folders: What tells their data set from others, see :func:`~pifr.data.seen.data_folders`.
    """

    folder: Path
    name: str
    model: ModelConfig
    spec: InputSpec
    pose_map: PoseMap | None
    tensors: dict[str, Tensor]
    sha256: str
    training_people: frozenset[str] = frozenset()
    training_folders: frozenset[str] = frozenset()


def shipped_names() -> list[str]:
    """Return the names of the weights that come with the package, sorted."""
    return sorted(path.parent.name for path in _SHIPPED.glob("*/meta.json"))


def read_stored(source: Path | str) -> StoredGenerator:
    """Read a generator.

    Args:
        source: A run folder (its newest checkpoint is taken), a checkpoint folder, what
            :meth:`ipgan.Rotator.save` wrote, or one of :func:`shipped_names`. A folder of that name goes first.

    Raises:
        CheckpointError: If there are no weights, they are damaged, of another kind of model, or not those that the
            description beside them names by its SHA-256.
    """
    folder = _folder_of(source)
    meta = read_json(folder / "meta.json")
    if meta.get("kind") != KIND:
        raise CheckpointError("these are no weights of ipgan", where=folder, found=f"kind {meta.get('kind')!r}")
    weights = Checkpoint(folder, 0).weights_path
    tensors = read_weights(weights, sha256=meta.get("sha256"))
    return StoredGenerator(
        folder=folder,
        name=meta["name"],
        model=check_config(ModelConfig, meta["model"], f"{folder}/meta.json"),
        spec=check_config(InputSpec, meta["spec"], f"{folder}/meta.json"),
        pose_map=PoseMap.from_dict(meta["pose_map"]) if meta["pose_map"] else None,
        tensors={name: tensor.float() for name, tensor in tensors.items()},
        sha256=meta.get("sha256") or sha256_of_file(weights),
        training_people=frozenset(meta.get("subjects", ())),
        training_folders=frozenset(meta.get("data_folders", ())),
    )


def describe(
    model: ModelConfig, spec: InputSpec, pose_map: PoseMap | None, name: str, people: Iterable[str],
    folders: Iterable[str],
) -> dict[str, Any]:  # fmt: skip
    """Return the description that travels with the weights; for the arguments see :class:`StoredGenerator`."""
    return {
        "kind": KIND,
        "name": name,
        "model": model.model_dump(mode="json"),
        "spec": spec.model_dump(mode="json"),
        "pose_map": pose_map.to_dict() if pose_map else None,
        "subjects": sorted(people),
        "data_folders": sorted(folders),
    }


def _folder_of(source: Path | str) -> Path:
    path = Path(source)
    if not path.exists() and str(source) in shipped_names():
        return _SHIPPED / str(source)
    if not path.exists():
        raise CheckpointError(
            "there is no generator of this name", where=source,
            cure=f"name a run folder, or weights that come with the package: {', '.join(shipped_names()) or 'none'}",
        )  # fmt: skip
    return path if (path / "meta.json").is_file() else latest_checkpoint(path / "checkpoints").path
