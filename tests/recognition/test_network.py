"""Two sets of batch statistics: each part of a batch sees its own, and the backbone stays what it was."""

from __future__ import annotations

import torch
from torch import nn

from pifr.recognition.network import TrainedNetwork, auxiliary_norms


def network() -> tuple[TrainedNetwork, nn.BatchNorm1d]:
    norm = nn.BatchNorm1d(3, affine=True)
    backbone = nn.Sequential(nn.Identity(), norm)
    return TrainedNetwork(backbone, auxiliary_norms(backbone)), norm


def test_real_and_generated_pictures_have_their_own_statistics() -> None:
    whole, norm = network()
    real, made = torch.randn(8, 3) + 5, torch.randn(6, 3) * 4 - 7
    out = whole(torch.cat([real, made]), 8)
    torch.testing.assert_close(out[:8], (real - real.mean(0)) / (real.var(0, unbiased=False) + 1e-5).sqrt())
    torch.testing.assert_close(out[8:], (made - made.mean(0)) / (made.var(0, unbiased=False) + 1e-5).sqrt())
    torch.testing.assert_close(norm.running_mean, 0.1 * real.mean(0))
    torch.testing.assert_close(whole.auxiliary[0].running_mean, 0.1 * made.mean(0))


def test_the_backbone_knows_nothing_of_it_afterwards() -> None:
    whole, norm = network()
    whole(torch.randn(8, 3), 4)
    assert "forward" not in vars(norm)
    assert set(whole.backbone.state_dict()) == set(nn.Sequential(nn.Identity(), nn.BatchNorm1d(3)).state_dict())
    before = whole.auxiliary[0].running_mean.clone()
    whole.backbone(torch.randn(8, 3))
    assert torch.equal(whole.auxiliary[0].running_mean, before)


def test_a_single_picture_joins_the_others_and_everything_has_a_gradient() -> None:
    for real in (0, 1, 7, 8):
        whole, norm = network()
        whole(torch.randn(8, 3), real).square().sum().backward()
        used, unused = (norm, whole.auxiliary[0]) if real >= 4 else (whole.auxiliary[0], norm)
        assert used.num_batches_tracked == 1
        assert unused.num_batches_tracked == 0
        assert not unused.weight.grad.any()
        assert used.weight.grad.any()


def test_frozen_norms_have_no_second_set() -> None:
    norm = nn.BatchNorm1d(3).eval()
    assert len(auxiliary_norms(nn.Sequential(norm, nn.BatchNorm1d(3)))) == 1
