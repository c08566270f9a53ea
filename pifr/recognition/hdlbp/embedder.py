"""The baseline as an embedder: raw features, or features and a learned projection."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from pifr.core.config import check_config
from pifr.core.errors import CheckpointError, DataError, PifrError
from pifr.core.files import atomic_path, names_within, read_json, refuse_foreign_files, sha256_of_file, write_json
from pifr.data.spec import AnyAlignmentSpec, InputSpec
from pifr.recognition.hdlbp.config import FeatureConfig
from pifr.recognition.hdlbp.features import feature_count, lbp_features
from pifr.recognition.hdlbp.points import TEMPLATES, grid_points, landmark_points

KIND = "hdlbp"
WEIGHTS, META = "weights.safetensors", "meta.json"
_LAYOUT = "hdlbp-1"
"""Part of the untrained digest: raise it when features change."""
_BLOCK = 32


class HdlbpEmbedder:
    """Local binary patterns around fixed points; see :mod:`pifr.recognition.hdlbp`.

    Args:
        spec: Size and alignment of the pictures.
        config: Scales and cells.
        points: ``(P, 2)`` x, y as shares of the side.
        name: What to call it.
        sha256: Digest of the weights, or of the settings where there are none.
        mean: ``(D,)`` subtracted before projection; None leaves the raw features.
        projection: ``(D, K)``.
        training_people: Names of the people it learned from.
        training_folders: What tells their data set from others, see :func:`~pifr.data.seen.data_folders`.
    """

    def __init__(
        self, spec: InputSpec, config: FeatureConfig, points: np.ndarray, name: str, sha256: str,
        mean: np.ndarray | None = None, projection: np.ndarray | None = None,
        training_people: frozenset[str] = frozenset(), training_folders: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self.spec, self.config, self.points, self.name, self.sha256 = spec, config, points, name, sha256
        self.mean, self.projection = mean, projection
        self.training_people, self.training_folders = training_people, training_folders
        # Raw features are long and quick to make: an entry would cost more disk than it saves time.
        self.cacheable = projection is not None

    @classmethod
    def untrained(cls, template: str | None = None) -> HdlbpEmbedder:
        """Return raw features: on a grid for pictures of any alignment, or at the landmarks of ``template``."""
        config = FeatureConfig()
        size = config.sizes_px[0]
        if template is None:
            spec: InputSpec = AnyAlignmentSpec(size_px=size)
            points, name = grid_points(), KIND
        else:
            spec = InputSpec(size_px=size, template=template)
            points, name = landmark_points(TEMPLATES[template]), f"{KIND}:{template}"
        text = json.dumps([_LAYOUT, config.model_dump(mode="json"), points.round(9).tolist()])
        return cls(spec, config, points, name, hashlib.sha256(text.encode()).hexdigest())

    @classmethod
    def load(cls, folder: Path) -> HdlbpEmbedder:
        """Load what :meth:`save` wrote.

        Raises:
            CheckpointError: If the folder holds no such baseline, or a damaged one.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        folder = Path(folder)
        if not (folder / META).is_file() or not (folder / WEIGHTS).is_file():
            raise CheckpointError(
                "no baseline in this folder", where=folder, cure="make one with: pifr train-baseline hdlbp"
            )
        meta = read_json(folder / META)
        if meta.get("kind") != KIND:
            raise CheckpointError("not a baseline of kind hdlbp", where=folder, found=repr(meta.get("kind")))
        where = str(folder / META)
        try:
            tensors = load_file(folder / WEIGHTS)
        except (SafetensorError, OSError, ValueError) as error:
            raise CheckpointError("damaged weights file", where=folder / WEIGHTS, found=str(error)) from error
        config = check_config(FeatureConfig, meta["features"], where)
        expected = feature_count(len(tensors.get("points", ())), config)
        if tensors.keys() != {"points", "mean", "projection"} or len(tensors["projection"]) != expected:
            raise CheckpointError("the weights don't fit the features they name", where=folder)
        return cls(
            check_config(InputSpec, meta["spec"], where), config, tensors["points"].astype(float), meta["name"],
            sha256_of_file(folder / WEIGHTS), tensors["mean"], tensors["projection"],
            frozenset(meta["subjects"]), frozenset(meta["data_folders"]),
        )  # fmt: skip

    def save(self, folder: Path, meta: dict[str, Any]) -> Path:
        """Write weights and description, whole or not at all; only a trained baseline can be saved.

        Args:
            folder: A baseline in it is replaced.
            meta: Further JSON-ready entries of the description.

        Raises:
            DataError: If the folder holds something else.
        """
        from safetensors.numpy import save_file

        assert self.mean is not None
        assert self.projection is not None
        tensors = {"points": self.points.astype(np.float32), "mean": self.mean, "projection": self.projection}
        description = {
            "kind": KIND, "name": self.name, "spec": self.spec.model_dump(mode="json"),
            "features": self.config.model_dump(mode="json"), "subjects": sorted(self.training_people),
            "data_folders": sorted(self.training_folders), **meta,
        }  # fmt: skip
        refuse_foreign_folder(folder)
        with atomic_path(Path(folder), replace_folder=True) as temporary:
            temporary.mkdir(parents=True)
            save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, temporary / WEIGHTS)
            write_json(temporary / META, description)
        return Path(folder)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Embed ``(N, S, S, 3)`` uint8 RGB pictures as ``(N, K)`` float32, or ``(N, D)`` without a projection."""
        size = self.spec.size_px
        if pixels.shape[1:] != (size, size, 3) or pixels.dtype != np.uint8:
            raise DataError(
                f"{self.name} takes uint8 pictures of {size} px", found=f"{pixels.dtype} {pixels.shape[1:]}"
            )
        blocks = [self._embed(pixels[start : start + _BLOCK]) for start in range(0, max(len(pixels), 1), _BLOCK)]
        return np.concatenate(blocks)

    def _embed(self, pixels: np.ndarray) -> np.ndarray:
        features = lbp_features(pixels, self.points, self.config)
        if self.mean is None or self.projection is None:
            return features
        return (features - self.mean) @ self.projection


def refuse_foreign_folder(folder: Path) -> None:
    """Refuse a folder that holds something other than a baseline; call it before work that ends in saving there.

    Raises:
        DataError: If there is something in the folder and it is no baseline, or more than one.
    """
    folder = Path(folder)
    if not folder.exists() or (folder.is_dir() and not names_within(folder)):
        return
    try:
        kind = read_json(folder / META)["kind"]  # other weights have a file of this name too
    except (PifrError, OSError, KeyError, TypeError):
        kind = None
    if kind != KIND:
        raise DataError("this is no baseline and won't be replaced", where=folder, cure="choose another folder")
    refuse_foreign_files(folder, (WEIGHTS, META), "a baseline")
