"""The rule of every measurement: nobody is tested on people it learned from, unless that is said aloud."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pifr.core.errors import DataError


def known_people(model: object, tested: Collection[str], folder: Path) -> tuple[list[str], bool]:
    """Return who is named like people that a model learned from, sorted, and whether they are the same people.

    They are where the names are of one data set, or the model does not tell of which its own are. Arguments are those
    of :func:`check_training_people`.
    """
    shared = sorted(frozenset(getattr(model, "training_people", ())) & set(tested))
    folders = frozenset(getattr(model, "training_folders", ()))
    return shared, not folders or str(folder.resolve()) in folders


def some_names(names: list[str]) -> str:
    """Return names for a message, the first five of many."""
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def check_training_people(
    model: object, kind: str, tested: Collection[str], folder: Path, allowed: bool
) -> str | None:  # fmt: skip
    """Refuse a model that was trained on people of the test; return a note where a reader should know.

    Names tell people apart within one data set only: 001 of another set is another person. So names shared with
    training data from another folder are noted, not refused. A model that does not tell whom it learned from passes.

    Args:
        model: What has a ``name``, and where they are known ``training_people`` and ``training_folders``.
        kind: What to call it: recogniser, generator.
        tested: Names of the people of the test.
        folder: Of the manifest they are named in.
        allowed: Note what would be refused.

    Raises:
        DataError: If it learned from people of the test and that is not allowed.
    """
    name = str(getattr(model, "name", kind))
    shared, the_same = known_people(model, tested, folder)
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
    model: object, kind: str, tested: Collection[str], folder: Path, allowed: bool
) -> list[str]:  # fmt: skip
    """Check a model, or all that it is made of, each against the data set it learned from; return the notes.

    Arguments and errors are those of :func:`check_training_people`; what is made of several has an attribute
    ``parts``, kind -> model.
    """
    parts: dict[str, object] = getattr(model, "parts", {kind: model})
    found = [check_training_people(part, of_kind, tested, folder, allowed) for of_kind, part in parts.items()]
    return [note for note in found if note]
