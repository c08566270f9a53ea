"""Given weights: what fits, what does not, and what stays frozen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from pifr.backbones import create_backbone
from pifr.core.checkpoint import latest_checkpoint, write_weights
from pifr.core.config import check_config
from pifr.core.errors import CheckpointError, ConfigError
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.fine_tuning import freeze, take_initial, train_all_but
from pifr.recognition.sections import FineTuningConfig
from pifr.recognition.training import train_recognizer


def small() -> nn.Module:
    return create_backbone("ir18", 64, 16, width=0.125)


def same(first: nn.Module, second: nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("spelling", ["{}", "module.{}", "backbone.{}", "module.backbone.{}"])
def test_safetensors_and_torch_files_are_taken_whatever_wraps_the_names(tmp_path: Path, spelling: str) -> None:
    given = small()
    tensors = {spelling.format(name): value for name, value in given.state_dict().items()}
    write_weights(tmp_path / "mine.safetensors", tensors)
    torch.save({"state_dict": tensors, "epoch": 3}, tmp_path / "mine.pt")
    for name in ("mine.safetensors", "mine.pt"):
        network = small()
        digest = take_initial(network, FineTuningConfig(initial=str(tmp_path / name)))
        assert same(network, given)
        assert len(digest) == 64


def test_weights_of_an_inner_network_find_their_place(tmp_path: Path) -> None:
    inner, outer = nn.Conv2d(3, 4, 3), nn.Module()
    outer.network = nn.Conv2d(3, 4, 3)
    write_weights(tmp_path / "inner.safetensors", inner.state_dict())
    take_initial(outer, FineTuningConfig(initial=str(tmp_path / "inner.safetensors")))
    assert torch.equal(outer.network.weight, inner.weight)


def test_a_run_is_taken(trained: Path) -> None:
    network = small()
    take_initial(network, FineTuningConfig(initial=str(trained)))
    stored = latest_checkpoint(trained / "best").weights()
    assert torch.equal(network.state_dict()["embedding.weight"], stored["backbone.embedding.weight"])


def test_what_does_not_fit_is_one_clear_line(tmp_path: Path) -> None:
    tensors = dict(small().state_dict())
    tensors["classifier.weight"] = torch.zeros(2, 2)
    del tensors["embedding.bias"]
    write_weights(tmp_path / "other.safetensors", tensors)
    wanted = FineTuningConfig(initial=str(tmp_path / "other.safetensors"))
    with pytest.raises(
        CheckpointError, match=r"1 of the network's .* missing: embedding.bias; left over: classifier.w"
    ):
        take_initial(small(), wanted)
    network = small()
    take_initial(network, wanted.model_copy(update={"strict": False}))
    assert torch.equal(network.state_dict()["embedding.weight"], tensors["embedding.weight"])
    write_weights(tmp_path / "wide.safetensors", create_backbone("ir18", 64, 24, width=0.125).state_dict())
    with pytest.raises(CheckpointError, match=r"'embedding.bias' has another shape, found \(24,\), the network has"):
        take_initial(small(), FineTuningConfig(initial=str(tmp_path / "wide.safetensors"), strict=False))
    with pytest.raises(CheckpointError, match="weights file not found"):
        take_initial(small(), FineTuningConfig(initial=str(tmp_path / "none.pt")))


def test_a_torch_file_that_could_run_code_is_refused(tmp_path: Path) -> None:
    torch.save(small(), tmp_path / "module.pt")  # a pickled class, not tensors
    with pytest.raises(CheckpointError, match="not a torch file of plain tensors, found UnpicklingError"):
        take_initial(small(), FineTuningConfig(initial=str(tmp_path / "module.pt")))
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match="no table of names and tensors, found list"):
        take_initial(small(), FineTuningConfig(initial=str(tmp_path / "list.pt")))


def test_layers_that_read_large_maps_are_frozen() -> None:
    network = small()
    frozen = freeze(network, 1, 64)  # the stem and the first unit up to its strided layers read 64 px
    names = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    assert "stem.0.weight" in names
    assert "stages.0.residual.4.weight" in names
    assert not any(name.startswith(("stages.1", "embedding")) for name in names)
    assert "stages.0.residual.5.weight" not in names  # reads 32 px
    train_all_but(network, frozen)
    assert not network.stem[1].training
    assert network.stages[1].residual[0].training


def test_a_frozen_backbone_of_timm_keeps_its_running_statistics() -> None:
    pytest.importorskip("timm")
    network = create_backbone("timm:mobilenetv3_small_050", 64, 16)  # its batch norms hold their activation
    train_all_but(network, freeze(network, "backbone", 64))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network(torch.randn(4, 3, 64, 64))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_freezing_needs_weights_and_something_left_to_learn(
    recipe: Callable[..., RecognizerConfig], trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="freeze needs initial"):
        check_config(FineTuningConfig, {"freeze": "backbone"}, "test")
    config = recipe(loss={"name": "triplet"}, fine_tuning={"initial": str(trained), "freeze": "backbone"})
    with pytest.raises(ConfigError, match="nothing is left to train"):
        train_recognizer(config, tmp_path, device="cpu")
    assert not list(tmp_path.iterdir())


def test_a_frozen_backbone_stays_bit_by_bit(
    recipe: Callable[..., RecognizerConfig], trained: Path, tmp_path: Path
) -> None:
    config = recipe(steps=2, intervals={"validation": 1}, fine_tuning={"initial": str(trained), "freeze": "backbone"})
    run = train_recognizer(config, tmp_path, device="cpu").run
    before, after = latest_checkpoint(trained / "best").weights(), latest_checkpoint(run.checkpoints).weights()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
