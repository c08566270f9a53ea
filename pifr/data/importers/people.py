"""Leaving out the people of a test set: nobody may be trained on who is tested.

People are compared by name here, since this floor knows no recogniser: ``subject`` and, where there is one, ``name``.
Other spellings and unnamed people slip through; comparing faces is the business of ``pifr augment --test-manifest`` and
of the benchmark.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from pifr.core.errors import DataError
from pifr.data.manifest import Manifest

_NAMED = 5


def drop_people(manifest: Manifest, tests: Sequence[Manifest]) -> tuple[Manifest, list[str]]:
    """Leave out everybody whose ``subject`` or ``name`` occurs as ``subject`` or ``name`` in a test manifest.

    Case, accents, and the difference between blanks, underscores and punctuation do not count. Numbers must be equal
    as text, and are reported apart: two sets may number different people alike.

    Args:
        manifest: Pictures to train on.
        tests: Manifests of test sets.

    Returns:
        The pictures of the others, and notes that count the people and pictures left out.

    Raises:
        DataError: If nobody is left.
    """
    wanted = {name for test in tests for names in _people(test).values() for name in names}
    shared = {subject: names & wanted for subject, names in _people(manifest).items() if names & wanted}
    where = ", ".join(test.name for test in tests)
    if not shared:
        return manifest, [f"nobody of {where} is among these people, by name"]
    kept = manifest.select(~manifest.table["subject"].isin(list(shared)))
    if not len(kept):
        raise DataError("all people are also in the test manifest", where=where, found=f"{len(shared)} people",
                        cure="train on other people")  # fmt: skip
    some = ", ".join(sorted(shared)[:_NAMED]) + (", ..." if len(shared) > _NAMED else "")
    notes = [f"{len(shared)} people with {len(manifest) - len(kept)} pictures are also in {where}: left out ({some})"]
    numbers = sum(all(re.fullmatch(r"[\d ]+", name) for name in names) for names in shared.values())
    if numbers:
        notes.append(f"warning: {numbers} of them agree by a number alone, which means the same person only where "
                     "both sets count alike")  # fmt: skip
    return kept, notes


def _people(manifest: Manifest) -> dict[str, set[str]]:
    """Return subject -> all names of this person in their plain form."""
    columns = [column for column in ("subject", "name") if column in manifest.table]
    people: dict[str, set[str]] = {}
    for row in manifest.table[columns].drop_duplicates().itertuples(index=False):
        names = {_plain(str(value)) for value in row if isinstance(value, str)}
        people.setdefault(str(row[0]), set()).update(names - {""})
    return people


def _plain(name: str) -> str:
    letters = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", letters.casefold()).strip()
