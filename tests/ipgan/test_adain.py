import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ipgan.adain import adaptive_instance_norm


def composed(x, scale, shift):
    """Return the formula, built of torch's own pieces."""
    mean = x.mean(dim=(2, 3), keepdim=True)
    variance = x.var(dim=(2, 3), keepdim=True, unbiased=False)
    return (x - mean) / (variance + 1e-5).sqrt() * scale[:, :, None, None] + shift[:, :, None, None]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_value_and_gradients_are_those_of_the_formula(seed):
    generator = torch.Generator().manual_seed(seed)
    x, scale, shift, weight = (
        torch.randn(shape, generator=generator, requires_grad=True)
        for shape in ((2, 3, 4, 5), (2, 3), (2, 3), (2, 3, 4, 5))
    )
    mine, theirs = adaptive_instance_norm(x, scale, shift), composed(x, scale, shift)
    assert torch.allclose(mine, theirs, atol=1e-5)
    gradients = [torch.autograd.grad((out * weight.detach()).sum(), (x, scale, shift)) for out in (mine, theirs)]
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_a_constant_channel_becomes_its_shift():
    out = adaptive_instance_norm(torch.full((1, 2, 4, 4), 3.0), torch.ones(1, 2), torch.tensor([[0.5, -1.0]]))
    assert out[0, 0].mean().item() == pytest.approx(0.5, abs=1e-2)
    assert out[0, 1].mean().item() == pytest.approx(-1.0, abs=1e-2)


def test_bfloat16_stays_and_is_close():
    x = torch.randn(2, 3, 8, 8)
    scale, shift = torch.randn(2, 3), torch.randn(2, 3)
    out = adaptive_instance_norm(x.bfloat16(), scale, shift)
    assert out.dtype == torch.bfloat16
    assert torch.allclose(out.float(), composed(x, scale, shift), atol=0.06)
