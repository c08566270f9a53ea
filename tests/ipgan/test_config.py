from pathlib import Path

import pytest

from ipgan import TrainConfig
from pifr.core.config import check_config, load_config
from pifr.core.errors import ConfigError


def test_the_shipped_recipe_loads():
    config = load_config(TrainConfig, "ipgan-tiny-64", ["data.manifest=faces.csv", "losses.kl=0"])
    assert config.data.size_px == 64
    assert config.data.manifest == Path("faces.csv")
    assert config.losses.kl == 0


@pytest.mark.parametrize("generator", ["drgan", "crgan"])
def test_the_other_generators_recipes_load(generator):
    config = load_config(TrainConfig, f"{generator}-tiny-64")
    assert (config.generator, config.name) == (generator, f"{generator}-tiny-64")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data": {"size_px": 48}}, "size_px must be a power of two, found 48"),
        ({"losses": {"paird": 1}}, "unknown key 'losses.paird'; did you mean 'paired'"),
        ({"losses": {"kl": -1}}, "losses.kl"),
        ({"pairs": {"same_sitting": 0.8, "same_picture": 0.3}}, "must not exceed 1 together"),
        ({"augmentation": {"discriminator": ["blur"]}}, "unknown augmentation 'blur'"),
        ({"losses": {"paired": 0, "reconstruction": 0, "adversarial": 0}}, "nothing would train the generator"),
    ],
)
def test_bad_values_are_named(values, message):
    with pytest.raises(ConfigError, match=message):
        check_config(TrainConfig, values, "test")
