"""The training pictures and everything known of them, checked before training starts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ipgan.config import TrainConfig
from ipgan.methods import METHODS
from ipgan.pose_map import teaches_degrees
from ipgan.views import view_yaws
from pifr.core.errors import DataError
from pifr.core.progress import say
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.pixels import PixelStore, open_pixels_once
from pifr.data.seen import data_folders
from pifr.data.spec import InputSpec
from pifr.data.validate import warn_of_radians


@dataclass(frozen=True)
class TrainingData:
    """Pictures, people, sittings and yaws, in one order.

    Attributes:
        manifest: Rows that train.
        store: Their pixels.
        spec: What the networks take.
        people: ``(N,)`` which person, 0..K-1.
        sittings: ``(N,)`` which sitting, or -1 where no column tells.
        conditions: ``(N,)`` which values the sitting columns have, whoever sat: light, session and the like.
        yaw_degrees: ``(N,)``, NaN where unknown or not to be used.
        pitch_degrees: ``(N,)``, the same.
        unlabelled_store: Pixels of people who are not known; may be empty.
        fingerprint: Digest of manifest and pictures.
    """

    manifest: Manifest
    store: PixelStore
    spec: InputSpec
    people: np.ndarray
    sittings: np.ndarray
    conditions: np.ndarray
    yaw_degrees: np.ndarray
    pitch_degrees: np.ndarray
    unlabelled_store: PixelStore | np.ndarray
    fingerprint: str

    def __len__(self) -> int:
        return len(self.people)

    @property
    def people_count(self) -> int:
        """Number of people K."""
        return int(self.people.max()) + 1

    @cached_property
    def folders(self) -> list[str]:
        """What tells the data set of these people from others, see :func:`~pifr.data.seen.data_folders`."""
        return data_folders(self.manifest)


def open_training_data(config: TrainConfig) -> TrainingData:
    """Read, check and decode the training pictures.

    Raises:
        DataError: If the split is unknown, there is one person only, nobody has a second picture, or the pictures
            can't be used.
    """
    manifest, sittings = check_training_manifest(config)
    unlabelled, digest = _open_unlabelled(config, manifest)
    unknown = np.full(len(manifest), np.nan)
    pitch = manifest.table["pitch"].to_numpy(float) if "pitch" in manifest.table else unknown
    return TrainingData(
        manifest=manifest,
        store=open_pixels_once(manifest, config.data.size_px),
        spec=InputSpec(size_px=config.data.size_px, template=manifest.template),
        people=pd.factorize(manifest.table["subject"], sort=True)[0],
        sittings=sittings,
        conditions=conditions_of(manifest, config.data.sitting_columns),
        yaw_degrees=known_yaws(config, manifest),
        pitch_degrees=pitch if config.data.use_yaw else unknown,
        unlabelled_store=unlabelled,
        fingerprint=manifest.fingerprint() + digest,
    )


def _open_unlabelled(config: TrainConfig, manifest: Manifest) -> tuple[PixelStore | np.ndarray, str]:
    """Open the pictures of unknown people; return them and their digest."""
    size = config.data.size_px
    if config.data.unlabelled is None:
        return np.empty((0, size, size, 3), np.uint8), ""
    others = read_manifest(config.data.unlabelled)
    InputSpec(size_px=size, template=manifest.template).require_template(others.template, others.name)
    return open_pixels_once(others, size), others.fingerprint()


def check_training_manifest(config: TrainConfig) -> tuple[Manifest, np.ndarray]:
    """Read the manifest and check that a generator can be trained on it; see :func:`open_training_data`.

    Returns:
        The rows that train, and the sitting of each.
    """
    manifest = read_manifest(config.data.manifest)
    if config.data.split is not None:
        manifest = manifest.of_split(config.data.split)
    pictures = manifest.table["subject"].value_counts()
    if len(pictures) < 2:
        raise DataError(
            "a generator needs at least two people", where=manifest.name, found=f"only {pictures.index[0]!r}",
            cure="add people, or check the column 'subject'",
        )  # fmt: skip
    if pictures.max() < 2:
        raise DataError(
            "nobody has a second picture, so no view can be learned from another", where=manifest.name,
            found=f"{len(pictures)} people with one picture each", cure="add more views of each person",
        )  # fmt: skip
    warn_of_radians(manifest)
    method = METHODS[config.generator]
    if method.needs_views:
        view_yaws(known_yaws(config, manifest), config.model.view_step_degrees, config.augmentation.flip, manifest.name)
    sittings = sittings_of(manifest, config.data.sitting_columns)
    if method.pixel_weight(config) > 0 and not has_pairs(sittings):
        _warn_of_no_pairs(manifest, config.data.sitting_columns)
    if not method.needs_views:  # views are known by their degrees
        _warn_of_no_degrees(config, manifest)
    return manifest, sittings


def _warn_of_no_pairs(manifest: Manifest, columns: tuple[str, ...]) -> None:
    """Say what a generator without the paired loss comes to, and which column would bring it back."""
    known = [column for column in columns if column in manifest.table]
    why = f"in {', '.join(known)} no two pictures of a person agree" if known else f"no column {' or '.join(columns)}"
    say(
        f"warning: {manifest.name}: no two pictures are known to show one sitting ({why}), so the paired loss is not "
        "used, without which a generator hardly learns to turn a face; add a column 'session', equal for pictures of "
        "one sitting, or name the columns that tell with --set 'data.sitting_columns=[COLUMN]'"
    )


def _warn_of_no_degrees(config: TrainConfig, manifest: Manifest) -> None:
    """Say so where the yaws are too few to teach degrees, which shows hours later else, when views are asked for."""
    yaws = known_yaws(config, manifest)
    if not config.data.use_yaw or teaches_degrees(yaws):
        return
    found = "the known yaws are all alike" if np.isfinite(yaws).any() else "no yaw is known"
    posed = "have yaws estimated first: pifr data pose MANIFEST --out posed.csv"
    say(
        f"warning: {manifest.name}: {found}, so this generator will know no degrees, and pifr augment --yaws will "
        f"refuse it; {'add pictures from other sides' if np.isfinite(yaws).all() else posed}"
    )


def known_yaws(config: TrainConfig, manifest: Manifest) -> np.ndarray:
    """Return the yaws ``(N,)`` in degrees that may be used, NaN where unknown or not to be used."""
    return manifest.yaw_degrees if config.data.use_yaw else np.full(len(manifest), np.nan)


def sittings_of(manifest: Manifest, columns: tuple[str, ...]) -> np.ndarray:
    """Number the sittings ``(N,)``: one person, and agreement in all of ``columns`` that there are; else all -1."""
    known = [column for column in columns if column in manifest.table]
    if not known:
        return np.full(len(manifest), -1)
    return manifest.table.groupby(["subject", *known], sort=True, dropna=False).ngroup().to_numpy()


def conditions_of(manifest: Manifest, columns: tuple[str, ...]) -> np.ndarray:
    """Number the combinations of ``columns`` ``(N,)``, whoever the person is; all 0 where there is no such column."""
    known = [column for column in columns if column in manifest.table]
    if not known:
        return np.zeros(len(manifest), int)
    return manifest.table.groupby(known, sort=True, dropna=False).ngroup().to_numpy()


def has_pairs(sittings: np.ndarray) -> bool:
    """Tell whether any sitting has two pictures."""
    known = sittings[sittings >= 0]
    return bool(len(known)) and int(np.bincount(known).max()) > 1
