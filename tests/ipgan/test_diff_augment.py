import pytest
import torch

from ipgan.diff_augment import augment_for_discriminator

ALL = ("colour", "translation", "cutout")


def test_nothing_asked_changes_nothing():
    images = torch.randn(2, 3, 16, 16)
    assert augment_for_discriminator(images, ()) is images


@pytest.mark.parametrize("kind", ALL)
def test_each_kind_changes_pictures_and_lets_gradients_through(kind):
    torch.manual_seed(0)
    images = torch.rand(4, 3, 32, 32, requires_grad=True)
    out = augment_for_discriminator(images, (kind,))
    assert out.shape == images.shape
    assert not torch.equal(out, images)
    out.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_translation_moves_content_without_changing_it():
    torch.manual_seed(1)
    images = torch.zeros(16, 3, 32, 32)
    images[:, :, 16, 16] = 1.0
    out = augment_for_discriminator(images, ("translation",))
    assert out.sum(dim=(1, 2, 3)).tolist() == [3.0] * 16
    assert not torch.equal(out, images)


def test_cutout_blanks_one_box():
    torch.manual_seed(2)
    out = augment_for_discriminator(torch.ones(8, 3, 32, 32), ("cutout",))
    blanked = (out[:, 0] == 0).sum(dim=(1, 2))
    assert (blanked > 0).all()
    assert (blanked <= 12 * 12).all()  # side 0.35 * 32, rounded
