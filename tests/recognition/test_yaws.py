"""Yaws of training pictures on their way to a DREAM block."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pifr.backbones import BackboneConfig, DreamConfig
from pifr.core.errors import DataError
from pifr.data.manifest import Manifest
from pifr.data.pixels import open_pixels_once
from pifr.recognition.batches import Batches
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.fine_tuning import freeze
from pifr.recognition.model import build_model
from pifr.recognition.training_data import read_training_data
from pifr.recognition.yaws import known_yaws

Recipe = Callable[..., RecognizerConfig]
TELLS = BackboneConfig(width=0.125, embedding_dim=16, dream=DreamConfig(yaw="manifest"))


def test_each_picture_of_a_batch_comes_with_its_own_yaw(recipe: Recipe) -> None:
    config = recipe(backbone=TELLS.model_dump())
    data = read_training_data(config)
    store = open_pixels_once(data.train, config.size_px)
    (batch,) = Batches(config, data, store).of_step(1)
    assert batch.yaws is not None
    everything = np.array(store.images)
    rows = [int(np.flatnonzero((everything == picture).all((1, 2, 3)))[0]) for picture in batch.pixels.numpy()]
    assert batch.yaws.tolist() == data.train.yaw_degrees[rows].tolist()
    assert len(set(batch.yaws.tolist())) > 1


def test_without_the_block_or_with_estimates_no_yaw_travels(recipe: Recipe, people: Manifest) -> None:
    assert known_yaws(BackboneConfig(), people) is None
    assert known_yaws(BackboneConfig(dream=DreamConfig(yaw="estimate")), people) is None


def test_missing_yaws_are_counted_and_none_at_all_is_refused(
    people: Manifest, capsys: pytest.CaptureFixture[str]
) -> None:
    table = people.table.copy()
    table.loc[table.index[:3], "yaw"] = np.nan
    yaws = known_yaws(TELLS, Manifest(table, Path(people.folder), "some.csv"))
    assert yaws is not None
    assert yaws.isnan().sum() == 3
    assert f"some.csv: 3 of {len(people)} pictures have no yaw" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"needs a column yaw; fill it with pifr data pose"):
        known_yaws(TELLS, Manifest(table.drop(columns="yaw"), Path(people.folder), "bare.csv"))


def test_a_frozen_backbone_leaves_the_block_to_learn(recipe: Recipe) -> None:
    network = build_model(recipe(backbone=TELLS.model_dump()), 8, torch.device("cpu")).backbone
    freeze(network, "backbone", 64)
    assert {name.partition(".")[0] for name, p in network.named_parameters() if p.requires_grad} == {"dream"}
