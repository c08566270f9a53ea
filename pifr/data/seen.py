"""The rule of every measurement: nobody is tested on people it learned from, unless that is said aloud."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from pifr.core.errors import DataError
from pifr.data.manifest import Manifest

BELOW = "/**"
"""Ends the folder that holds pictures, so that it is not taken for a manifest's: other sets may lie below that one."""
_LOOKED_AT = 256


def data_folders(data: Manifest) -> list[str]:
    """Return what tells a data set from another whose people bear the same names, for a checkpoint to keep.

    These are the folder of the manifest and, ending in :data:`BELOW`, the one that all of its pictures lie in, links
    followed: a study or a split writes manifests of its own, in folders of its own, of pictures that stay where they
    are.
    """
    found, pictures = [str(data.folder.resolve())], _folder_of_pictures(data)
    return found if pictures is None else [*found, f"{pictures}{BELOW}"]


def _folder_of_pictures(data: Manifest) -> str | None:
    """Return the deepest folder that holds all pictures, None for the root, which would tell nothing.

    Links are followed for one picture of each folder and for some over the whole table: millions would take minutes.
    """
    names = data.table["path"].tolist()
    chosen = {os.path.dirname(name): name for name in names}
    looked_at = {*chosen.values(), *names[:: max(1, len(names) // _LOOKED_AT)]}
    try:
        found = os.path.commonpath([os.path.dirname(os.path.realpath(data.folder / name)) for name in looked_at])
    except ValueError:  # several drives of Windows
        return None
    return None if os.path.dirname(found) == found else found


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
