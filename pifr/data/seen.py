"""The rule of every measurement: nobody is tested on people it learned from, unless that is said aloud."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from pifr.core.errors import DataError
from pifr.data.manifest import Manifest

BELOW = "/**"
"""Ends the folder that holds pictures, so that it is not taken for a manifest's: other sets may lie below that one."""
_LOOKED_AT, _MOST_SETS = 256, 16
_MANIFESTS = ("manifest.csv", "manifest.parquet")


def data_folders(data: Manifest) -> list[str]:
    """Return what tells a data set from another whose people bear the same names, for a checkpoint to keep.

    These are the folder of the manifest and, ending in :data:`BELOW`, the one that all of its pictures lie in, links
    followed: a study or a split writes manifests of its own, in folders of its own, of pictures that stay where they
    are. Where several sets were joined in one manifest, there is such a folder of each, see :func:`_sets_within`.
    """
    here = str(data.folder.resolve())
    people, linked = _people_by_folder(data)
    try:
        common = os.path.commonpath([*people, *linked])
    except ValueError:  # several drives of Windows
        return [here]
    if os.path.dirname(common) == common:  # the root would tell nothing
        return [here]
    sets = [common] if linked or common == here else _sets_within(common, people)
    return [here, *(f"{folder}{BELOW}" for folder in sets)]


def _people_by_folder(data: Manifest) -> tuple[dict[str, set[str]], set[str]]:
    """Return folder of pictures -> people in it, and folders where single pictures of these are links to.

    Links are followed for one picture of each folder and for some over the whole table: millions would take minutes.
    """
    names, subjects = data.table["path"].tolist(), data.table["subject"].tolist()
    shown: dict[str, set[str]] = {}
    chosen: dict[str, str] = {}
    for name, subject in zip(names, subjects, strict=True):
        written = os.path.dirname(name)
        chosen[written] = name
        shown.setdefault(written, set()).add(subject)

    def real(name: str) -> str:
        return os.path.dirname(os.path.realpath(data.folder / name))

    folders = {written: real(name) for written, name in chosen.items()}
    people: dict[str, set[str]] = {}
    for written, folder in folders.items():
        people.setdefault(folder, set()).update(shown[written])
    some = names[:: max(1, len(names) // _LOOKED_AT)]
    return people, {folder for name in some if (folder := real(name)) != folders[os.path.dirname(name)]}


def _sets_within(common: str, people: Mapping[str, set[str]]) -> list[str]:
    """Return the folders of the sets that were joined; ``common`` where nothing says that it holds several.

    Sessions, cameras, parts and persons have folders of their own within one set, and who shares a name there is the
    same person. So the folders next below ``common`` are sets only where each has several people, nobody is in two of
    them, and each holds a manifest, as what this package aligns, renders or generates does.

    Args:
        common: The folder of all pictures.
        people: Folder of pictures -> people.
    """
    parts: dict[str, list[str]] = {}
    for folder in people:
        parts.setdefault(os.path.relpath(folder, common).split(os.sep)[0], []).append(folder)
    if os.curdir in parts or not 2 <= len(parts) <= _MOST_SETS:
        return [common]
    whose = [set().union(*(people[folder] for folder in folders)) for folders in parts.values()]
    several = all(len(each) > 1 for each in whose) and len(set().union(*whose)) == sum(map(len, whose))
    sets = [os.path.commonpath(folders) for folders in parts.values()]
    return sorted(sets) if several and all(_has_manifest(folder, common) for folder in sets) else [common]


def _has_manifest(folder: str, above: str) -> bool:
    """Tell whether a folder, or one between it and ``above``, holds a table of this package's usual name."""
    between = [Path(folder), *Path(folder).parents]
    between = between[: between.index(Path(above))]
    return any((each / name).is_file() for each in between for name in _MANIFESTS)


def known_people(model: object, tested: Collection[str], folders: Collection[str]) -> tuple[list[str], bool]:
    """Return who is named like people that a model learned from, sorted, and whether they are the same people.

    They are where the names are of one data set, or the model does not tell of which its own are. Arguments are those
    of :func:`check_training_people`.
    """
    shared = sorted(frozenset(getattr(model, "training_people", ())) & set(tested))
    learned = frozenset(getattr(model, "training_folders", ()))
    return shared, not learned or any(_one_set(one, other) for one in learned for other in folders)


def _one_set(one: str, other: str) -> bool:
    """Whether two of :func:`data_folders` mean one data set: one place, or pictures of one below those of the other.

    A part of the pictures, one session or one person, may all lie in a folder further down.
    """
    first, second = one.removesuffix(BELOW), other.removesuffix(BELOW)
    if first == second:
        return True
    both_hold_pictures = first != one and second != other
    return both_hold_pictures and (Path(first).is_relative_to(second) or Path(second).is_relative_to(first))


def some_names(names: list[str]) -> str:
    """Return names for a message, the first five of many."""
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def check_training_people(
    model: object, kind: str, tested: Collection[str], folders: Collection[str], allowed: bool
) -> str | None:  # fmt: skip
    """Refuse a model that was trained on people of the test; return a note where a reader should know.

    Names tell people apart within one data set only: 001 of another set is another person. So names shared with
    training data from other folders are noted, not refused. A model that does not tell whom it learned from passes.

    Args:
        model: What has a ``name``, and where they are known ``training_people`` and ``training_folders``.
        kind: What to call it: recogniser, generator.
        tested: Names of the people of the test.
        folders: :func:`data_folders` of the pictures they are named in.
        allowed: Note what would be refused.

    Raises:
        DataError: If it learned from people of the test and that is not allowed.
    """
    name = str(getattr(model, "name", kind))
    shared, the_same = known_people(model, tested, folders)
    if not shared:
        return None
    shown = some_names(shared)
    if not the_same:
        return f"{name}: {len(shared)} people of its training data, another set, are named as in the test"
    if not allowed:
        raise DataError(
            f"the {kind} was trained on {len(shared)} of the {len(tested)} people of the test",
            where=name, found=shown, cure="test other people, or say so with --allow-training-people",
        )  # fmt: skip
    return f"{name} was trained on {len(shared)} of the {len(tested)} people of the test: {shown}"


def training_people_notes(
    model: object, kind: str, tested: Collection[str], folders: Collection[str], allowed: bool
) -> list[str]:  # fmt: skip
    """Check a model, or all that it is made of, each against the data set it learned from; return the notes.

    Arguments and errors are those of :func:`check_training_people`; what is made of several has an attribute
    ``parts``, kind -> model.
    """
    parts: dict[str, object] = getattr(model, "parts", {kind: model})
    found = [check_training_people(part, of_kind, tested, folders, allowed) for of_kind, part in parts.items()]
    return [note for note in found if note]
