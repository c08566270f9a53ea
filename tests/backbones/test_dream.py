"""DREAM: both published gates, the residual, where yaw comes from, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from pifr.backbones import BackboneConfig, DreamBackbone, DreamConfig, build_backbone, create_backbone
from pifr.backbones.dream import DreamBlock, dream_gate
from pifr.core.errors import ConfigError

YAWS = torch.tensor([-90.0, -45.0, 0.0, 45.0, 90.0])


class Pooled(nn.Module):
    """A backbone that returns the mean of each channel."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_the_gates_are_the_published_ones() -> None:
    # Paper, section 3.2: sigmoid(4 / pi * |yaw| - 1), yaw in radians. Code: sigmoid(10 * (|yaw| / 45 - 1)), degrees.
    paper = [sigmoid(4 / math.pi * abs(math.radians(yaw)) - 1) for yaw in YAWS.tolist()]
    code = [sigmoid(10 * (abs(yaw) / 45.0 - 1)) for yaw in YAWS.tolist()]
    torch.testing.assert_close(dream_gate(YAWS, "paper"), torch.tensor(paper))
    torch.testing.assert_close(dream_gate(YAWS, "code"), torch.tensor(code))
    torch.testing.assert_close(dream_gate(YAWS[2:], "paper"), torch.tensor([sigmoid(-1), 0.5, sigmoid(1)]))
    assert dream_gate(torch.zeros(1), "code") < 1e-4 < 1 - dream_gate(torch.tensor([60.0]), "paper")


@pytest.mark.parametrize("gate", ["paper", "code"])
def test_the_block_adds_the_gated_residual(gate: str) -> None:
    block = DreamBlock(3, gate)  # type: ignore[arg-type]
    embeddings = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    first, first_slope, second, second_slope = (block.residual[i] for i in range(4))
    inner = nn.functional.prelu(embeddings @ first.weight.T + first.bias, first_slope.weight)
    residual = nn.functional.prelu(inner @ second.weight.T + second.bias, second_slope.weight)
    expected = embeddings + dream_gate(YAWS, gate)[:, None] * residual  # type: ignore[arg-type]
    torch.testing.assert_close(block(embeddings, YAWS), expected)


@pytest.mark.parametrize("name", ["ir18", "lightcnn9", "mobilefacenet"])
def test_any_backbone_takes_the_block_and_teaches_both(name: str) -> None:
    network = create_backbone(name, 64, 8, width=0.125, dream=DreamConfig(yaw="manifest"))
    network(torch.randn(4, 3, 64, 64), torch.tensor([0.0, 30.0, 60.0, 90.0])).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_a_mirrored_face_opens_the_gate_as_far() -> None:
    network = DreamBackbone(Pooled(), 3, DreamConfig(yaw="manifest"))
    images = torch.rand(2, 3, 4, 4)
    yaws = torch.tensor([50.0, 20.0])
    assert torch.equal(network(images, yaws), network(images, -yaws))
    assert not torch.equal(network(images, yaws), network(images, yaws + 30))


def test_unknown_yaws_are_read_and_known_ones_kept() -> None:
    network = DreamBackbone(Pooled(), 3, DreamConfig(yaw="manifest"))
    network.attach(lambda images: torch.full((len(images),), 70.0))
    images = torch.rand(2, 3, 4, 4)
    assert network.yaw_of(images, torch.tensor([10.0, float("nan")])).tolist() == [10.0, 70.0]
    assert network.yaw_of(images, torch.tensor([10.0, 20.0])).tolist() == [10.0, 20.0]
    assert network.yaw_of(images).tolist() == [70.0, 70.0]


def test_a_recipe_that_estimates_does_not_take_given_yaws() -> None:
    # Else training and search would open the gate differently for the same picture.
    network = DreamBackbone(Pooled(), 3, DreamConfig(yaw="estimate"))
    network.attach(lambda images: torch.full((len(images),), 70.0))
    assert network.yaw_of(torch.rand(1, 3, 4, 4), torch.tensor([10.0])).tolist() == [70.0]


def test_without_yaw_and_reader_the_cure_is_named() -> None:
    network = DreamBackbone(Pooled(), 3, DreamConfig(yaw="manifest"))
    for given in (None, torch.tensor([float("nan")])):
        with pytest.raises(ConfigError, match="needs each picture's yaw; give yaw_degrees, or attach an estimator"):
            network(torch.rand(1, 3, 4, 4), given)


def test_the_reader_is_no_part_of_the_weights() -> None:
    network = build_backbone(BackboneConfig(width=0.125, embedding_dim=8, dream=DreamConfig()), 64)
    before = set(network.state_dict())
    assert isinstance(network, DreamBackbone)
    network.attach(nn.Linear(2, 2))
    assert set(network.state_dict()) == before
    assert {key.partition(".")[0] for key in before} == {"backbone", "dream"}
