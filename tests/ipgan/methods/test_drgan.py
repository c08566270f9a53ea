import dataclasses

import pytest
import torch
from torch.nn import functional as F

from ipgan.methods import Stage, weighted_sum
from ipgan.methods.drgan import drop_some
from ipgan.rotation import fused

FLOAT = torch.float32


def test_codes_are_fused_by_confidence():
    codes = torch.tensor([[[1.0, 0.0], [4.0, 3.0]]])
    assert fused(codes, torch.tensor([[0.5, 0.25]])).tolist() == [[2.0, 1.0]]  # (0.5 [1, 0] + 0.25 [4, 3]) / 0.75
    assert fused(codes, torch.tensor([[1.0, 0.0]])).tolist() == [[1.0, 0.0]]


def test_dropout_leaves_at_least_one_picture():
    torch.manual_seed(0)
    confidence = torch.full((500, 2), 0.7)
    dropped = drop_some(confidence, 0.5)
    assert set(dropped.unique().tolist()) == {0.0, confidence[0, 0].item()}
    assert dropped.amax(dim=1).min() > 0
    assert torch.equal(drop_some(confidence, 0.0), confidence)


@pytest.mark.parametrize(("pictures", "faces"), [(1, 8), (3, 8 * 4)])
def test_each_person_is_drawn_from_every_picture_and_from_all_together(setting_of, pictures, faces):
    method, networks, batch = setting_of("drgan", drgan={"pictures": pictures})
    assert batch.companions.shape[:2] == (8, pictures - 1)
    assert (batch.labels >= 0).all()  # nobody is stretched: a stretched head has no class
    _, made = method.rotation_terms(networks, batch, FLOAT, Stage())
    assert made.made.shape == (faces, 3, 32, 32)
    assert not made.made.requires_grad


def test_real_pictures_come_person_by_person(setting_of):
    method, _, batch = setting_of("drgan", drgan={"pictures": 3}, augmentation={"flip": False, "colour": 0.0})
    pictures, labels, views = method._real(batch)
    assert torch.equal(labels, batch.labels.repeat_interleave(3))
    assert torch.equal(pictures[0], batch.source[0])
    assert torch.equal(pictures[2], batch.companions[0, 1])
    assert views.known.all()


class KnowingJudge(torch.nn.Module):
    """Gives every picture the same two heads."""

    def __init__(self, people, view):
        super().__init__()
        self.people, self.view = torch.tensor(people), torch.tensor(view)

    def forward(self, images):
        return self.people.expand(len(images), -1), self.view.expand(len(images), -1)


def test_terms_by_hand(setting_of):
    method, networks, batch = setting_of("drgan", drgan={"pictures": 1})
    batch = dataclasses.replace(batch, labels=torch.tensor([0, 1] * 4))
    views = len(method.model.view_yaws_degrees)
    people = [1.0, 0.0, 2.0]  # two people, and the fake class last
    networks.adversary.discriminator = KnowingJudge(people, [0.0] * views)
    terms, faces = method.rotation_terms(networks, batch, FLOAT, Stage())
    judged = method.discriminator_terms(networks, batch, faces, FLOAT, Stage())
    log_share = torch.log_softmax(torch.tensor(people), dim=0)
    both = -(log_share[0] + log_share[1]).item() / 2
    assert terms["identity"].item() == pytest.approx(both)
    assert judged["real_identity"].item() == pytest.approx(both)
    assert judged["fake"].item() == pytest.approx(-log_share[2].item())
    assert terms["view"].item() == pytest.approx(torch.tensor(float(views)).log().item())
    assert judged["real_view"].item() == pytest.approx(terms["view"].item())


def test_neither_side_trains_the_other(setting_of):
    method, networks, batch = setting_of("drgan")
    terms, faces = method.rotation_terms(networks, batch, FLOAT, Stage())
    torch.autograd.backward(weighted_sum(terms, method.weights))
    assert all(parameter.grad is None for parameter in networks.discriminator_parameters())
    assert all(parameter.grad is not None for parameter in networks.rotation_parameters())
    for parameter in networks.rotation_parameters():
        parameter.grad = None
    torch.autograd.backward(weighted_sum(method.discriminator_terms(networks, batch, faces, FLOAT, Stage()),
                                         method.weights))  # fmt: skip
    assert all(parameter.grad is None for parameter in networks.rotation_parameters())
    assert all(parameter.grad is not None for parameter in networks.discriminator_parameters())


def test_reading_views_off_pictures_teaches_no_other_network(setting_of):
    method, networks, batch = setting_of("drgan")
    terms, _ = method.rotation_terms(networks, batch, FLOAT, Stage())
    terms["own_view"].backward()
    reader = {id(parameter) for parameter in networks.rotation.pose_encoder.parameters()}
    trained = {id(p) for p in networks.rotation_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert trained
    assert trained <= reader


def test_confidence_learns_through_the_fusion_alone(setting_of):
    method, networks, batch = setting_of("drgan", drgan={"pictures": 2, "confidence_dropout": 0.0})
    terms, _ = method.rotation_terms(networks, batch, FLOAT, Stage())
    terms["identity"].backward()
    assert networks.rotation.identity_encoder.other_head.weight.grad.abs().sum() > 0


def test_the_discriminator_learns_as_often_as_asked(setting_of):
    method, _, _ = setting_of("drgan", drgan={"discriminator_every": 4})
    assert [method.stage(step).adversary for step in range(6)] == [True, False, False, False, True, False]


def test_the_discriminator_may_learn_alone_at_first(setting_of):
    method, networks, batch = setting_of("drgan", drgan={"discriminator_first": 3, "discriminator_every": 2})
    stages = [method.stage(step) for step in range(6)]
    assert [stage.adversary for stage in stages] == [True, True, True, False, True, False]
    assert [stage.warmup for stage in stages] == [True] * 3 + [False] * 3
    terms, faces = method.rotation_terms(networks, batch, FLOAT, stages[0])
    judged = method.discriminator_terms(networks, batch, faces, FLOAT, stages[0])
    assert set(terms) == {"own_view"}
    assert set(judged) == {"real_identity", "real_view"}
    torch.autograd.backward(weighted_sum(terms | judged, method.weights))
    rotation = networks.rotation
    assert all(p.grad is None for net in (rotation.generator, rotation.identity_encoder) for p in net.parameters())
    assert networks.adversary.discriminator.first_head.weight.grad.abs().sum() > 0


def test_a_fresh_discriminator_has_hardly_an_opinion_on_people(setting_of):
    _, networks, batch = setting_of("drgan")
    people, _ = networks.adversary.discriminator(batch.source)
    assert people.std() < 0.3


def test_noise_changes_the_face_and_inference_draws_none(setting_of):
    _, networks, _ = setting_of("drgan")
    generator = networks.rotation.generator
    code, view = torch.randn(1, 24), F.one_hot(torch.tensor([0]), 7).float()
    assert torch.equal(generator(code, view), generator(code, view, noise=torch.zeros(1, 6)))
    assert not torch.allclose(generator(code, view), generator(code, view, noise=torch.ones(1, 6)), atol=1e-3)


def test_training_teaches_views_to_the_view_encoder_and_fakes_to_the_discriminator(recipe_of, tmp_path):
    # There is no pixel loss to fall; what need not win against an opponent must.
    from ipgan import train

    records = train(recipe_of("drgan", steps=40, tick_steps=10, checkpoint_steps=40), tmp_path).run.history.read()
    assert records[-1]["own_view"] < 0.95 * records[0]["own_view"]
    assert records[-1]["fake"] < records[0]["fake"]
