import pytest
import torch

from ipgan.registration import find_shift, register, shifted


def pictures(seed=0, count=6, side=64):
    """Soft blobs: pictures with slopes everywhere, as faces have."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(count, 3, side // 4, side // 4, generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(small, size=side, mode="bicubic").clamp(-1, 1)


def inner(images, border=8):
    return images[..., border:-border, border:-border]


def test_a_shift_by_whole_pixels_moves_right_and_down():
    images = pictures(side=32)
    moved = shifted(images, torch.tensor([[2 / 32, 3 / 32]]).repeat(len(images), 1))
    assert torch.allclose(moved[..., 3:, 2:], images[..., :-3, :-2], atol=1e-4)


@pytest.mark.parametrize("side", [32, 64])
def test_displacements_are_found_to_a_fraction_of_a_pixel(side):
    torch.manual_seed(0)
    images = pictures(side=side)
    wanted = (torch.rand(len(images), 2) * 2 - 1) * 0.03
    found = find_shift(images, shifted(images, wanted), limit=0.05)
    assert (found - wanted).abs().max() * side < 0.15


def test_it_is_found_between_a_sharp_and_a_blurred_picture():
    images = pictures()
    blurred = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(images, (2, 2, 2, 2), mode="replicate"), 5, 1)
    wanted = torch.tensor([[0.02, -0.02]]).repeat(len(images), 1)
    found = find_shift(images, shifted(blurred, wanted), limit=0.05)
    assert (found - wanted).abs().max() * 64 < 0.4


def test_no_picture_is_moved_further_than_allowed():
    images = pictures()
    far = shifted(images, torch.full((len(images), 2), 0.06))
    assert find_shift(images, far, limit=0.02).abs().max() <= 0.02 + 1e-7


def test_flat_pictures_stay():
    flat = torch.full((2, 3, 32, 32), 0.5)
    assert find_shift(flat, pictures(count=2, side=32), limit=0.05).isfinite().all()
    assert torch.allclose(register(flat, flat, 0.05), flat)


def test_registered_views_lie_nine_tenths_of_the_way():
    images = pictures()
    away = torch.tensor([[2 / 64, 0.0]]).repeat(len(images), 1)
    made = shifted(images, away)
    moved = register(images, made, limit=0.05)
    before, after = (inner(x - made).abs().mean() for x in (images, moved))
    assert after < 0.25 * before
    expected = shifted(images, 0.9 * away)
    assert inner(moved - expected).abs().mean() < 0.02


def test_nothing_is_moved_where_nothing_may_and_no_gradient_flows():
    images = pictures()
    made = shifted(images, torch.full((len(images), 2), 0.03)).requires_grad_(True)
    assert register(images, made, 0.0) is images
    assert not register(images, made, 0.05).requires_grad
    assert len(register(images[:0], made[:0], 0.05)) == 0
