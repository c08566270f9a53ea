import pytest
import torch

from ipgan import train
from ipgan.batch import pictures_in_batches
from ipgan.networks import Networks
from ipgan.training_data import open_training_data
from ipgan.transfer import start_from
from pifr.core.checkpoint import Checkpoint
from pifr.core.errors import CheckpointError, ConfigError, DataError
from pifr.data.manifest import read_manifest

CPU = torch.device("cpu")


@pytest.fixture
def begun(trained, people, small_recipe):
    config = small_recipe(people)
    data = open_training_data(config)
    networks = Networks(config.model, 32, data.people_count, 5, CPU)
    start_from(networks, trained.run.path, data, CPU)
    return networks, data


def test_trained_and_averaged_weights_are_those_of_the_source(begun, trained):
    networks, _ = begun
    stored = trained.run.checkpoints / "step-00000006"
    weights = Checkpoint(stored, 6).weights()
    for module in (networks.rotation, networks.averaged):
        assert all(torch.equal(value, weights[f"averaged.{key}"]) for key, value in module.state_dict().items())
    judge = networks.adversary.discriminator.state_dict().items()
    assert all(torch.equal(value, weights[f"adversary.discriminator.{key}"]) for key, value in judge)


def test_people_start_at_their_own_codes(begun):
    networks, data = begun
    rows = (data.people == 3).nonzero()[0]
    step = len(rows) // 4
    images = next(pictures_in_batches(data, rows[::step][:4], CPU))
    with torch.no_grad():
        mean = networks.rotation.identity_encoder(images).code.mean(dim=0)
        assert torch.allclose(networks.adversary.people[3], mean / mean.norm(), atol=1e-6)


def test_a_run_may_start_from_another(trained, people, small_recipe, tmp_path):
    result = train(small_recipe(people, start_from=str(trained.run.path), steps=1), tmp_path)
    assert result.steps == 1


def test_other_sizes_are_refused(trained, people, small_recipe, tmp_path):
    with pytest.raises(ConfigError, match="pose_dim"):
        train(small_recipe(people, start_from=str(trained.run.path), model={"pose_dim": 5}), tmp_path)


def test_a_name_that_nobody_knows_is_refused(people, small_recipe, tmp_path):
    with pytest.raises(CheckpointError, match="no generator of this name"):
        train(small_recipe(people, start_from="twin-63"), tmp_path)


@pytest.mark.parametrize(("changes", "message"), [
    ({"generator": "drgan"}, r"another generator, found 'ipgan' for 'drgan'"),
    ({"data": {"size_px": 64}}, r"another size_px, found 32 for 64"),
])  # fmt: skip
def test_weights_of_another_generator_or_size_are_refused_before_pictures_are_read(
    trained, people, small_recipe, tmp_path, monkeypatch, changes, message
):
    monkeypatch.setattr("ipgan.preparation.open_training_data", lambda config: pytest.fail("pictures were read"))
    with pytest.raises(ConfigError, match=message):
        train(small_recipe(people, start_from=str(trained.run.path), **changes), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_weights_of_another_alignment_are_refused(trained, people, small_recipe, tmp_path):
    manifest = read_manifest(people)
    table = manifest.table.assign(path=[str(path) for path in manifest.paths], template="arcface-112")
    table.to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(DataError, match=r"other.csv: these pictures are aligned by template 'arcface-112'"):
        train(small_recipe(tmp_path / "other.csv", start_from=str(trained.run.path)), tmp_path / "runs")
