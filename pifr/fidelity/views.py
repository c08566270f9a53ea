"""Who is turned, from which picture, to which yaws, and what the truth looks like there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ipgan import Rotator
from ipgan.config import DataConfig
from ipgan.training_data import sittings_of
from pifr.core.errors import ConfigError, DataError, near_names
from pifr.core.progress import say
from pifr.data.head_height import yaw_at_head_height
from pifr.data.manifest import Manifest
from pifr.data.pixels import PixelStore, open_pixels
from pifr.fidelity.estimate import nominal_yaws

FRONTAL_DEGREES = 7.5
"""A picture within this is frontal."""


@dataclass(frozen=True)
class Views:
    """The trial: one source and one gallery picture a person, pairs of a generated and a true view.

    All pictures have the generator's size, the true ones too, so that a comparison of both measures the turn and not
    the resolution.

    Attributes:
        people: ``(P,)`` names.
        source: ``(P,)`` rows of ``store``: the frontal picture that is turned.
        gallery: ``(P,)`` rows: a true frontal of another sitting, else the source.
        gallery_is_other_sitting: ``(P,)`` bool.
        true: ``(V,)`` rows: the true view of every pair, of the source's sitting where there is one.
        same_sitting: ``(V,)`` bool.
        person: ``(V,)`` indices into ``people``.
        yaw_degrees: ``(V,)`` yaw asked for, which is the true view's own.
        generated: ``(V, S, S, 3)`` uint8.
        probed: ``(R,)`` rows of the two sittings, from which the codes' leakage is measured.
        probed_person: ``(R,)`` indices into ``people``.
        probed_sitting: ``(R,)`` 0 for the source's sitting, 1 for the gallery's.
        probed_yaw_degrees: ``(R,)``.
        store: Pixels of the manifest.
    """

    people: np.ndarray
    source: np.ndarray
    gallery: np.ndarray
    gallery_is_other_sitting: np.ndarray
    true: np.ndarray
    same_sitting: np.ndarray
    person: np.ndarray
    yaw_degrees: np.ndarray
    generated: np.ndarray
    probed: np.ndarray
    probed_person: np.ndarray
    probed_sitting: np.ndarray
    probed_yaw_degrees: np.ndarray
    store: PixelStore

    def describe(self) -> dict[str, Any]:
        """Return what was compared, JSON-ready."""
        return {
            "people": len(self.people), "views": len(self.true),
            "people_with_a_gallery_of_another_sitting": int(self.gallery_is_other_sitting.sum()),
            "views_with_the_truth_of_the_same_sitting": int(self.same_sitting.sum()),
            "frontal_degrees": FRONTAL_DEGREES,
        }  # fmt: skip


def make_views(
    rotator: Rotator, manifest: Manifest, people: int | None = None, source: Mapping[str, str] | None = None
) -> Views:
    """Choose pictures and turn the sources.

    Pictures by cameras that hang above take no part: no yaw alone asks for their view.

    Args:
        rotator: The generator.
        manifest: People it never saw, with yaw.
        people: Take the first this many by name, at least two; all by default.
        source: Values of columns that sources must have, for example ``{"illumination": "07"}``. Among those that
            have them, the source is the frontal picture whose sitting shows the most yaws.

    Raises:
        DataError: If the alignment is another, the generator knows no degrees, or fewer than two people have a
            frontal picture.
        ConfigError: If ``source`` names a column that is not there.
    """
    rotator.spec.require_template(manifest.template, manifest.name)
    low, high = _range_of(rotator)
    plan = _plan(manifest, people, source or {}, low, high)
    store = open_pixels(manifest, rotator.spec.size_px)
    sources, person = store[plan["source"]], plan["person"]
    codes, seen_from = rotator.identity_codes(sources), rotator.pose_codes(sources)
    poses = rotator.poses_for_yaws(plan["yaw_degrees"])
    generated = rotator.generate(codes[person], poses, sources[person], seen_from[person])
    return Views(generated=generated, store=store, **plan)


def turned_people(manifest: Manifest, people: int | None = None, source: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of those who are turned, for the arguments of :func:`make_views`."""
    frontal = manifest.table["subject"][_may_be_source(manifest, source or {})].astype(str)
    return sorted(set(frontal))[: None if people is None else max(people, 2)]


def _may_be_source(manifest: Manifest, values: Mapping[str, str]) -> np.ndarray:
    frontal: np.ndarray = np.abs(yaw_at_head_height(manifest)) <= FRONTAL_DEGREES
    return frontal & _has_values(manifest, values)


def _range_of(rotator: Rotator) -> tuple[float, float]:
    if rotator.pose_map is None:
        raise DataError(
            "this generator knows no degrees: no yaw was known in training", where=rotator.name,
            cure="train on a manifest with the column 'yaw', or fill it with: pifr data pose",
        )  # fmt: skip
    return rotator.pose_map.range_degrees


