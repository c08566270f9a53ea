"""Losses against their formulas, and the four traps of pytorch-metric-learning."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from pifr.core.config import check_config
from pifr.core.errors import ConfigError, DataError
from pifr.recognition.config import LossConfig, OptimizationConfig, RecognizerConfig
from pifr.recognition.losses import create_loss, list_losses, loss_parameters
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


def test_softmax_is_cross_entropy_of_scaled_cosines() -> None:
    loss = create_loss("softmax", PEOPLE, DIM, scale=10.0)
    torch.testing.assert_close(loss(batch(), LABELS), F.cross_entropy(10 * cosines(batch(), loss.loss.W), LABELS))


def test_arcface_beyond_the_last_angle_goes_on_as_a_line() -> None:
    # Past theta = pi - m, cos(theta + m) would rise again; the customary continuation is cos(theta) - m sin(m).
    loss = create_loss("arcface", 2, 2, margin=0.5, scale=10.0)
    with torch.no_grad():
        loss.loss.W.copy_(torch.eye(2))
    cosine = torch.tensor([[math.cos(3.0), math.sin(3.0)]])  # 3.0 > pi - 0.5
    logits = 10 * torch.tensor([[math.cos(3.0) - 0.5 * math.sin(0.5), math.sin(3.0)]])
    torch.testing.assert_close(loss(cosine, torch.tensor([0])), F.cross_entropy(logits, torch.tensor([0])))


def test_subcenter_arcface_takes_the_nearest_of_a_persons_centres() -> None:
    loss = create_loss("subcenter_arcface", PEOPLE, DIM, margin=0.3, scale=10.0, sub_centers=2)
    all_centres = cosines(batch(), loss.loss.W)
    assert all_centres.shape == (len(LABELS), 2 * PEOPLE)
    cosine = all_centres.view(len(LABELS), PEOPLE, 2).amax(2)
    target = F.one_hot(LABELS, PEOPLE).bool()
    logits = torch.where(target, torch.cos(torch.acos(cosine) + 0.3), cosine) * 10
    torch.testing.assert_close(loss(batch(), LABELS), F.cross_entropy(logits, LABELS))


def adaface_by_hand(embeddings: torch.Tensor, W: torch.Tensor, mean: float, spread: float) -> torch.Tensor:
    """Section 3.3 of the paper, term by term, with m = 0.4, h = 0.333, s = 10."""
    quality = ((embeddings.norm(dim=1) - mean) / (spread + 1e-3) * 0.333).clamp(-1, 1)
    cosine = cosines(embeddings, W)
    rows = torch.arange(len(LABELS))
    g_angle, g_add = -0.4 * quality, 0.4 * quality + 0.4
    own = torch.cos(torch.acos(cosine[rows, LABELS]) + g_angle) - g_add
    logits = cosine.clone()
    logits[rows, LABELS] = own
    return F.cross_entropy(10 * logits, LABELS)


def test_adaface_chooses_the_margin_by_length() -> None:
    loss = create_loss("adaface", PEOPLE, DIM, scale=10.0)
    embeddings = batch() * torch.tensor([[0.2], [1.0], [1.5], [3.0]])
    lengths = embeddings.norm(dim=1)
    expected = adaface_by_hand(embeddings, loss.loss.W, lengths.mean().item(), lengths.std().item())
    torch.testing.assert_close(loss(embeddings, LABELS), expected)


def test_adafaces_running_lengths_start_with_the_first_batch_and_rest_in_evaluation() -> None:
    loss = create_loss("adaface", PEOPLE, DIM, scale=10.0, length_momentum=0.9)
    first, second = batch(), 5 * batch()
    loss(first, LABELS)
    assert loss.loss.lengths_mean.item() == pytest.approx(first.norm(dim=1).mean().item())
    loss(second, LABELS)
    mean = 0.9 * first.norm(dim=1).mean().item() + 0.1 * second.norm(dim=1).mean().item()
    assert loss.loss.lengths_mean.item() == pytest.approx(mean)
    spread = 0.9 * first.norm(dim=1).std().item() + 0.1 * second.norm(dim=1).std().item()
    value = loss.eval()(first, LABELS)
    torch.testing.assert_close(value, adaface_by_hand(first, loss.loss.W, mean, spread))
    restored = create_loss("adaface", PEOPLE, DIM, scale=10.0)
    restored.load_state_dict(loss.state_dict())
    assert torch.equal(restored.eval()(first, LABELS), value)  # the averages are part of a checkpoint


def test_adaface_has_finite_gradients_where_arcface_has_none() -> None:
    loss = create_loss("adaface", 2, 2, scale=10.0)
    with torch.no_grad():
        loss.loss.W.copy_(torch.eye(2))
    embeddings = torch.eye(2).requires_grad_()  # cosine exactly 1
    loss(embeddings, torch.tensor([0, 1])).backward()
    assert embeddings.grad.isfinite().all()
    assert loss.loss.W.grad.isfinite().all()


def test_multi_similarity_is_equation_15_over_the_pairs_of_equation_12() -> None:
    parameters = {"positive_scale": 3.0, "negative_scale": 20.0, "threshold": 0.4, "mining_margin": 0.2}
    embeddings = torch.randn(8, 3, generator=torch.Generator().manual_seed(3))
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    cosine = F.normalize(embeddings) @ F.normalize(embeddings).T
    terms, left_out = [], 0
    for i in range(8):
        own = [float(cosine[i, j]) for j in range(8) if labels[i] == labels[j] and i != j]
        other = [float(cosine[i, j]) for j in range(8) if labels[i] != labels[j]]
        hard_own = [s for s in own if s - 0.2 < max(other)]
        hard_other = [s for s in other if s + 0.2 > min(own)]
        left_out += len(own) + len(other) - len(hard_own) - len(hard_other)
        positive = math.log(1 + sum(math.exp(-3.0 * (s - 0.4)) for s in hard_own)) / 3.0
        negative = math.log(1 + sum(math.exp(20.0 * (s - 0.4)) for s in hard_other)) / 20.0
        terms.append(positive + negative)
    assert left_out > 0  # mining has something to do
    loss = create_loss("multi_similarity", 3, 3, **parameters)
    assert float(loss(embeddings, labels)) == pytest.approx(sum(terms) / 8, abs=1e-5)


def test_supcon_is_equation_2() -> None:
    embeddings = torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
    labels = torch.tensor([0, 0, 0, 1, 1, 2])  # person 2 has no second picture and counts for nothing
    logits = F.normalize(embeddings) @ F.normalize(embeddings).T / 0.2
    terms = []
    for i in range(5):
        everyone = math.log(sum(math.exp(logits[i, a]) for a in range(6) if a != i))
        own = [float(logits[i, p]) - everyone for p in range(6) if p != i and labels[p] == labels[i]]
        terms.append(-sum(own) / len(own))
    loss = create_loss("supcon", 3, 4, temperature=0.2)
    assert float(loss(embeddings, labels)) == pytest.approx(sum(terms) / 5, abs=1e-5)


@pytest.mark.parametrize("name", list_losses())
def test_every_loss_is_float32_inside_autocast_and_teaches_the_embeddings(name: str) -> None:
    loss = create_loss(name, PEOPLE, DIM)
    embeddings = batch().bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(embeddings, LABELS)
    value.backward()
    assert value.dtype == torch.float32
    assert embeddings.grad.isfinite().all()
    torch.testing.assert_close(value, loss(embeddings.detach().float(), LABELS))


@pytest.mark.parametrize("name", list_losses())
def test_a_recipe_can_set_every_parameter_of_a_loss_and_no_other(name: str) -> None:
    known = loss_parameters(name)
    fields = set(LossConfig.model_fields) - {"name"}
    assert set(known) <= fields
    assert create_loss(name, PEOPLE, DIM, **LossConfig(name=name).parameters())
    for key in fields - set(known):
        with pytest.raises(ConfigError, match=rf"loss.{key}: {name} has no {key}, found 1; leave it out; it has "):
            create_loss(name, PEOPLE, DIM, **{key: 1})


def test_every_parameter_of_the_recipe_belongs_to_a_loss() -> None:
    assert {key for name in list_losses() for key in loss_parameters(name)} == set(LossConfig.model_fields) - {"name"}


@pytest.mark.parametrize("name", ["triplet", "multi_similarity", "supcon"])
def test_losses_of_pairs_want_a_second_picture(name: str) -> None:
    values = {"data": {"manifest": "x.csv"}, "loss": {"name": name}}
    assert check_config(RecognizerConfig, {**values, "batch": {"pictures": 2}}, "test")
    with pytest.raises(ConfigError, match=f"the {name} loss needs batch.pictures of 2 or more"):
        check_config(RecognizerConfig, {**values, "batch": {"pictures": 1}}, "test")


def test_losses_with_centres_take_one_picture_a_person() -> None:
    for name in ("softmax", "arcface", "cosface", "adaface", "subcenter_arcface"):
        values = {"data": {"manifest": "x.csv"}, "loss": {"name": name}, "batch": {"pictures": 1}}
        check_config(RecognizerConfig, values, "test")
        value = create_loss(name, PEOPLE, DIM)(batch()[:1], LABELS[:1])
        assert value.isfinite()


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


@pytest.mark.parametrize("name", ["arcface", "cosface", "softmax", "subcenter_arcface", "adaface"])
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


@pytest.mark.parametrize("name", ["arcface", "cosface", "softmax", "subcenter_arcface", "adaface"])
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
        ("subcenter_arcface", {"margin": 28.6}, "radians"),
        ("subcenter_arcface", {"sub_centers": 0}, "sub_centers"),
        ("adaface", {"margin": 28.6}, "radians and a cosine"),
        ("adaface", {"length_momentum": 1.0}, "a share"),
        ("multi_similarity", {"threshold": 1.5}, "a cosine"),
        ("multi_similarity", {"positive_scale": 0.0}, "a factor"),
        ("supcon", {"temperature": 0.0}, "a cosine"),
        ("softmax", {"scale": -1.0}, "positive"),
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
