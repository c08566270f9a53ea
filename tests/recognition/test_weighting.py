"""Weights of pictures in losses that know none."""

from __future__ import annotations

import pytest
import torch
from pytorch_metric_learning.losses import ArcFaceLoss
from pytorch_metric_learning.reducers import DivisorReducer

from pifr.core.errors import ConfigError
from pifr.recognition.losses import create_loss
from pifr.recognition.losses.base import MetricLoss
from pifr.recognition.weighting import allow_weights, set_weights


def test_a_picture_of_weight_two_counts_as_if_it_came_twice() -> None:
    torch.manual_seed(0)
    loss = create_loss("cosface", 4, 8, scale=8.0)
    embeddings, labels = torch.randn(3, 8), torch.tensor([0, 1, 3])
    twice = loss(embeddings[[0, 1, 1, 2]], labels[[0, 1, 1, 2]])
    unweighted = loss(embeddings, labels)
    allow_weights(loss, "cosface")
    set_weights(loss, torch.tensor([1.0, 2.0, 1.0]) / (4 / 3))
    torch.testing.assert_close(loss(embeddings, labels), twice)
    set_weights(loss, torch.ones(3))
    torch.testing.assert_close(loss(embeddings, labels), unweighted)


def test_a_triplet_has_the_weight_of_its_anchor() -> None:
    torch.manual_seed(3)
    loss = create_loss("triplet", 2, 2)
    loss.miner = None
    embeddings, labels = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.96, 0.28]]), torch.tensor([0, 0, 1])
    allow_weights(loss, "triplet")
    # Anchors 0 and 1 with each other, and the stranger 2. Squared distances of unit vectors: 2 - 2 cos.
    distance = 2 - 2 * embeddings @ embeddings.t()
    each = torch.stack([distance[0, 1] - distance[0, 2] + 0.2, distance[1, 0] - distance[1, 2] + 0.2])
    assert (each > 0).all()
    set_weights(loss, torch.tensor([0.5, 2.0, 9.0]))
    torch.testing.assert_close(loss(embeddings, labels), (0.5 * each[0] + 2 * each[1]) / 2)


def test_a_loss_that_reduces_otherwise_is_refused() -> None:
    loss = MetricLoss(ArcFaceLoss(4, 8, reducer=DivisorReducer()), 4)
    with pytest.raises(ConfigError, match=r"mixing.generated_weight: the loss x can't weigh single pictures"):
        allow_weights(loss, "x")


def test_not_finite_losses_are_not_hidden() -> None:
    loss = create_loss("cosface", 4, 8)
    allow_weights(loss, "cosface")
    assert torch.isnan(loss(torch.full((2, 8), float("nan")), torch.tensor([0, 1])))
