"""Splits by person: nobody is ever in two parts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from pifr.core.errors import ConfigError, DataError
from pifr.core.seeds import derive_seed
from pifr.data.manifest import Manifest

KNOWN_PARTS = ("train", "val", "test", "teachers")
"""Parts that other commands take by themselves; any other has to be named to them by ``--split``."""


def split_by_person(manifest: Manifest, parts: Mapping[str, int | float], seed: int = 0) -> Manifest:
    """Assign every person to one part, in the column ``split``.

    People are ordered by a hash of (seed, name), so the result depends neither on the order of the rows nor on
    how many pictures a person has. An existing column ``split`` is replaced.

    Args:
        manifest: Pictures.
        parts: Name -> number of people (all integers), or name -> share of the people (all floats, sum at most 1).
            People beyond the sum belong to no part: their ``split`` is empty.
        seed: Another seed gives another split.

    Returns:
        The manifest with its rows in the same order.

    Raises:
        ConfigError: If the parts mix counts and shares, are negative or name no part.
        DataError: If there are too few people, or a share comes to nobody.
    """
    people = sorted(manifest.subjects, key=lambda subject: (derive_seed(seed, "split", subject), subject))
    part_of = {}
    start = 0
    for part, count in _people_per_part(parts, len(people), manifest.name).items():
        for subject in people[start : start + count]:
            part_of[subject] = part
        start += count
    return replace(manifest, table=manifest.table.assign(split=[part_of.get(s, "") for s in manifest.table["subject"]]))


def parse_parts(text: str) -> dict[str, int | float]:
    """Read ``train=44,val=8,test=20`` or ``train=0.6,val=0.1,test=0.3``.

    Raises:
        ConfigError: If it is written otherwise.
    """
    parts: dict[str, int | float] = {}
    for item in text.split(","):
        name, _, amount = (piece.strip() for piece in item.partition("="))
        try:
            parts[name] = float(amount) if "." in amount else int(amount)
        except ValueError:
            name = ""
        if not name:
            raise ConfigError(
                "parts are written train=44,val=8,test=20 or train=0.6,val=0.1,test=0.3", where="--parts",
                found=repr(item),
            )  # fmt: skip
    return parts


def _people_per_part(parts: Mapping[str, int | float], people: int, where: str) -> dict[str, int]:
    amounts = list(parts.values())
    if not parts or any(not name for name in parts) or not all(math.isfinite(a) and a > 0 for a in amounts):
        raise ConfigError("every part needs a name and more than nobody", found=dict(parts))
    shares = [isinstance(amount, float) for amount in amounts]
    if any(shares) and not all(shares):
        raise ConfigError("parts are all counts or all shares", found=dict(parts), cure="write shares as 0.6, 1.0")
    if not any(shares):
        if sum(amounts) > people:
            raise DataError(f"the parts need {sum(amounts)} people", where=where, found=f"{people}")
        return {name: int(amount) for name, amount in parts.items()}
    if sum(amounts) > 1 + 1e-9:
        raise ConfigError("shares add up to more than 1", found=dict(parts))
    # Rounding the running sum gives parts that differ from their share by less than one person and fit together.
    edges = [round(sum(amounts[: index + 1]) * people) for index in range(len(amounts))]
    counts = {name: edge - before for name, edge, before in zip(parts, edges, [0, *edges], strict=False)}
    for name, count in counts.items():
        if count == 0:
            raise DataError(f"the share of {name!r} comes to nobody", where=where, found=f"{people} people")
    return counts