def _plan(
    manifest: Manifest, people: int | None, source_values: Mapping[str, str], low: float, high: float
) -> dict[str, np.ndarray]:
    columns = tuple(column for column in DataConfig().sitting_columns if column in manifest.table)
    sittings, yaws = sittings_of(manifest, columns), yaw_at_head_height(manifest)
    pitches = manifest.table["pitch"].fillna(0).to_numpy() if "pitch" in manifest.table else np.zeros(len(manifest))
    subjects = manifest.table["subject"].to_numpy(dtype=str)
    sitting_values = manifest.table[list(columns)].to_numpy(dtype=str)
    may_be_source = _may_be_source(manifest, source_values)
    _require_people(manifest, turned_people(manifest, None, source_values), source_values)
    names = turned_people(manifest, people, source_values)
    parts: dict[str, list[Any]] = {key: [] for key in (
        "source", "gallery", "gallery_is_other_sitting", "true", "same_sitting", "person", "yaw_degrees", "probed",
        "probed_person", "probed_sitting", "probed_yaw_degrees",
    )}  # fmt: skip
    for index, name in enumerate(names):
        rows = np.flatnonzero((subjects == name) & np.isfinite(yaws))
        source = _source(rows[may_be_source[rows]], rows, sittings, yaws)
        gallery = _gallery(rows, source, sittings, yaws, sitting_values)
        parts["source"].append(source)
        parts["gallery"].append(gallery)
        parts["gallery_is_other_sitting"].append(sittings[gallery] != sittings[source])
        inside = rows[(yaws[rows] >= low - 0.5) & (yaws[rows] <= high + 0.5)]
        for true in _true_views(inside, source, gallery, sittings, yaws, pitches):
            parts["true"].append(true)
            parts["same_sitting"].append(sittings[true] == sittings[source] >= 0)
            parts["person"].append(index)
            parts["yaw_degrees"].append(yaws[true])
        for row in rows[np.isin(sittings[rows], sittings[[source, gallery]])]:
            parts["probed"].append(row)
            parts["probed_person"].append(index)
            parts["probed_sitting"].append(int(sittings[row] != sittings[source]))
            parts["probed_yaw_degrees"].append(yaws[row])
    if not parts["true"]:
        raise DataError(
            "no true view lies in the generator's range", where=manifest.name, found=f"{low:g} to {high:g} degrees"
        )
    return {"people": np.array(names), **{key: np.array(values) for key, values in parts.items()}}


def _has_values(manifest: Manifest, values: Mapping[str, str]) -> np.ndarray:
    mask = np.ones(len(manifest), bool)
    for column, value in values.items():
        if column not in manifest.table:
            cure = near_names(column, manifest.table.columns)
            raise ConfigError(f"no column {column!r}", where=f"{manifest.name} (source)", cure=cure)
        mask &= manifest.table[column].astype(str).to_numpy() == value
    return mask


def _require_people(manifest: Manifest, names: list[str], source_values: Mapping[str, str]) -> None:
    if len(manifest.subjects) < 2:
        raise DataError("a generator is measured on at least two people", where=manifest.name, found=1)
    if len(names) < 2:
        wanted = "".join(f" with {column}={value}" for column, value in source_values.items())
        raise DataError(
            f"at least two people need a frontal source (|yaw| <= {FRONTAL_DEGREES:g} degrees){wanted}",
            where=manifest.name, found=len(names), cure="fill unknown yaws with: pifr data pose",
        )  # fmt: skip
    if missing := len(manifest.subjects) - len(names):
        say(f"{manifest.name}: {missing} people have no frontal source and are left out")


def _source(candidates: np.ndarray, rows: np.ndarray, sittings: np.ndarray, yaws: np.ndarray) -> int:
    """Choose the candidate whose sitting shows the most yaws, then the most frontal, then the first."""
    shown = [len(np.unique(nominal_yaws(yaws[rows[sittings[rows] == sittings[row]]]))) for row in candidates]
    order = np.lexsort((candidates, np.abs(yaws[candidates]), -np.array(shown)))
    return int(candidates[order[0]])


def _gallery(rows: np.ndarray, source: int, sittings: np.ndarray, yaws: np.ndarray, sitting_values: np.ndarray) -> int:
    """Choose a frontal of the sitting most like the source's but not the same, so that as little else differs."""
    others = rows[(np.abs(yaws[rows]) <= FRONTAL_DEGREES) & (sittings[rows] != sittings[source])]
    if not len(others):
        return source
    agreement = (sitting_values[others] == sitting_values[source]).sum(axis=1)
    return int(others[np.lexsort((others, np.abs(yaws[others]), -agreement))[0]])


def _true_views(
    rows: np.ndarray, source: int, gallery: int, sittings: np.ndarray, yaws: np.ndarray, pitches: np.ndarray
) -> list[int]:
    """Return one true view a nominal yaw, never the gallery picture itself, which would find itself.

    The source's sitting comes first, then the least pitch: a generator that is asked for a yaw knows of no camera
    overhead.
    """
    rows = rows[rows != gallery]
    nominal = nominal_yaws(yaws[rows])
    keys = (rows, np.abs(yaws[rows] - nominal), np.abs(pitches[rows]), sittings[rows] != sittings[source])
    order = np.lexsort(keys)
    _, first = np.unique(nominal[order], return_index=True)
    return [int(row) for row in rows[order[first]]]
