"""Applying a protocol file to a manifest: from a rule to rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.names import normal_name
from pifr.evaluation.protocols.definition import Definition, Selection, load_definition
from pifr.evaluation.protocols.ijb import load_ijb
from pifr.evaluation.protocols.pairs import load_pairs
from pifr.evaluation.protocols.protocol import DEVELOPMENT, EVALUATION, Protocol

_NAMED = ("session", "recording", "camera", "illumination", "expression", "role")


def load_protocol(
    name: str,
    data: Manifest | Path | str,
    train_people: int | None = None,
    *,
    pictures: Path | str | None = None,
    template: str | None = None,
) -> Protocol:
    """Apply the protocol called ``name`` to ``data``.

    Args:
        name: A name of :func:`~pifr.evaluation.protocols.protocol_names`, or a YAML file of one's own.
        data: The pictures; for a protocol that lists its pictures itself the data set's folder, or the file of pairs.
        train_people: How many of the first people to keep for training instead of the published number, for a
            data set with fewer people; the deviation is noted.
        pictures: Folder of aligned copies of the pictures that such a protocol lists, under the same names (a PNG may
            stand for another format), as ``pifr data align`` makes them.
        template: Alignment template of these pictures; where absent, what the manifest in ``pictures`` says.

    Raises:
        ConfigError: If there is no such protocol, or an option does not fit it.
        DataError: If the data can't serve it; the message names what is missing.
    """
    definition = load_definition(name)
    if definition.layout == "search":
        for option, value in (("pictures", pictures), ("template", template)):
            if value is not None:
                raise ConfigError(f"{definition.name} reads a manifest, which names pictures and their template itself",
                                  where=f"--{option}")  # fmt: skip
        manifest = data if isinstance(data, Manifest) else read_manifest(data)
        return apply_definition(definition, manifest, train_people)
    if isinstance(data, Manifest):
        raise DataError(f"{definition.name} lists its pictures itself and takes no manifest", where=data.name,
                        cure=definition.needs)  # fmt: skip
    if train_people is not None:
        raise ConfigError(f"{definition.name} trains on nobody", where="--train-people")
    folder = None if pictures is None else Path(pictures)
    if template is None and folder is not None and (folder / "manifest.csv").is_file():
        template = read_manifest(folder / "manifest.csv").template
    load = load_ijb if definition.layout in ("ijb-11", "ijb-1n") else load_pairs
    return load(definition, Path(data), folder, template or "")


def apply_definition(definition: Definition, data: Manifest, train_people: int | None = None) -> Protocol:
    """Apply a protocol definition to ``data``; see :func:`load_protocol`."""
    data.require(("subject", *definition.columns))
    for selection in (definition.subset, definition.enrol, definition.probe):
        data.require(_columns_of(selection))
    _refuse_duplicates(data)
    notes: list[str] = []
    table = data.table
    known = _matches(table, definition.subset)
    if not known.any():
        raise DataError(f"no picture fits the protocol {definition.name!r}", where=data.name, cure=definition.needs)
    part = _parts(definition, data, known, train_people, notes)
    in_part = part != ""
    enrolment = _enrol(table, known & in_part & _matches(table, definition.enrol), definition.enrol)
    if not enrolment.size:
        raise DataError(
            "no picture to enrol", where=data.name, cure=f"{definition.name} enrols {describe(definition.enrol)}"
        )
    probe_mask = known & in_part & _matches(table, definition.probe)
    probe_mask[enrolment] = False
    probes = _without_strangers(definition, table, np.flatnonzero(probe_mask), enrolment, notes)
    if not probes.size:
        raise DataError(
            "no picture to search with", where=data.name, cure=f"{definition.name} takes {describe(definition.probe)}"
        )
    _note_counts(definition, len(enrolment), len(probes), notes)
    _require_two_people(table, enrolment, data)
    _refuse_copies(data, enrolment, probes)
    return Protocol(definition, data, enrolment, probes, part, notes)


def describe(selection: Selection) -> str:
    """Return a selection in words, for messages and lists."""
    said = [
        f"{name} {', '.join(values)}" for name in _NAMED if (values := getattr(selection, name)) is not None
    ]  # fmt: skip
    if selection.max_abs_yaw_degrees is not None:
        said.append(f"|yaw| up to {selection.max_abs_yaw_degrees:g} degrees")
    for session, recordings in (selection.recording_of_session or {}).items():
        said.append(f"session {session} recording {', '.join(recordings)}")
    said.extend(f"{name} {', then '.join(values)} preferred" for name, values in selection.prefer.items())
    words = "; ".join(said) or "every picture"
    return f"one picture a person: {words}" if selection.pick == "one a person" else words


def _columns_of(selection: Selection) -> list[str]:
    """Return the columns a selection looks at; those it merely prefers by may be missing."""
    columns = [name for name in _NAMED if getattr(selection, name) is not None]
    if selection.recording_of_session is not None:
        columns += ["session", "recording"]
    return columns + ["yaw"] * (selection.max_abs_yaw_degrees is not None)


def _matches(table: pd.DataFrame, selection: Selection) -> np.ndarray:
    """Return which rows ``(N,)`` a selection takes."""
    mask = np.ones(len(table), bool)
    for name in _NAMED:
        wanted = getattr(selection, name)
        if wanted is not None:
            mask &= _is_one_of(table[name], wanted)
    if selection.recording_of_session is not None:
        allowed = np.zeros(len(table), bool)
        for session, recordings in selection.recording_of_session.items():
            allowed |= _is_one_of(table["session"], [session]) & _is_one_of(table["recording"], recordings)
        mask &= allowed
    if selection.max_abs_yaw_degrees is not None:
        mask &= (table["yaw"].abs() <= selection.max_abs_yaw_degrees).to_numpy()
    return mask


def _is_one_of(column: pd.Series, wanted: list[str]) -> np.ndarray:
    codes, values = pd.factorize(column.astype(str))
    names = {normal_name(value) for value in wanted}
    return np.array([normal_name(value) in names for value in values], bool)[codes]


def _parts(
    definition: Definition, data: Manifest, known: np.ndarray, train_people: int | None, notes: list[str]
) -> np.ndarray:
    """Return per row ``(N,)`` dev, eval or nothing; the people kept for training are among the latter."""
    subjects = data.table["subject"].to_numpy(dtype=str)
    people = sorted(set(subjects[known]), key=lambda name: normal_name(name).rjust(12))
    named = definition.people
    if named.dev is not None or named.eval is not None:
        if train_people is not None:
            raise ConfigError(f"{definition.name} names its people itself", where="--train-people")
        part = np.full(len(subjects), "", dtype=object)
        for label, wanted in ((DEVELOPMENT, named.dev), (EVALUATION, named.eval)):
            rows = _is_one_of(data.table["subject"], wanted or [])
            part[rows] = label
        return part.astype(str)
    first = named.train_first if train_people is None else train_people
    if train_people is not None and train_people != named.train_first:
        notes.append(f"people: the first {train_people} are kept for training, the protocol says {named.train_first}")
    if first and first >= len(people) - 1:
        raise DataError(
            f"{definition.name} keeps the first {first} people for training and tests the others",
            where=data.name, found=f"{len(people)} people", cure="keep fewer with --train-people N",
        )  # fmt: skip
    tested = np.isin(subjects, people[first:])
    return np.where(tested, EVALUATION, "")


def _enrol(table: pd.DataFrame, mask: np.ndarray, selection: Selection) -> np.ndarray:
    """Return the enrolled rows, ascending."""
    rows = np.flatnonzero(mask)
    if selection.pick == "all" or not rows.size:
        return rows
    candidates = table.iloc[rows]
    keys = pd.DataFrame({"row": rows, "subject": candidates["subject"].to_numpy()})
    order = ["subject"]
    if "session" in table:
        keys["session"] = [normal_name(value).rjust(12) for value in candidates["session"]]
        order.append("session")
    for name, preferred in selection.prefer.items():
        if name in table:
            place = {normal_name(value): rank for rank, value in enumerate(preferred)}
            keys[name] = [place.get(normal_name(value), len(place)) for value in candidates[name]]
            order.append(name)
    if "yaw" in table:
        keys["abs_yaw"] = candidates["yaw"].abs().to_numpy()
        order.append("abs_yaw")
    chosen = keys.sort_values([*order, "row"]).drop_duplicates("subject")
    return np.sort(chosen["row"].to_numpy())


def _without_strangers(
    definition: Definition, table: pd.DataFrame, probes: np.ndarray, enrolment: np.ndarray, notes: list[str]
) -> np.ndarray:
    """Leave out probes of people who are not enrolled, or keep them as the protocol says; either way say so."""
    enrolled = set(table["subject"].iloc[enrolment])
    strangers = ~table["subject"].iloc[probes].isin(enrolled).to_numpy()
    if not strangers.any():
        return probes
    people = table["subject"].iloc[probes[strangers]].unique()
    shown = ", ".join(people[:5]) + (" ..." if len(people) > 5 else "")
    kept = definition.strangers == "keep"
    if kept and strangers.all():
        raise DataError("not one probe shows an enrolled person", found=f"probes of {shown}",
                        cure=f"{definition.name} enrols {describe(definition.enrol)}")  # fmt: skip
    told = "make the search an open set" if kept else "left out"
    notes.append(f"{strangers.sum()} pictures of {len(people)} people without an enrolled picture {told}: {shown}")
    return probes if kept else probes[~strangers]


def _note_counts(definition: Definition, enrolled: int, probes: int, notes: list[str]) -> None:
    found = {"enrolled": enrolled, "probes": probes}
    for name, expected in definition.expected.items():
        if name in found and found[name] != expected:
            notes.append(f"{found[name]:,} {name}, the published protocol has {expected:,}")


def _refuse_duplicates(data: Manifest) -> None:
    repeated = data.table["path"].duplicated().to_numpy()
    if repeated.any():
        row = int(np.flatnonzero(repeated)[0])
        raise DataError(
            "the picture is listed twice, and could be gallery and probe at once",
            where=data.place(row), found=data.table["path"][row], cure="drop one of the rows",
        )  # fmt: skip


def _refuse_copies(data: Manifest, enrolment: np.ndarray, probes: np.ndarray) -> None:
    """Refuse a probe whose file is byte for byte an enrolled one under another name: it would be found at once."""
    paths = data.paths
    enrolled: dict[int, list[int]] = {}
    for row in enrolment.tolist():
        enrolled.setdefault(_size(paths[row]), []).append(row)
    enrolled.pop(-1, None)
    for row in probes.tolist():
        for other in enrolled.get(_size(paths[row]), ()):
            if paths[row].read_bytes() == paths[other].read_bytes():
                raise DataError(
                    "a probe is a copy of an enrolled picture", where=data.place(row),
                    found=f"{data.table['path'][row]} and {data.table['path'][other]}", cure="drop one of the rows",
                )  # fmt: skip


def _size(path: Path) -> int:
    """Return the size in bytes; -1 where the file is missing, which the embedding will report."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _require_two_people(table: pd.DataFrame, enrolment: np.ndarray, data: Manifest) -> None:
    people = table["subject"].iloc[enrolment].nunique()
    if people < 2:
        raise DataError("a comparison needs at least two enrolled people", where=data.name, found=people)
