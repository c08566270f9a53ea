"""Stored results of the London splits, of other splits each, as one: not all of them need run on one machine.

Rounds of the bootstrap over people are not stored, so a pooled figure has no interval over people; what it has are the
deviation over splits and the corrected interval of Nadeau and Bengio (:mod:`benchmarks.study.london_tables`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.study.gaps import Measured
from benchmarks.study.london import Outcome
from benchmarks.study.london_settings import LondonSettings, System, choose_systems
from benchmarks.study.london_steps import FIGURES
from benchmarks.study.london_tables import STUDY, YAWS, is_pooled, summarise
from pifr.core.errors import DataError

Found = Mapping[str, Any]
_MAY_DIFFER = {"splits", "london", "twin", "device", "bootstrap_rounds"}
"""Settings that say where things lay and how intervals were drawn, not what was trained."""
_ORIGIN = ("created", "command", "git_commit", "machine", "splits", "inputs", "hours")


def pool(stored: Sequence[tuple[str, Found]], other_digests: bool = False) -> dict[str, Any]:
    """Return results of several files as one, for the systems that all of them have.

    Args:
        stored: Files: the name, and what :func:`benchmarks.study.london_tables.summarise` wrote.
        other_digests: Go on although digests of the pictures or of the twin's generator differ, as they do between
            files from before and after a change of how digests are made; the result keeps each file's.

    Raises:
        DataError: If a file is none of these, two hold the same split, or were trained with other settings or, as
            far as digests tell, from other pictures, or share no system.
    """
    for name, one in stored:
        _refuse_other_kinds(name, one)
    _refuse_mixtures(stored, other_digests)
    found = [one for _, one in stored]
    systems = [each for each in choose_systems([]) if all(each.key in one["rows"] for one in found)]
    if not systems:
        raise DataError("no system was run in all files", where=", ".join(name for name, _ in stored))
    splits = [split for one in found for split in one["splits"]]
    settings = LondonSettings.model_validate({**found[0]["settings"], "splits": tuple(splits)})
    outcome = Outcome(
        people=[], splits=splits, seconds=3600 * sum(one["hours"] for one in found),
        measured={system.key: _measured(found, system) for system in systems},
        tested={int(split): names for one in found for split, names in one["tested"].items()},
    )  # fmt: skip
    pooled = summarise(outcome, systems, settings, {})
    del pooled["inputs"]  # of each file
    uncertainty = {"interval": "none: rounds over people are not stored"}
    origins = {name: {key: one[key] for key in _ORIGIN} for name, one in stored}
    return {**pooled, "pooled_from": origins, "uncertainty": pooled["uncertainty"] | uncertainty}


def _refuse_other_kinds(name: str, one: Any) -> None:
    kind = one.get("study") if isinstance(one, Mapping) else None
    if kind != STUDY or not all(key in one for key in (*_ORIGIN, "settings", "rows", "tested")):
        what = "one pooled already" if kind == STUDY and is_pooled(one) else repr(kind)
        raise DataError("no result of benchmarks/london_splits.py", where=name, found=what,
                        cure="name the JSON files that it wrote")  # fmt: skip


def _refuse_mixtures(stored: Sequence[tuple[str, Found]], other_digests: bool) -> None:
    """Refuse files whose splits overlap or whose networks were trained otherwise."""
    (first, reference), *others = stored
    taken = dict.fromkeys(reference["splits"], first)
    for name, one in others:
        for key, value in reference["settings"].items():
            if key not in _MAY_DIFFER and one["settings"].get(key) != value:
                raise DataError(
                    f"trained with another {key} than {first}", where=name,
                    found=f"{one['settings'].get(key)!r} and {value!r}", cure="pool splits of one kind",
                )  # fmt: skip
        for key in () if other_digests else reference["inputs"].keys() & one["inputs"].keys():
            if one["inputs"][key] != reference["inputs"][key]:
                raise DataError(
                    f"the digest of {key} is another than in {first}", where=name, found=one["inputs"][key],
                    cure="pool results of the same pictures; --other-digests if you know that they are",
                )  # fmt: skip
        for split in one["splits"]:
            if split in taken:
                raise DataError(f"split {split} is in {taken[split]} too", where=name, cure="pool other splits")
            taken[split] = name


def _measured(found: Sequence[Found], system: System) -> dict[str, list[Measured]]:
    """Return a system's figures, one entry a split, without rounds."""
    return {
        figure: [
            Measured(len(one["tested"][str(split)]), _rates(one["rows"][system.key], figure, place), _no_rounds())
            for one in found for place, split in enumerate(one["splits"])
        ]
        for figure in FIGURES
    }  # fmt: skip


def _rates(row: Found, figure: str, place: int) -> dict[str, float]:
    """Return yaw -> share; a yaw without a figure in this split is left out."""
    shares = {yaw: row[f"{figure}_percent_by_abs_yaw"][yaw]["per_seed"][place] for yaw in YAWS}
    return {yaw: share / 100 for yaw, share in shares.items() if share is not None}


def _no_rounds() -> dict[str, np.ndarray]:
    return {yaw: np.zeros(0) for yaw in YAWS}
