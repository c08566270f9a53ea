"""Batches: the same whole whoever computes which part, and what each picture counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pifr.core.errors import DataError
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.pixels import open_pixels_once
from pifr.recognition import batches as module
from pifr.recognition.batches import Batch, Batches, largest_generated_yaw
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.training_data import read_training_data

Recipe = Callable[..., RecognizerConfig]


def with_views(people: Manifest, folder: Path) -> dict[str, object]:
    table = people.table.assign(path=[str(path) for path in people.paths], kind="generated")
    make_manifest(table[table["split"] == "train"], folder, "views").save(folder / "views.csv")
    return {"manifest": people.name, "extra": (str(folder / "views.csv"),)}


def opened(config: RecognizerConfig) -> Batches:
    data = read_training_data(config)
    return Batches(config, data, open_pixels_once(data.train, 64))


def whole(batches: Batches, parts: list[Batch]) -> tuple[torch.Tensor, torch.Tensor]:
    """Put the parts' pictures and labels back into their places."""
    places = torch.cat([part.places for part in parts])
    images = torch.cat([batches.images(part, torch.device("cpu")) for part in parts])
    return images[places.argsort()], torch.cat([part.labels for part in parts])[places.argsort()]


def test_processes_and_accumulation_divide_one_batch(
    recipe: Recipe, people: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = with_views(people, tmp_path)
    together = opened(recipe(data=data))
    expected = whole(together, together.of_step(7))
    divided = opened(recipe(data=data, batch={"people": 4, "pictures": 2, "accumulate": 2}))
    assert [part.part for part in divided.of_step(7)] == [0, 1]
    found = whole(divided, divided.of_step(7))
    assert torch.equal(expected[0], found[0])
    assert torch.equal(expected[1], found[1])
    monkeypatch.setattr(module, "world_size", lambda: 2)
    parts = []
    for rank in range(2):
        monkeypatch.setattr(module, "rank", lambda rank=rank: rank)
        parts += together.of_step(7)
    assert torch.equal(expected[0], whole(together, parts)[0])


def test_real_pictures_come_first_and_weights_have_mean_one(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    config = recipe(data=with_views(people, tmp_path), mixing={"generated_weight": 0.25},
                    batch={"people": 4, "pictures": 2, "accumulate": 2})  # fmt: skip
    parts = opened(config).of_step(3)
    weights = torch.cat([part.weights for part in parts])
    assert weights.mean() == pytest.approx(1.0)
    assert weights.max() / weights.min() == pytest.approx(4.0)
    for part in parts:
        assert (part.weights[: part.real] == weights.max()).all()
        assert (part.weights[part.real :] == weights.min()).all()
    assert sum(part.real for part in parts) == 4
    assert opened(recipe()).of_step(0)[0].weights is None


def test_generated_pictures_turn_farther_step_by_step(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    config = recipe(steps=100, data=with_views(people, tmp_path), mixing={"curriculum_share": 0.5})
    batches = opened(config)
    assert [largest_generated_yaw(step, config) for step in (0, 10, 49, 50)] == [15.0, 30.0, 88.5, math.inf]
    yaw = np.abs(batches.data.train.yaw_degrees)
    seen: dict[int, float] = {}
    for step in (0, 10, 30, *range(60, 68)):
        rows = batches.people.rows(step, largest_generated_yaw_degrees=largest_generated_yaw(step, config))
        turned = yaw[rows][batches.generated[rows]]
        assert len(turned) == 4  # the share stays, the poses change
        seen[step] = turned.max()
    assert seen[0] == 0
    assert seen[10] <= 30
    assert seen[30] <= 60
    assert max(seen[step] for step in range(60, 68)) == 90


def test_a_curriculum_without_yaws_is_refused(recipe: Recipe) -> None:
    with pytest.raises(DataError, match="a curriculum by yaw needs generated pictures whose yaw is known, found 0"):
        opened(recipe(mixing={"curriculum_share": 0.5}))
