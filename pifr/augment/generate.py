"""Augmentation: read sources, turn them, check them, write pictures and the manifest that says what each one is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pifr.augment.config import AugmentConfig
from pifr.augment.plan import NO_POSE_PICTURE, choose_sources, plan_views
from pifr.core.errors import DataError
from pifr.core.files import read_json, write_json
from pifr.core.interrupt import Interrupted, stop_on_signal
from pifr.core.progress import progress_bar
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.pictures import write_picture
from pifr.data.pixels import PixelStore, open_pixels

if TYPE_CHECKING:
    from ipgan import Rotator
    from pifr.recognition import Embedder


@dataclass(frozen=True)
class AugmentResult:
    """What one augmentation made.

    Attributes:
        manifest: The generated pictures, with provenance, on disk at ``manifest_path``; rejected ones included.
        manifest_path: Where it lies.
        generated: Number of views.
        accepted: Number of views that passed the check (all, where no threshold was given).
        people_without_source: People of whom no picture was frontal enough to be turned.
    """

    manifest: Manifest
    manifest_path: Path
    generated: int
    accepted: int
    people_without_source: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "manifest": str(self.manifest_path),
            "people": len(self.manifest.subjects),
            "generated": self.generated,
            "accepted": self.accepted,
            "people_without_source": list(self.people_without_source),
        }

    def table(self) -> str:
        """Return a short text for the terminal."""
        lines = [f"{self.generated} views of {len(self.manifest.subjects)} people, {self.accepted} accepted"]
        if self.people_without_source:
            lines.append(f"no usable source picture: {', '.join(self.people_without_source)}")
        return "\n".join([*lines, f"manifest: {self.manifest_path}"])


def augment(
    data: Manifest,
    rotator: Rotator,
    out: Path,
    config: AugmentConfig,
    poses: Manifest | None = None,
    judge: Embedder | None = None,
) -> AugmentResult:
    """Make multi-view pictures of every person.

    A run that was killed goes on where it stopped: finished pictures are not made again.

    Args:
        data: Pictures of the people, aligned as the generator was trained.
        rotator: The generator.
        out: Folder for ``pictures/`` and ``manifest.csv``.
        config: Views, sources and check.
        poses: Pictures to imitate, where ``config.imitate_per_source`` is set.
        judge: An embedder that measures each view's cosine to its source; it should have had no part in
            training the generator.

    Returns:
        The generated manifest and its counts.

    Raises:
        DataError: If the alignment differs from the generator's, a yaw lies outside what it learned, nobody has a
            usable source, a threshold is set without a judge, or ``out`` holds another augmentation.
        Interrupted: After Ctrl-C, with every picture so far whole.
    """
    rotator.spec.require_template(data.template, data.name)
    if config.min_identity_cosine is not None and judge is None:
        raise DataError("min_identity_cosine needs a judge to measure the cosine", cure="name one with --judge")
    if config.yaws_degrees:
        rotator.poses_for_yaws(config.yaws_degrees)  # refuses what it never learned, before anything is written
    sources, missing = choose_sources(data, config)
    if not len(sources):
        raise DataError(
            "nobody has a picture frontal enough to be turned", where=data.name,
            cure=f"raise max_source_yaw_degrees above {config.max_source_yaw_degrees:g}",
        )  # fmt: skip
    plan = plan_views(data, sources, config, poses)
    out = Path(out)
    _claim_folder(out, config, rotator, data, poses)
    store = open_pixels(data, rotator.spec.size_px)
    pose_store = open_pixels(poses, rotator.spec.size_px) if poses is not None else None
    _generate(plan, out, rotator, store, pose_store, config)
    manifest = make_manifest(_provenance(plan, data, poses, rotator, config), out, str(out / "manifest.csv"))
    if judge is not None:
        manifest = _measure_identity(manifest, data, plan, judge, config)
    saved = manifest.save(out / "manifest.csv")
    accepted = int((saved.table["accepted"].astype(str) == "True").sum())
    return AugmentResult(saved, out / "manifest.csv", len(saved), accepted, tuple(missing))


def _claim_folder(out: Path, config: AugmentConfig, rotator: Rotator, data: Manifest, poses: Manifest | None) -> None:
    """Record what this folder holds, or refuse it if it already holds something else."""
    claim = {
        "config": config.model_dump(mode="json"),
        "generator_sha256": rotator.sha256,
        "data": data.fingerprint(),
        "poses": poses.fingerprint() if poses is not None else None,
    }
    path = out / "augment.json"
    if path.exists() and read_json(path) != claim:
        raise DataError("this folder holds another augmentation", where=out, cure="choose another --out folder")
    write_json(path, claim)


def _generate(
    plan: pd.DataFrame,
    out: Path,
    rotator: Rotator,
    store: PixelStore,
    pose_store: PixelStore | None,
    config: AugmentConfig,
) -> None:
    """Write every planned picture that is not there yet."""
    todo = plan[[not (out / path).exists() for path in plan["path"]]]
    with stop_on_signal() as stop, progress_bar("views", len(plan), done=len(plan) - len(todo)) as advance:
        for batch in _batches(todo, config.batch_size):
            identity = _identity_codes(batch["source_row"].to_numpy(), rotator, store)
            pose = _pose_codes(batch, rotator, pose_store)
            for path, pixels in zip(batch["path"], rotator.generate(identity, pose), strict=True):
                write_picture(out / path, pixels)
            advance(len(batch))
            if stop:
                raise Interrupted(f"views so far are whole in {out}; run the same command again to go on")


def _identity_codes(rows: np.ndarray, rotator: Rotator, store: PixelStore) -> np.ndarray:
    """Return ``(B, F)`` codes, computed once for each source in the batch."""
    distinct, position = np.unique(rows, return_inverse=True)
    return rotator.identity_codes(store[distinct])[position]


def _pose_codes(batch: pd.DataFrame, rotator: Rotator, pose_store: PixelStore | None) -> np.ndarray:
    if pose_store is None:
        return rotator.poses_for_yaws(batch["yaw"].to_numpy())
    return rotator.pose_codes(pose_store[batch["pose_row"].to_numpy()])


def _batches(table: pd.DataFrame, size: int) -> Iterator[pd.DataFrame]:
    for start in range(0, len(table), size):
        yield table.iloc[start : start + size]


def _provenance(
    plan: pd.DataFrame, data: Manifest, poses: Manifest | None, rotator: Rotator, config: AugmentConfig
) -> pd.DataFrame:
    """Return the manifest table: one row a view, everything needed to make it again."""
    source = data.table.iloc[plan["source_row"]].reset_index(drop=True)
    kept = [c for c in ("subject", "session", "recording", "illumination", "expression", "split") if c in source]
    pose_paths = ["" if row == NO_POSE_PICTURE or poses is None else str(poses.paths[row]) for row in plan["pose_row"]]
    table = source[kept].copy()
    table.insert(0, "path", plan["path"].to_numpy())
    return table.assign(
        yaw=plan["yaw"].to_numpy(),
        kind="generated",
        template=data.template,
        source_path=[str(data.paths[row]) for row in plan["source_row"]],
        pose_source=pose_paths,
        generator=rotator.name,
        generator_sha256=rotator.sha256,
        seed=config.seed,
        accepted=True,
    )


def _measure_identity(
    manifest: Manifest, data: Manifest, plan: pd.DataFrame, judge: Embedder, config: AugmentConfig
) -> Manifest:
    """Add ``identity_cosine`` to each view's own source, and reject those below the threshold."""
    from pifr.recognition.embedders import embed_manifest

    distinct, position = np.unique(plan["source_row"], return_inverse=True)
    sources = embed_manifest(judge, make_manifest(data.table.iloc[distinct], data.folder, data.name))
    views = embed_manifest(judge, manifest)
    cosine = np.einsum("nd,nd->n", _unit(views.vectors), _unit(sources.vectors)[position])
    cosine[views.failed | sources.failed[position]] = np.nan
    accepted = np.ones(len(manifest), dtype=bool)
    if config.min_identity_cosine is not None:
        accepted = cosine >= config.min_identity_cosine  # a NaN is rejected too
    table = manifest.table.assign(identity_cosine=cosine, accepted=accepted)
    return make_manifest(table, manifest.folder, manifest.name)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
