import copy

import pytest
import torch

from ipgan.config import OptimizerConfig
from ipgan.optimization import GuardedAdam, learning_rate_factor
from pifr.core.errors import TrainingError


def adam(patience=3):
    weight = torch.nn.Parameter(torch.ones(2))
    config = OptimizerConfig(max_skipped_in_a_row=patience)
    return weight, GuardedAdam("rotation", [weight], 0.1, (0.9, 0.99), config)


def test_rate_rises_then_falls():
    config = OptimizerConfig(lr_warmup_steps=10, lr_final=0.1)
    factors = [learning_rate_factor(step, 100, config) for step in range(101)]
    assert factors[0] == pytest.approx(0.1, rel=0.01)
    assert max(factors) == pytest.approx(1.0, abs=0.03)
    assert factors[100] == pytest.approx(0.1)
    assert factors[20] > factors[60] > factors[99]


def test_a_step_moves_weights_and_clears_gradients():
    weight, guarded = adam()
    weight.grad = torch.ones(2)
    assert guarded.step(0, 1.0, {}) == pytest.approx(2**0.5)
    assert (weight < 1).all()
    assert weight.grad is None


def test_a_broken_step_is_skipped_and_named(capsys):
    weight, guarded = adam()
    weight.grad = torch.tensor([1.0, float("nan")])
    guarded.step(7, 1.0, {"paired": torch.tensor(1.0), "kl": torch.tensor(float("inf"))})
    assert weight.tolist() == [1.0, 1.0]
    assert (guarded.skipped, guarded.in_a_row) == (1, 1)
    assert "step 7: the term 'kl' is not finite" in capsys.readouterr().err
    weight.grad = torch.ones(2)
    guarded.step(8, 1.0, {})
    assert (guarded.skipped, guarded.in_a_row) == (1, 0)


def test_too_many_broken_steps_end_the_run_with_the_terms_name():
    weight, guarded = adam(patience=2)
    broken = {"r1": torch.tensor(float("nan"))}
    weight.grad = torch.full((2,), float("inf"))
    guarded.step(0, 1.0, broken)
    weight.grad = torch.full((2,), float("inf"))
    with pytest.raises(TrainingError, match=r"term 'r1' stays non-finite.*2 skipped steps in a row"):
        guarded.step(1, 1.0, broken)
    assert guarded.skipped == 2


def test_a_broken_gradient_of_finite_terms_names_its_side():
    weight, guarded = adam(patience=1)
    weight.grad = torch.full((2,), float("nan"))
    with pytest.raises(TrainingError, match="the rotation's gradient"):
        guarded.step(0, 1.0, {"kl": torch.tensor(1.0)})


def test_state_goes_on_where_it_stopped():
    weight, guarded = adam()
    other_weight, other = adam()
    for step in range(3):
        weight.grad = torch.full((2,), 0.5 + step)
        guarded.step(step, 1.0, {})
    other.load_state(copy.deepcopy(guarded.state()))
    with torch.no_grad():
        other_weight.copy_(weight)
    for parameter, each in ((weight, guarded), (other_weight, other)):
        parameter.grad = torch.ones(2)
        each.step(3, 1.0, {})
    assert torch.equal(weight, other_weight)
