"""The plan: which view of which sources goes to which file. Pure tables, no pixels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pifr.augment.config import AugmentConfig
from pifr.augment.methods import Method, require_yaws
from pifr.augment.sources import Candidates, taken_by_camera
from pifr.augment.target import USUAL_PER_PERSON, Target, counted_yaws, make_target, yaws_in_bin
from pifr.core.errors import DataError
from pifr.core.seeds import numpy_generator
from pifr.data.manifest import Manifest

NO_POSE_PICTURE = -1
"""``pose_row`` of a view asked for in degrees."""
_COLUMNS = ["subject", "number", "yaw", "pose_row", "sources"]


@dataclass(frozen=True)
class Plan:
    """Every view to make.

    Attributes:
        views: One row a view, people together: ``subject``, ``number`` (within the person), ``yaw`` (NaN where the
            pose picture's is unknown), ``pose_row``, ``sources`` (candidate rows), ``name`` (folder and stem),
            ``block`` (rising).
        unreachable: Views that the target lacks and the method can't make of these people.
    """

    views: pd.DataFrame
    unreachable: int = 0

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return 0 if self.views.empty else int(self.views["block"].iloc[-1]) + 1

    def block(self, number: int) -> pd.DataFrame:
        """Return the views of one block."""
        start, end = np.searchsorted(self.views["block"], [number, number + 1])
        return self.views.iloc[start:end]


@dataclass(frozen=True)
class _Person:
    subject: str
    groups: list[np.ndarray]
    real_yaws: np.ndarray
    rows: np.ndarray
    row_yaws: np.ndarray


def plan_views(
    data: Manifest, candidates: Candidates, method: Method, config: AugmentConfig, reference: Manifest | None
) -> Plan:
    """List every view to generate.

    A block is a run of whole people with about ``batch_size`` views. All of a block's batches are formed within it,
    so that a picture does not depend on who works on which block.

    Args:
        data: All pictures of the people; the real ones count towards the histogram.
        candidates: The sources.
        method: Says what it reaches.
        config: Target, budget and draws.
        reference: The manifest of the targets ``like`` and ``imitate``.

    Raises:
        DataError: If the target needs a reference and there is none, or asks for what the method can't do.
    """
    reach = _reach(method, config, reference)
    if reach is None:
        return Plan(_empty())  # the method "none"
    rows: list[tuple[object, ...]] = []
    unreachable = 0
    target = None if _imitates_blindly(config, reference) else make_target(config, reach, reference)
    for person in _people(data, candidates, config):
        if target is None:
            found = _blind_poses(person, config, reference)
        elif method.mirrors:
            found, lost = _mirrored(person, target)
            unreachable += lost
        else:
            found = _turned(person, target, config, reach, reference)
        if config.per_person is not None:
            found = found[: config.per_person]
        rows += [(person.subject, number, *view) for number, view in enumerate(found)]
    views = _limited(pd.DataFrame(rows, columns=_COLUMNS), config.limit)
    if views.empty:
        return Plan(_empty(), unreachable)
    views["name"] = _names(views, candidates.manifest)
    views["block"] = _blocks(views["subject"], config.batch_size)
    return Plan(views, unreachable)


def _imitates_blindly(config: AugmentConfig, reference: Manifest | None) -> bool:
    """Whether pose pictures are drawn without regard to yaw, since theirs is unknown."""
    return config.target == "imitate" and reference is not None and not np.isfinite(reference.yaw_degrees).all()


def _reach(method: Method, config: AugmentConfig, reference: Manifest | None) -> tuple[float, float] | None:
    if config.needs_reference and reference is None:
        raise DataError(
            f"the target {config.target!r} needs a manifest", cure=f"name one with --target {config.target}:MANIFEST"
        )
    if config.target == "imitate":
        if not method.imitates:
            raise DataError(f"the method {method.name!r} can't imitate pictures", cure="use --target like:MANIFEST")
        return method.range_degrees or (-180.0, 180.0)
    if method.name != "none" and method.range_degrees is None:
        require_yaws(method, [0.0])  # raises: this generator knows no degrees
    if config.target == "yaws":
        require_yaws(method, config.yaws_degrees)
    return method.range_degrees


def _people(data: Manifest, candidates: Candidates, config: AugmentConfig) -> list[_Person]:
    real = taken_by_camera(data)
    by_person = pd.Series(counted_yaws(data, config)[real]).groupby(data.table["subject"].to_numpy()[real])
    yaws = {str(subject): group.to_numpy() for subject, group in by_person} if config.count_real else {}
    at = counted_yaws(candidates.manifest, config)
    return [
        _Person(subject, candidates.groups(subject, config), yaws.get(subject, np.empty(0)), rows, at[rows])
        for subject, rows in candidates.ranked.items()
    ]


def _turned(
    person: _Person, target: Target, config: AugmentConfig, reach: tuple[float, float], reference: Manifest | None
) -> list[tuple[float, int, tuple[int, ...]]]:
    """Return ``(yaw, pose row, sources)`` of the views that the person lacks."""
    generator = numpy_generator(config.seed, "plan", person.subject)
    missing = target.missing(person.real_yaws)
    if config.target == "yaws":  # each of the person's sources makes each listed yaw
        order = [index for yaw in config.yaws_degrees for index in np.flatnonzero(target.centres_degrees == yaw)]
        return [
            (float(target.centres_degrees[index]), NO_POSE_PICTURE, _rows(group))
            for number, group in enumerate(person.groups)
            for index in order
            if number < missing[index]
        ]
    if config.target == "imitate":
        assert reference is not None
        poses = _poses_by_bin(target, missing, reference, generator)
    else:
        poses = [
            (yaw, NO_POSE_PICTURE)
            for index in np.flatnonzero(missing)
            for yaw in yaws_in_bin(target, int(index), int(missing[index]), generator, reach)
        ]
    poses = [poses[index] for index in generator.permutation(len(poses))]  # so that a budget cuts no side of the face
    groups = person.groups
    return [(yaw, pose, _rows(groups[number % len(groups)])) for number, (yaw, pose) in enumerate(poses)]


def _poses_by_bin(
    target: Target, missing: np.ndarray, reference: Manifest, generator: np.random.Generator
) -> list[tuple[float, int]]:
    """Draw pose pictures of the bins that lack some, without repeats while there are enough."""
    bins, yaws = target.bins_of(reference.yaw_degrees), reference.yaw_degrees
    found: list[tuple[float, int]] = []
    for index in np.flatnonzero(missing):
        there, count = np.flatnonzero(bins == index), int(missing[index])
        chosen = generator.choice(there, count, replace=count > len(there))
        found += [(float(yaws[row]), int(row)) for row in chosen]
    return found


def _blind_poses(
    person: _Person, config: AugmentConfig, reference: Manifest | None
) -> list[tuple[float, int, tuple[int, ...]]]:
    assert reference is not None
    generator = numpy_generator(config.seed, "plan", person.subject)
    count = min(config.per_person or USUAL_PER_PERSON, len(reference))
    chosen = generator.choice(len(reference), count, replace=False)
    yaws, groups = reference.yaw_degrees, person.groups
    return [(float(yaws[row]), int(row), _rows(groups[number % len(groups)])) for number, row in enumerate(chosen)]


def _mirrored(person: _Person, target: Target) -> tuple[list[tuple[float, int, tuple[int, ...]]], int]:
    """Return the views that mirror images of the person's pictures reach, and how many others are lacking."""
    found: list[tuple[float, int, tuple[int, ...]]] = []
    missing, lost = target.missing(person.real_yaws), 0
    reached = target.bins_of(-person.row_yaws)
    for index in np.flatnonzero(missing):
        places = np.flatnonzero(reached == index)[: missing[index]]
        found += [(-float(person.row_yaws[at]), NO_POSE_PICTURE, (int(person.rows[at]),)) for at in places]
        lost += int(missing[index]) - len(places)
    return found, lost


def _rows(group: np.ndarray) -> tuple[int, ...]:
    return tuple(int(row) for row in group)


def _limited(views: pd.DataFrame, limit: int | None) -> pd.DataFrame:
    """Keep at most ``limit`` views, everybody's first before anybody's second."""
    if limit is None or len(views) <= limit:
        return views
    kept = views.sort_values("number", kind="stable").index[:limit]
    return views.loc[np.sort(kept)].reset_index(drop=True)


def _blocks(subjects: pd.Series, batch_size: int) -> np.ndarray:
    """Number the blocks: a new one begins with the person after ``batch_size`` views are full."""
    numbers, block, full = np.zeros(len(subjects), dtype=int), 0, 0
    starts = np.flatnonzero(np.append(True, subjects.to_numpy()[1:] != subjects.to_numpy()[:-1]))
    for start, end in zip(starts, [*starts[1:], len(subjects)], strict=True):
        if full >= batch_size:
            block, full = block + 1, 0
        numbers[start:end] = block
        full += end - start
    return numbers


def _names(views: pd.DataFrame, sources: Manifest) -> list[str]:
    """Name each view ``PERSON/SOURCE_NUMBER_yaw+045``; no dots, since webdataset ends a key at the first one."""
    folder = _folders(list(dict.fromkeys(views["subject"])))
    paths = sources.paths
    stems = [_plain(paths[rows[0]].stem) for rows in views["sources"]]
    return [
        f"{folder[subject]}/{stem}_{number:03d}{_pose_text(yaw, pose)}"
        for subject, stem, number, yaw, pose in zip(
            views["subject"], stems, views["number"], views["yaw"], views["pose_row"], strict=True
        )
    ]


def _folders(people: list[str]) -> dict[str, str]:
    """Give everybody a folder of their own, also on disks that know no capitals; who shares a name gets a number."""
    plain = {subject: _plain(subject) for subject in people}
    counts = Counter(name.casefold() for name in plain.values())
    taken = {name for name, count in counts.items() if count == 1}
    folders = {}
    for index, (subject, name) in enumerate(plain.items()):
        folder = name
        if counts[name.casefold()] > 1:
            folder = f"{name}_{index}"
            while folder.casefold() in taken:  # a third person may be called so
                folder = f"{folder}_{index}"
            taken.add(folder.casefold())
        folders[subject] = folder
    return folders


def _pose_text(yaw: float, pose_row: int) -> str:
    if pose_row != NO_POSE_PICTURE:
        return f"_pose{pose_row:06d}"
    text = f"{yaw:+06.1f}".replace(".", "_")
    return f"_yaw{text.removesuffix('_0')}"


def _plain(text: str) -> str:
    return "".join(character if character.isalnum() or character in "-_" else "_" for character in text)


def _empty() -> pd.DataFrame:
    return pd.DataFrame(columns=[*_COLUMNS, "name", "block"])
