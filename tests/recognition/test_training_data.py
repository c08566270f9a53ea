"""Joining manifests: splits, generated views, rejected rows, and people who are where they must not be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import get_ident

import pandas as pd
import pytest

from pifr.core.errors import DataError
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.seen import data_folders
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.training_data import fetched_ahead, read_training_data

Recipe = Callable[..., RecognizerConfig]


def views(people: Manifest, folder: Path, **columns: object) -> str:
    """Write a manifest of generated views: the training people's pictures once more."""
    table = people.table.assign(path=[str(path) for path in people.paths], kind="generated", **columns)
    table = table[table["split"] == "train"]
    make_manifest(table, folder, "views").save(folder / "views.csv")
    return str(folder / "views.csv")


def test_rows_are_chosen_by_split(recipe: Recipe) -> None:
    data = read_training_data(recipe())
    assert (len(data.people), len(data.train)) == (8, 56)
    assert data.validation is not None
    assert len(data.validation.subjects) == 4
    assert not set(data.people) & set(data.validation.subjects)
    assert [data.people[label] for label in data.labels] == list(data.train.table["subject"])
    assert not data.generated.any()
    assert (data.spec.size_px, data.spec.template) == (64, "unaligned")


def test_generated_views_join_and_are_marked(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    data = read_training_data(recipe(data={"manifest": people.name, "extra": (views(people, tmp_path),)}))
    assert len(data.train) == 112
    assert int(data.generated.sum()) == 56
    assert len(data.people) == 8
    assert all(path.exists() for path in data.train.paths)
    # Each manifest tells its own folders, these views lie among the pictures; what both lie in may hold other sets.
    assert data.folders == (*data_folders(people.of_split("train")), str(tmp_path))


def test_views_without_any_split_are_taken_whole(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    path = views(people, tmp_path)
    pd.read_csv(path, dtype=str).drop(columns="split").to_csv(path, index=False)
    assert len(read_training_data(recipe(data={"manifest": people.name, "extra": (path,)})).train) == 112


def test_rejected_views_are_left_out(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    accepted = ["False" if yaw == 90 else "True" for yaw in people.table["yaw"]]
    path = views(people, tmp_path, accepted=accepted)
    assert len(read_training_data(recipe(data={"manifest": people.name, "extra": (path,)})).train) == 56 + 48


def test_only_rejected_views_are_an_error(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    path = views(people, tmp_path, accepted=False)
    with pytest.raises(DataError, match="marked as rejected"):
        read_training_data(recipe(data={"manifest": people.name, "extra": (path,)}))


def test_people_in_training_and_validation_are_named(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    table = people.table.assign(path=[str(path) for path in people.paths])
    culprit = table.loc[table["split"] == "val", "subject"].iloc[0]
    first = table.index[table["subject"] == culprit][0]
    table.loc[first, "split"] = "train"
    make_manifest(table, tmp_path, "mixed").save(tmp_path / "mixed.csv")
    with pytest.raises(DataError, match=f"training and validation both, found {culprit}; split by person"):
        read_training_data(recipe(data={"manifest": str(tmp_path / "mixed.csv")}))


def test_views_of_validation_people_are_refused(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    table = people.table.assign(path=[str(path) for path in people.paths], kind="generated").drop(columns="split")
    make_manifest(table, tmp_path, "views").save(tmp_path / "views.csv")
    with pytest.raises(DataError, match="training and validation both"):
        read_training_data(recipe(data={"manifest": people.name, "extra": (str(tmp_path / "views.csv"),)}))


def test_no_validation_split_is_said(recipe: Recipe, people: Manifest, capsys: pytest.CaptureFixture[str]) -> None:
    data = read_training_data(recipe(data={"manifest": people.name, "validation_split": "vall"}))
    assert data.validation is None
    assert "no split 'vall'" in capsys.readouterr().err


def test_null_train_split_takes_all_but_validation(recipe: Recipe, people: Manifest, rendered: Manifest) -> None:
    assert len(read_training_data(recipe(data={"manifest": people.name, "train_split": None})).train) == 56
    whole = {"manifest": rendered.name, "train_split": None, "validation_split": None}
    assert len(read_training_data(recipe(data=whole)).train) == 84


def test_a_misspelt_train_split_suggests_the_right_one(recipe: Recipe, people: Manifest) -> None:
    with pytest.raises(DataError, match=r"no picture in split 'trian'; did you mean 'train'\?"):
        read_training_data(recipe(data={"manifest": people.name, "train_split": "trian"}))


def test_views_of_another_alignment_are_refused(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    path = views(people, tmp_path, template="arcface-112")
    with pytest.raises(DataError, match="different alignment"):
        read_training_data(recipe(data={"manifest": people.name, "extra": (path,)}))


def test_a_single_person_can_not_be_told_apart(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    table = people.table.assign(path=[str(path) for path in people.paths])
    table = table[table["subject"] == table["subject"].iloc[0]].assign(split="train")
    make_manifest(table, tmp_path, "one").save(tmp_path / "one.csv")
    with pytest.raises(DataError, match="at least two people"):
        read_training_data(recipe(data={"manifest": str(tmp_path / "one.csv")}))


def test_a_changed_picture_changes_the_fingerprint(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    path = views(people, tmp_path)
    before = read_training_data(recipe(data={"manifest": people.name, "extra": (path,)})).fingerprint
    pd.read_csv(path, dtype=str).iloc[1:].to_csv(path, index=False)
    after = read_training_data(recipe(data={"manifest": people.name, "extra": (path,)})).fingerprint
    assert before != after


def test_fetching_ahead_keeps_the_order_and_works_on_another_thread() -> None:
    threads = set()

    def fetch(step: int) -> int:
        threads.add(get_ident())
        return step * step

    assert list(fetched_ahead(fetch, 3, 9)) == [(step, step * step) for step in range(3, 9)]
    assert get_ident() not in threads


def test_a_failed_fetch_is_raised_where_it_is_needed() -> None:
    def fetch(step: int) -> int:
        if step == 2:
            raise DataError("broken", where=step)
        return step

    batches = fetched_ahead(fetch, 0, 5)
    assert [next(batches), next(batches)] == [(0, 0), (1, 1)]
    with pytest.raises(DataError, match="2: broken"):
        next(batches)
