"""Pictures of unknown people serve the generation path and the discriminator."""

import pytest
import torch

from ipgan import train
from ipgan.batch import make_batch
from ipgan.sampler import PairSampler
from ipgan.training_data import open_training_data
from pifr.core.errors import DataError
from pifr.data.manifest import make_manifest, read_manifest


@pytest.fixture
def strangers(people, tmp_path):
    """The unseen people's pictures, whom they show withheld."""
    manifest = read_manifest(people).of_split("val")
    table = manifest.table.drop(columns=["split"]).assign(subject="unknown")
    table["path"] = [str(path) for path in manifest.paths]
    make_manifest(table, tmp_path, "strangers").save(tmp_path / "strangers.csv")
    return tmp_path / "strangers.csv"


def test_they_join_every_batch_and_training_runs(people, strangers, small_recipe, tmp_path):
    config = small_recipe(people, data={"unlabelled": str(strangers)})
    data = open_training_data(config)
    sampler = PairSampler(data, config.pairs, config.batch_size, 4, seed=0)
    batch = make_batch(data, sampler.pairs(0), config.augmentation, torch.device("cpu"))
    assert batch.unlabelled.shape == (2, 3, 32, 32)
    assert train(config, tmp_path / "runs").skipped == 0


def test_without_them_the_batch_has_none(people, small_recipe):
    config = small_recipe(people)
    data = open_training_data(config)
    assert len(PairSampler(data, config.pairs, 8, 4, seed=0).pairs(0).unlabelled) == 0


def test_strangers_of_another_alignment_are_refused(people, strangers, small_recipe, tmp_path):
    table = read_manifest(strangers).table.assign(template="arcface-112")
    make_manifest(table, tmp_path, "other").save(tmp_path / "other.csv")
    with pytest.raises(DataError, match="arcface-112"):
        open_training_data(small_recipe(people, data={"unlabelled": str(tmp_path / "other.csv")}))
