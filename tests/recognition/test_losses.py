"""Losses against their formulas, and the four traps of pytorch-metric-learning."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from pifr.core.errors import ConfigError, DataError
from pifr.recognition.config import OptimizationConfig
from pifr.recognition.losses import create_loss, list_losses
from pifr.recognition.losses.margins import default_scale, scale_bound, scale_warning
from pifr.recognition.optimization import build_optimizer

PEOPLE, DIM = 5, 8
LABELS = torch.tensor([0, 0, 3, 4])


def batch() -> torch.Tensor:
    return torch.randn(len(LABELS), DIM, generator=torch.Generator().manual_seed(1))


def cosines(embeddings: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    return F.normalize(embeddings) @ F.normalize(W, dim=0)


def test_arcface_is_equation_3_with_the_margin_in_radians() -> None:
    loss = create_loss("arcface", PEOPLE, DIM, margin=0.3, scale=10.0)
    cosine = cosines(batch(), loss.loss.W)
    target = F.one_hot(LABELS, PEOPLE).bool()
    logits = torch.where(target, torch.cos(torch.acos(cosine) + 0.3), cosine) * 10
    torch.testing.assert_close(loss(batch(), LABELS), F.cross_entropy(logits, LABELS))


def test_cosface_is_equation_4() -> None:
    loss = create_loss("cosface", PEOPLE, DIM, margin=0.2, scale=10.0)
    logits = (cosines(batch(), loss.loss.W) - 0.2 * F.one_hot(LABELS, PEOPLE)) * 10
    torch.testing.assert_close(loss(batch(), LABELS), F.cross_entropy(logits, LABELS))


def test_triplet_counts_semi_hard_negatives_only() -> None:
    # On the unit circle: anchor a and positive p of person 0, three negatives of person 1 by their angle to a.
    angles = torch.tensor([0.0, 40.0, 20.0, 45.0, 120.0]) * math.pi / 180
    embeddings = torch.stack([angles.cos(), angles.sin()], dim=1)
    labels = torch.tensor([0, 0, 1, 1, 1])
    loss = create_loss("triplet", 2, 2, margin=0.2)
    squared = torch.cdist(embeddings, embeddings) ** 2
    hinges = []
    for anchor in range(5):
        for positive in range(5):
            for negative in range(5):
                if anchor == positive or labels[anchor] != labels[positive] or labels[anchor] == labels[negative]:
                    continue
                gap = float(squared[anchor, negative] - squared[anchor, positive])
                if 0 < gap <= 0.2:
                    hinges.append(0.2 - gap)
    assert hinges  # a at 0, p at 40, n at 45 degrees is one
    assert float(loss(embeddings, labels)) == pytest.approx(sum(hinges) / len(hinges), abs=1e-5)


@pytest.mark.parametrize("name", ["arcface", "cosface"])
def test_class_centres_stay_float32_after_a_bfloat16_step(name: str) -> None:
    loss = create_loss(name, PEOPLE, DIM)
    layer = torch.nn.Linear(DIM, DIM)
    optimizer = build_optimizer({"layer": layer, "loss": loss}, OptimizationConfig())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        embeddings = layer(batch())
        assert embeddings.dtype == torch.bfloat16
        value = loss(embeddings, LABELS)  # inside autocast on purpose: a user may call it so
    value.backward()
    optimizer.step()
    assert value.dtype == loss.loss.W.dtype == loss.loss.W.grad.dtype == torch.float32


@pytest.mark.parametrize("name", ["arcface", "cosface"])
def test_class_centres_are_in_the_optimizer_and_move(name: str) -> None:
    loss = create_loss(name, PEOPLE, DIM)
    optimizer = build_optimizer({"loss": loss}, OptimizationConfig(lr=0.1))
    before = loss.loss.W.detach().clone()
    loss(batch(), LABELS).backward()
    optimizer.step()
    assert any(p is loss.loss.W for group in optimizer.param_groups for p in group["params"])
    assert not torch.equal(before, loss.loss.W)


@pytest.mark.parametrize("name", ["arcface", "cosface", "triplet"])
@pytest.mark.parametrize("label", [PEOPLE, -1])
def test_a_label_outside_the_classes_is_named(name: str, label: int) -> None:
    loss = create_loss(name, PEOPLE, DIM)
    with pytest.raises(DataError, match=rf"outside the {PEOPLE} classes of the loss, found {label}"):
        loss(batch(), torch.tensor([0, 1, 2, label]))


def test_scale_bound_gives_the_promised_probability() -> None:
    # A perfect embedding in CosFace's derivation: cosine 1 with its own centre, -1/(C-1) with all others.
    people, s = 44, scale_bound(44, 0.99)
    own, other = math.exp(s), math.exp(-s / (people - 1))
    assert own / (own + (people - 1) * other) == pytest.approx(0.99)


def test_a_large_scale_for_few_people_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    create_loss("cosface", 44, DIM, scale=64.0)
    assert "loss scale 64 is large for 44 people" in capsys.readouterr().err
    create_loss("cosface", 44, DIM)
    assert "warning" not in capsys.readouterr().err


def test_the_customary_scale_is_fine_for_many_people_and_one_is_too_small() -> None:
    assert scale_warning(64.0, 10_000) is None
    assert "too small for 10000 people" in str(scale_warning(4.0, 10_000))
    assert default_scale(10**20) == 64.0


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("arcface", {"margin": 28.6}, "radians"),  # degrees by mistake
        ("cosface", {"margin": 1.0}, "a cosine"),
        ("cosface", {"scale": 0.0}, "positive"),
        ("triplet", {"margin": 0.0}, "squared distance"),
        ("triplet", {"scale": 16.0}, "triplet has no scale"),
        ("softmaxx", {}, "unknown loss"),
    ],
)
def test_bad_requests_say_why(name: str, bad: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        create_loss(name, PEOPLE, DIM, **bad)


def test_one_person_is_no_class_problem() -> None:
    with pytest.raises(ConfigError, match="at least two people"):
        create_loss("cosface", 1, DIM)
    assert list_losses() == sorted(list_losses())
