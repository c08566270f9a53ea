"""The summary of streamed scores: one file beside ``protocol.json`` from which every table and plot comes back.

``scores_summary.npz`` holds, for each system and group, the accumulators (counts a bin, the exact tail), the rounds of
the bootstrap, the rank and the best scores of each probe, and the worst pairs. Nothing in it is pickled.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pifr.core.errors import DataError
from pifr.core.files import atomic_path
from pifr.evaluation.measure import Measure
from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.search import Gallery, Search
from pifr.evaluation.streamed import GroupCounts, Moments, StreamedScores
from pifr.metrics import Answers, Interval
from pifr.metrics.streaming import StreamingScores
from pifr.metrics.verification_bootstrap import VerificationIntervals

SUMMARY = "scores_summary.npz"
_VERSION = 1
_RECORD = "record"


def write_summary(path: Path, systems: Mapping[str, StreamedScores]) -> Path:
    """Write the summary whole or not at all.

    Args:
        path: The file.
        systems: Name -> what is left of its scores.
    """
    arrays: dict[str, np.ndarray] = {}
    record = {
        "version": _VERSION,
        "systems": [_put(arrays, str(number), system) for number, system in enumerate(systems.values())],
    }
    arrays[_RECORD] = np.frombuffer(json.dumps(record).encode(), np.uint8)
    with atomic_path(Path(path)) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
    return Path(path)


def read_summary(path: Path) -> dict[str, StreamedScores]:
    """Read what :func:`write_summary` wrote.

    Raises:
        DataError: If the file is damaged, or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        record = json.loads(arrays[_RECORD].tobytes())
        if record["version"] != _VERSION:
            raise DataError("the summary is of another version of pifr", where=path, found=record["version"])
        systems = [_take(arrays, str(number), each) for number, each in enumerate(record["systems"])]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError("can't read the summary of scores", where=path, found=error, cure="benchmark again") from error
    return {each.system: each for each in systems}


def _put(arrays: dict[str, np.ndarray], place: str, system: StreamedScores) -> dict[str, Any]:
    for name in ("probe_rows", "probe_person", "failed"):
        arrays[f"{place}/{name}"] = getattr(system, name)
    galleries = [] if system.search is None else system.search.galleries
    for number, gallery in enumerate(galleries):
        arrays[f"{place}/gallery{number}/people"] = gallery.people
        for part in ("ranks", "own", "best"):
            arrays[f"{place}/gallery{number}/{part}"] = getattr(gallery.answers, part)
    if system.drawn is not None:
        arrays[f"{place}/drawn"] = system.drawn
    for number, (_, code) in enumerate(system.group_of.values()):
        arrays[f"{place}/kind{number}"] = code
    counts = {
        kind: {name: _put_counts(arrays, f"{place}/{kind}/{name}", group) for name, group in groups.items()}
        for kind, groups in system.counts.items()
    }
    worst = system.worst
    sides = {"probe": worst.probe, "reference": worst.reference, "score": worst.scores[system.system]}
    for name, values in sides.items():
        arrays[f"{place}/worst/{name}"] = values
    return {
        "system": system.system, "measure": system.measure.to_dict(), "people": system.people,
        "digest": system.digest, "searched": system.search is not None,
        "galleries": [gallery.name for gallery in galleries],
        "kinds": {kind: names for kind, (names, _) in system.group_of.items()}, "counts": counts,
        "worst": _columns(worst.pictures),
    }  # fmt: skip


def _columns(pictures: pd.DataFrame) -> dict[str, list[Any]]:
    return {name: [None if pd.isna(value) else value for value in pictures[name].tolist()] for name in pictures.columns}


def _put_counts(arrays: dict[str, np.ndarray], place: str, group: GroupCounts) -> dict[str, Any]:
    arrays.update({f"{place}/{name}": values for name, values in group.scores.state().items()})
    arrays[f"{place}/moments"] = group.moments.sums
    if group.intervals is None:
        return {}
    found = {"eer": group.intervals.eer, "auc": group.intervals.auc}
    found |= {f"tar {far!r}": interval for far, interval in group.intervals.tar.items()}
    for name, interval in found.items():
        arrays[f"{place}/rounds {name}"] = interval.rounds
    return {
        name: [_json(interval.low), _json(interval.high), interval.level, interval.people]
        for name, interval in found.items()
    }


def _take(arrays: Mapping[str, np.ndarray], place: str, record: dict[str, Any]) -> StreamedScores:
    person = arrays[f"{place}/probe_person"]
    galleries = [
        Gallery(name, arrays[f"{place}/gallery{number}/people"], Answers(
            *(arrays[f"{place}/gallery{number}/{part}"] for part in ("ranks", "own", "best"))
        ))
        for number, name in enumerate(record["galleries"])
    ]  # fmt: skip
    group_of = {
        kind: (names, arrays[f"{place}/kind{number}"]) for number, (kind, names) in enumerate(record["kinds"].items())
    }
    counts = {
        kind: {name: _take_counts(arrays, f"{place}/{kind}/{name}", each) for name, each in groups.items()}
        for kind, groups in record["counts"].items()
    }
    probe, reference, score = (arrays[f"{place}/worst/{name}"] for name in ("probe", "reference", "score"))
    worst = ScoreTable(
        pd.DataFrame(record["worst"]), probe, reference, np.ones(len(probe), bool), {record["system"]: score}
    )
    return StreamedScores(
        record["system"], Measure.from_dict(record["measure"]), record["people"], arrays[f"{place}/probe_rows"],
        person, arrays[f"{place}/failed"], Search(person, galleries) if record["searched"] else None, group_of,
        counts, worst, record["digest"], arrays.get(f"{place}/drawn"),
    )  # fmt: skip


def _take_counts(arrays: Mapping[str, np.ndarray], place: str, record: dict[str, Any]) -> GroupCounts:
    names = ("sizes", "mated_bins", "mated_counts", "nonmated_bins", "nonmated_counts", "highest", "every_mated")
    scores = StreamingScores.from_state({name: arrays[f"{place}/{name}"] for name in names})
    intervals = {
        name: Interval(_float(low), _float(high), level, people, arrays[f"{place}/rounds {name}"])
        for name, (low, high, level, people) in record.items()
    }
    found = GroupCounts(scores, Moments(arrays[f"{place}/moments"]))
    if intervals:
        tar = {float(name.removeprefix("tar ")): each for name, each in intervals.items() if name.startswith("tar ")}
        found.intervals = VerificationIntervals(intervals["eer"], intervals["auc"], tar)
    return found


def _json(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _float(value: float | None) -> float:
    return float("nan") if value is None else value
