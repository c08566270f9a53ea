from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.split import parse_parts, split_by_person


def people(count: int, pictures: int = 2) -> Manifest:
    names = [f"{person:03d}" for person in range(count) for _ in range(pictures)]
    table = pd.DataFrame({"path": [f"{i}.png" for i in range(len(names))], "subject": names})
    return make_manifest(table, Path(), "faces.csv")


def sizes(manifest: Manifest) -> dict[str, int]:
    return {part: rows["subject"].nunique() for part, rows in manifest.table.groupby("split")}


def test_counts_are_met_and_the_rest_belongs_to_no_part() -> None:
    assert sizes(split_by_person(people(10), {"train": 6, "test": 3}, seed=1)) == {"train": 6, "test": 3, "": 1}


def test_shares_fill_everybody() -> None:
    # Running sums 6, 7, 10 of 10 people.
    assert sizes(split_by_person(people(10), {"train": 0.6, "val": 0.1, "test": 0.3})) == {
        "train": 6, "val": 1, "test": 3,
    }  # fmt: skip
    # Floating point: 0.7 + 0.2 + 0.1 is not quite 1.
    assert sum(sizes(split_by_person(people(7), {"a": 0.7, "b": 0.2, "c": 0.1})).values()) == 7


@given(st.integers(3, 30), st.integers(0, 1000))
def test_nobody_is_in_two_parts_and_row_order_does_not_matter(count: int, seed: int) -> None:
    manifest = people(count)
    split = split_by_person(manifest, {"train": 1, "test": 2}, seed)
    assert split.table.groupby("subject")["split"].nunique().max() == 1
    shuffled = manifest.table.sample(frac=1, random_state=seed).reset_index(drop=True)
    again = split_by_person(make_manifest(shuffled, Path(), "x"), {"train": 1, "test": 2}, seed)
    assert dict(zip(again.table["subject"], again.table["split"], strict=True)) == dict(
        zip(split.table["subject"], split.table["split"], strict=True)
    )


def test_rows_keep_their_order_and_the_seed_decides() -> None:
    manifest = people(40)
    one, other = (split_by_person(manifest, {"train": 20}, seed) for seed in (1, 2))
    assert list(one.table["path"]) == list(manifest.table["path"])
    assert list(one.table["split"]) != list(other.table["split"])
    assert "split" not in manifest.table


def test_too_few_people() -> None:
    with pytest.raises(DataError, match=r"faces.csv: the parts need 12 people, found 10"):
        split_by_person(people(10), {"train": 8, "test": 4})
    with pytest.raises(DataError, match="the share of 'val' comes to nobody"):
        split_by_person(people(3), {"train": 0.9, "val": 0.1})


@pytest.mark.parametrize(
    "parts", [{}, {"train": 0}, {"train": -1}, {"": 3}, {"train": 0.5, "test": 3}, {"a": 0.8, "b": 0.3}, {"a": 0.0}]
)
def test_impossible_parts(parts: dict[str, int | float]) -> None:
    with pytest.raises(ConfigError):
        split_by_person(people(10), parts)


def test_parts_from_text() -> None:
    assert parse_parts("train=44, val=8") == {"train": 44, "val": 8}
    assert parse_parts("train=0.75,test=0.25") == {"train": 0.75, "test": 0.25}
    for bad in ("train", "train=", "=4", "train=many", "train=4,"):
        with pytest.raises(ConfigError, match="--parts"):
            parse_parts(bad)
