"""A batch, a method and networks for every generator; two finished runs of six steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from ipgan import TrainConfig, TrainResult, train
from ipgan.batch import Batch, make_batch
from ipgan.methods import METHODS, Method
from ipgan.networks import Networks
from ipgan.sampler import PairSampler
from ipgan.training_data import open_training_data

CPU = torch.device("cpu")
SMALL_CODES = {"drgan": {"identity_dim": 24, "noise_dim": 6}, "crgan": {"identity_dim": 20}}
Recipe = Callable[..., TrainConfig]


class Setting(NamedTuple):
    """What a term is computed from."""

    method: Method[Any]
    networks: Networks
    batch: Batch


@pytest.fixture(scope="session")
def recipe_of(small_recipe: Recipe, people: Path) -> Recipe:
    """The maker of small recipes of a generator: ``recipe_of("crgan", steps=2)``."""

    def recipe(generator: str, **changes: Any) -> TrainConfig:
        own = {name: {**codes, **changes.pop(name, {})} for name, codes in SMALL_CODES.items()}
        manifest = changes.pop("manifest", people)
        return small_recipe(manifest, generator=generator, **own, **changes)

    return recipe


@pytest.fixture(scope="session")
def setting_of(recipe_of: Recipe) -> Callable[..., Setting]:
    """The maker of settings: ``setting_of("drgan", drgan={"pictures": 3})``."""

    def setting(generator: str, **changes: Any) -> Setting:
        config = recipe_of(generator, **changes)
        data = open_training_data(config)
        method = METHODS[generator](config, config.model, data)
        networks = Networks(method.model, 32, data.people_count, 0, CPU)
        torch.manual_seed(0)
        pairs = PairSampler(data, config.pairs, config.batch_size, 4, 0, method.companions).pairs(0)
        return Setting(method, networks, make_batch(data, pairs, method.augmentation, CPU))

    return setting


@pytest.fixture(scope="session")
def runs(recipe_of: Recipe, trained: TrainResult, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainResult]:
    """A finished run of every generator; read only."""
    folder = tmp_path_factory.mktemp("generators")
    return {"ipgan": trained, **{name: train(recipe_of(name), folder) for name in ("drgan", "crgan")}}
