import functools
import shutil

import pytest
import torch

from ipgan import train
from ipgan.compilation import compile_networks
from ipgan.networks import Networks
from pifr.core.checkpoint import latest_checkpoint
from pifr.core.errors import DependencyError

CPU = torch.device("cpu")
BACKENDS = ["eager", pytest.param("inductor", marks=pytest.mark.slow)]
"""eager captures the graphs and runs them by the usual kernels; inductor compiles them, which takes minutes."""


@pytest.fixture
def backend(request, monkeypatch):
    if request.param == "inductor" and shutil.which("g++") is None:
        pytest.skip("no C++ compiler")
    torch.compiler.reset()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=request.param))
    yield request.param
    torch.compiler.reset()


@pytest.mark.parametrize("backend", BACKENDS, indirect=True)
def test_compiled_networks_learn_the_same(people, small_recipe, tmp_path, backend):
    plain, other = (
        train(small_recipe(people, steps=2, tick_steps=1, checkpoint_steps=2, compile=compiled), tmp_path).run
        for compiled in (False, True)
    )
    for one, two in zip(plain.history.read(), other.history.read(), strict=True):
        speed = {"seconds", "images_per_second", "memory_gib"}
        for name in one.keys() - speed:
            assert two[name] == pytest.approx(one[name], rel=2e-3, abs=1e-4), name
    # Names are those of the plain networks, so each run may go on as the other.
    names = [latest_checkpoint(run.checkpoints).weights().keys() for run in (plain, other)]
    assert names[0] == names[1]
    assert train(small_recipe(people, steps=3, compile=False), tmp_path, resume=other.path).steps == 3


def test_generator_and_encoders_are_compiled_and_the_discriminator_is_not(small_recipe, people, monkeypatch):
    monkeypatch.setattr("ipgan.compilation.require_compiler", lambda device: None)
    networks = Networks(small_recipe(people, model={"appearance_flow": True}).model, 32, 9, 0, CPU)
    compile_networks(networks, CPU)
    rotation = networks.rotation
    behind = [rotation.identity_encoder, rotation.pose_encoder, rotation.generator.flow]
    assert all(network._compiled_call_impl is not None for network in behind)
    assert "draw" in vars(rotation.generator)
    assert "draw" not in vars(networks.averaged.generator)
    plain = [networks.adversary.discriminator, networks.averaged.generator]
    assert all(network._compiled_call_impl is None for network in plain)


def test_without_a_compiler_training_is_refused_before_a_folder_is_made(people, small_recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(DependencyError, match=r"compile=true needs a C\+\+ compiler, found no .*; install one"):
        train(small_recipe(people, compile=True), tmp_path / "runs", device="cpu")
    assert not (tmp_path / "runs").exists()
