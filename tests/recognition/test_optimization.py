"""Decay groups, the learning rate, and gradients that are not finite."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pifr.backbones import create_backbone
from pifr.core.errors import TrainingError
from pifr.recognition.averaging import update_average
from pifr.recognition.config import OptimizationConfig
from pifr.recognition.losses import create_loss
from pifr.recognition.optimization import GuardedStep, build_optimizer, learning_rate


def test_only_matrices_and_kernels_decay() -> None:
    modules = {"backbone": create_backbone("ir18", 64, 16, width=0.125), "loss": create_loss("cosface", 4, 16)}
    decayed, kept = build_optimizer(modules, OptimizationConfig(weight_decay=0.01)).param_groups
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.01, 0.0)
    vectors = [
        parameter
        for module in modules["backbone"].modules()
        if isinstance(module, nn.BatchNorm2d | nn.PReLU)
        for parameter in module.parameters()
    ]
    kept_ids = {id(p) for p in kept["params"]}
    assert vectors
    assert all(id(vector) in kept_ids for vector in vectors)
    assert any(p is modules["loss"].loss.W for p in decayed["params"])
    trainable = sum(1 for module in modules.values() for p in module.parameters() if p.requires_grad)
    assert len(decayed["params"]) + len(kept["params"]) == trainable


def test_adamw_by_name() -> None:
    optimizer = build_optimizer({"layer": nn.Linear(2, 2)}, OptimizationConfig(name="adamw"))
    assert isinstance(optimizer, torch.optim.AdamW)


def test_the_rate_rises_in_a_line_and_falls_in_a_cosine() -> None:
    config = OptimizationConfig(lr=0.2, warmup_steps=10)
    rates = [learning_rate(step, 110, config) for step in range(110)]
    assert rates[0] == pytest.approx(0.02)
    assert rates[9] == rates[10] == pytest.approx(0.2)
    assert rates[60] == pytest.approx(0.1)  # half of the cosine
    assert 0 < rates[-1] < 0.001


def test_a_warm_up_longer_than_the_run_is_no_division_by_zero() -> None:
    config = OptimizationConfig(lr=0.2, warmup_steps=10)
    assert [learning_rate(step, 10, config) for step in (0, 9)] == pytest.approx([0.02, 0.2])


def test_other_schedules() -> None:
    config = OptimizationConfig(lr=1.0, warmup_steps=0, schedule="poly", poly_power=2.0)
    assert [learning_rate(step, 4, config) for step in range(4)] == pytest.approx([1.0, 0.5625, 0.25, 0.0625])
    config = OptimizationConfig(lr=1.0, warmup_steps=2, schedule="constant")
    assert [learning_rate(step, 4, config) for step in range(4)] == pytest.approx([0.5, 1.0, 1.0, 1.0])


def test_a_scaled_loss_gives_the_same_step_and_an_overflow_halves_the_scale() -> None:
    moved = []
    for scale in (1.0, 1024.0):
        torch.manual_seed(0)
        layer = nn.Linear(2, 1)
        config = OptimizationConfig(lr=0.1, weight_decay=0.0)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        guard = GuardedStep(build_optimizer({"layer": layer}, config), {"layer": layer}, config, scaler)
        scaler.scale(layer(torch.ones(1, 2)).sum()).backward()
        assert guard(0) == pytest.approx(math.sqrt(3))
        moved.append(layer.weight.detach().clone())
    assert torch.equal(*moved)
    scaler.scale(layer(torch.full((1, 2), math.inf)).sum()).backward()
    guard(1)
    assert (guard.skipped, scaler.get_scale()) == (1, 512.0)
    assert torch.equal(layer.weight, moved[1])
    other = GuardedStep(guard.optimizer, guard.modules, config, torch.amp.GradScaler("cpu"))
    other.load_state_dict(guard.state_dict())
    assert (other.skipped, other.scaler.get_scale()) == (1, 512.0)


def test_the_average_follows_with_its_half_life() -> None:
    averaged, trained = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    with torch.no_grad():
        trained.weight.fill_(3.0)
    trained(torch.ones(4, 2) * 10)
    update_average(averaged, trained, steps=1000, half_life_steps=1.0)  # one step is one half-life
    assert averaged.weight.tolist() == [2.0, 2.0]
    assert averaged.running_mean.tolist() == [0.5, 0.5]  # half way to a tenth of 10
    assert averaged.num_batches_tracked == 1
    update_average(averaged, trained, steps=1, half_life_steps=1000.0)  # early on the half-life is a tenth of the steps
    assert averaged.weight.tolist() == pytest.approx([3.0, 3.0], abs=0.01)


def guarded(max_skipped: int = 3, clip: float = 5.0) -> tuple[GuardedStep, nn.Linear]:
    layer = nn.Linear(2, 1)
    config = OptimizationConfig(lr=1.0, clip_norm=clip, max_skipped=max_skipped, weight_decay=0.0)
    return GuardedStep(build_optimizer({"layer": layer}, config), {"layer": layer}, config), layer


def test_a_non_finite_gradient_is_counted_and_changes_nothing() -> None:
    guard, layer = guarded()
    before = layer.weight.detach().clone()
    (layer(torch.ones(1, 2)) * math.nan).sum().backward()
    assert math.isnan(guard(0))
    assert guard.skipped == guard.in_a_row == 1
    assert torch.equal(layer.weight, before)
    layer(torch.ones(1, 2)).sum().backward()
    assert math.isfinite(guard(1))
    assert (guard.skipped, guard.in_a_row) == (1, 0)
    assert not torch.equal(layer.weight, before)


def test_too_many_in_a_row_end_the_training_and_name_the_tensor() -> None:
    guard, layer = guarded(max_skipped=2)
    for step in range(2):
        layer.weight.grad = torch.zeros_like(layer.weight)
        layer.bias.grad = torch.full_like(layer.bias, math.inf)
        if step == 0:
            guard(step)
    with pytest.raises(TrainingError, match=r"step 1: .* 2 steps in a row, found first in layer\.bias"):
        guard(1)


def test_a_spoilt_weight_is_named_before_its_gradient() -> None:
    guard, layer = guarded(max_skipped=1)
    with torch.no_grad():
        layer.weight[0, 0] = math.nan
    layer(torch.ones(1, 2)).sum().backward()
    layer.bias.grad = torch.full_like(layer.bias, math.nan)
    with pytest.raises(TrainingError, match=r"layer\.weight \(the weight itself\)"):
        guard(0)


def test_long_gradients_are_clipped() -> None:
    guard, layer = guarded(clip=0.5)
    before = layer.weight.detach().clone(), layer.bias.detach().clone()
    (100 * layer(torch.ones(1, 2))).sum().backward()
    assert guard(0) == pytest.approx(100 * math.sqrt(3))  # three weights with gradient 100; the norm before clipping
    moved = torch.cat([(before[0] - layer.weight).flatten(), before[1] - layer.bias]).detach()
    # Nesterov momentum doubles the first step but for its factor: 1 + 0.9.
    assert float(moved.norm()) == pytest.approx(0.5 * 1.9, rel=1e-4)


def test_the_counts_travel_in_the_state() -> None:
    guard, _ = guarded()
    guard.skipped, guard.in_a_row = 7, 2
    other, _ = guarded()
    other.load_state_dict(guard.state_dict())
    assert (other.skipped, other.in_a_row) == (7, 2)
