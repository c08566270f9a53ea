import torch

from ipgan.identity_warp import Warp, draw_flip, draw_warp


def identity(batch):
    return Warp(torch.ones(batch), torch.zeros(batch, 5), torch.ones(batch, 3), torch.zeros(batch, 3))


def pictures(batch=2, side=16):
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_identity_keeps_pixels():
    images = pictures()
    assert torch.allclose(identity(2)(images), images, atol=1e-5)


def test_flip_mirrors():
    images = pictures()
    warp = Warp(torch.tensor([1.0, -1.0]), torch.zeros(2, 5), torch.ones(2, 3), torch.zeros(2, 3))
    out = warp(images)
    assert torch.allclose(out[0], images[0], atol=1e-5)
    assert torch.allclose(out[1], images[1].flip(-1), atol=1e-5)


def test_pictures_left_out_stay_as_they_are():
    torch.manual_seed(1)
    warp = draw_warp(torch.tensor([False, True]), strength=0.2, colour=0.2)
    images = pictures()
    out = warp(images)
    assert torch.allclose(out[0], images[0], atol=1e-5)
    assert (out[1] - images[1]).abs().mean() > 0.01


def test_same_warp_moves_two_pictures_alike():
    # A mark at one height ends at one height in both views, wherever it was horizontally.
    torch.manual_seed(2)
    warp = draw_warp(torch.tensor([True]), strength=0.3, colour=0.0)
    left, right = torch.full((1, 3, 64, 64), -1.0), torch.full((1, 3, 64, 64), -1.0)
    left[..., 20:24, 14:18] = 1
    right[..., 20:24, 44:48] = 1

    def height(image):
        rows = (image[0, 0] + 1).sum(dim=1)
        return (rows * torch.arange(64)).sum() / rows.sum()

    assert abs(height(warp(left)) - height(warp(right))) < 0.5
    assert abs(height(warp(left)) - 21.5) > 0.5


def test_colours_stay_in_range():
    torch.manual_seed(3)
    out = draw_warp(torch.ones(8, dtype=torch.bool), strength=0.1, colour=0.8)(pictures(8))
    assert out.min() >= -1
    assert out.max() <= 1
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_flips_only_where_wanted():
    torch.manual_seed(4)
    assert draw_flip(50, False, torch.device("cpu")).tolist() == [1.0] * 50
    assert set(draw_flip(50, True, torch.device("cpu")).tolist()) == {1.0, -1.0}
