import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from ipgan import losses


def test_adversarial_losses_at_undecided_scores():
    # softplus(0) = ln 2 for each side.
    zero = torch.zeros(4)
    assert losses.adversarial_generator(zero).item() == pytest.approx(math.log(2))
    assert losses.adversarial_discriminator(zero, zero).item() == pytest.approx(2 * math.log(2))


def test_generator_and_discriminator_want_opposite_scores():
    low, high = torch.full((3,), -2.0), torch.full((3,), 2.0)
    assert losses.adversarial_generator(high) < losses.adversarial_generator(low)
    assert losses.adversarial_discriminator(high, low) < losses.adversarial_discriminator(low, high)


def test_r1_is_half_the_squared_gradient_norm_of_each_sample():
    # score = w . x has gradient w for every sample: 0.5 * |w|^2 = 0.5 * 12 * 4 = 24.
    weight = torch.full((3, 2, 2), 2.0)
    penalty = losses.r1_penalty(lambda x: (x * weight).sum(dim=(1, 2, 3)), torch.randn(5, 3, 2, 2))
    assert penalty.item() == pytest.approx(24.0)


def test_r1_averages_samples_instead_of_mixing_them():
    # score = |x|^2 / 2 has gradient x: the penalty is the mean over samples of |x|^2 / 2, not |mean x|^2 / 2.
    images = torch.stack([torch.zeros(3, 2, 2), torch.ones(3, 2, 2)])
    penalty = losses.r1_penalty(lambda x: 0.5 * x.square().sum(dim=(1, 2, 3)), images)
    assert penalty.item() == pytest.approx((0 + 6) / 2)


def test_r1_trains_the_scorer_in_float32_whatever_comes_in():
    layer = torch.nn.Linear(12, 1)
    losses.r1_penalty(lambda x: layer(x.flatten(1))[:, 0], torch.randn(2, 3, 2, 2).bfloat16()).backward()
    assert layer.weight.grad is not None
    # d/dw 0.5 |w|^2 = w
    assert torch.allclose(layer.weight.grad, layer.weight.detach(), atol=1e-6)


def test_margin_softmax_is_cross_entropy_of_scaled_cosines_with_margin():
    codes = F.normalize(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), dim=1)
    people = torch.tensor([[2.0, 0.0], [0.0, 3.0]])  # norms must not matter
    labels = torch.tensor([0, 1])
    half = math.sqrt(0.5)
    logits = torch.tensor([[1 - 0.2, 0.0], [half, half - 0.2]]) * 24
    expected = F.cross_entropy(logits, labels)
    assert losses.margin_softmax(codes, people, labels).item() == pytest.approx(expected.item(), rel=1e-5)


def test_margin_softmax_of_nobody_is_zero():
    people = torch.randn(3, 4, requires_grad=True)
    value = losses.margin_softmax(torch.empty(0, 4), people, torch.empty(0, dtype=torch.long))
    assert value.item() == 0.0
    value.backward()


@given(st.integers(0, 1000))
def test_identity_cosine_is_zero_for_the_same_and_two_for_the_opposite(seed):
    codes = F.normalize(torch.randn(3, 8, generator=torch.Generator().manual_seed(seed)), dim=1)
    assert losses.identity_cosine(codes, codes).item() == pytest.approx(0, abs=1e-5)
    assert losses.identity_cosine(codes, -codes).item() == pytest.approx(2, abs=1e-5)


def test_identity_feature_is_relative_and_moves_the_generated_side_only():
    mine = [torch.full((1, 2, 2, 2), 3.0, requires_grad=True)]
    true = [torch.full((1, 2, 2, 2), 2.0, requires_grad=True)]
    value = losses.identity_feature(mine, true)
    assert value.item() == pytest.approx(0.5)  # |3 - 2| / |2|
    value.backward()
    assert mine[0].grad is not None
    assert true[0].grad is None


def test_reconstruction_weighs_rows():
    images, targets = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    # Rows differ by 1 everywhere: mean of 1 * 1 and 0.1 * 1.
    assert losses.reconstruction(images, targets, torch.tensor([1.0, 0.1])).item() == pytest.approx(0.55)


def test_paired_sees_a_shift_of_brightness_at_each_scale_and_no_edge():
    images, targets = torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.25)
    assert losses.paired(images, targets).item() == pytest.approx(0.25)


def test_paired_counts_edges():
    # One column of ones at the border: edges 1 of 7 columns horizontally, none vertically; L1 is 1 of 8 at each scale.
    targets = torch.zeros(1, 3, 8, 8)
    targets[..., 0] = 1
    assert losses.paired(torch.zeros_like(targets), targets).item() == pytest.approx(1 / 8 + 0.5 / 7)


def test_paired_of_no_pair_is_zero():
    assert losses.paired(torch.empty(0, 3, 8, 8), torch.empty(0, 3, 8, 8)).item() == 0.0


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=4), st.floats(-2, 2))
def test_kl_matches_the_formula(means, log_variance):
    mean = torch.tensor([means], dtype=torch.float64)
    variances = torch.full_like(mean, log_variance)
    expected = sum(0.5 * (m * m + math.exp(log_variance) - 1 - log_variance) for m in means)
    assert losses.kl_to_standard_normal(mean, variances).item() == pytest.approx(expected, abs=1e-9)


def test_yaw_error_leaves_unknown_yaws_out():
    predicted = torch.tensor([0.5, 9.0], requires_grad=True)
    value = losses.yaw_error(predicted, torch.tensor([1.0, np.nan]))
    assert value.item() == pytest.approx(0.5)
    value.backward()
    assert predicted.grad is not None
    assert predicted.grad.tolist() == [-1.0, 0.0]


def test_yaw_error_without_any_yaw_is_zero():
    assert losses.yaw_error(torch.randn(3), torch.full((3,), np.nan)).item() == 0.0


def test_the_gradient_penalty_takes_a_norm_a_sample():
    # Slopes of norm 1 and 3: (0 + 4) / 2. One norm over the batch, CR-GAN's bug, would give (sqrt(10) - 1)^2.
    slopes = torch.zeros(2, 3, 2, 2)
    slopes[0, 0, 0, 0], slopes[1, 1, 1, 1] = 1.0, 3.0
    penalty = losses.gradient_penalty(lambda x: (x * slopes).sum(dim=(1, 2, 3)), torch.zeros_like(slopes), slopes)
    assert penalty.item() == pytest.approx(2.0, abs=1e-4)


def test_the_gradient_penalty_looks_at_a_place_of_its_own_between_each_real_and_made_picture():
    torch.manual_seed(0)
    seen = []

    def score(x):
        seen.append(x.detach())
        return x.square().sum(dim=(1, 2, 3))

    real = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 2, 2) * 10
    losses.gradient_penalty(score, real, real + 1)
    shares = (seen[0] - real)[:, 0, 0, 0]
    assert torch.allclose(seen[0] - real, shares.view(4, 1, 1, 1).expand_as(real), atol=1e-5)  # one a sample
    assert ((shares > 0) & (shares < 1)).all()
    assert len(shares.unique()) == 4  # CR-GAN's code drew one for all


def test_the_gradient_penalty_trains_the_discriminator_and_stays_finite_where_the_slope_is_0():
    weight = torch.zeros(1, requires_grad=True)
    penalty = losses.gradient_penalty(
        lambda x: weight * x.sum(dim=(1, 2, 3)), torch.ones(2, 3, 2, 2), torch.zeros(2, 3, 2, 2)
    )
    penalty.backward()
    assert penalty.item() == pytest.approx(1.0, abs=1e-4)
    assert torch.isfinite(weight.grad).all()
