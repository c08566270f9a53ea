import dataclasses
import math

import pytest
import torch

from ipgan import losses
from ipgan.methods import Stage, weighted_sum
from ipgan.methods.crgan import colour_sum_l1
from ipgan.methods.view_codes import asked, view_loss

FLOAT = torch.float32
FULL, FAKES = Stage(penalise=True), Stage(penalise=True, fakes=True)
PLAIN = {"augmentation": {"discriminator": []}, "pairs": {"framing_tolerance": 0}}


class KnowingJudge(torch.nn.Module):
    """Scores a picture by its mean; leans to the first view by one nat; remembers what it saw."""

    def __init__(self, views):
        super().__init__()
        self.view, self.seen = torch.eye(views)[0], []

    def forward(self, images):
        self.seen.append(images.detach())
        return images.float().mean(dim=(1, 2, 3))[:, None], self.view.expand(len(images), -1)


def test_l1_is_summed_over_colours_and_averaged_over_pixels():
    assert colour_sum_l1(torch.full((2, 3, 4, 4), 0.5), torch.zeros(2, 3, 4, 4)).item() == pytest.approx(1.5)
    assert colour_sum_l1(torch.zeros(0, 3, 4, 4), torch.zeros(0, 3, 4, 4)).item() == 0


@pytest.mark.parametrize("stage", [FULL, FAKES])
def test_terms_by_hand(setting_of, stage):
    method, networks, batch = setting_of("crgan", **PLAIN)
    views = len(method.model.view_yaws_degrees)
    # Everything is seen from the first view, so that the judge's lean can be worked out.
    far = torch.full_like(batch.yaw, -90.0 / 90)
    batch = dataclasses.replace(batch, yaw=far, source_yaw=far)
    judge = networks.adversary.discriminator = KnowingJudge(views)
    terms, faces = method.rotation_terms(networks, batch, FLOAT, stage)
    judged = method.discriminator_terms(networks, batch, faces, FLOAT, stage)
    born, again = faces.made.chunk(2)
    assert terms["realness"].item() == pytest.approx(-(born.mean() + again.mean()).item(), rel=1e-4)
    target, rows = (born, slice(None)) if stage.fakes else (batch.target, batch.paired)
    name, other = ("reconstruction", "fake_reconstruction")[:: -1 if stage.fakes else 1]
    wanted = (again[rows] - target[rows]).abs().sum(dim=1).mean().item()
    assert terms[name].item() == pytest.approx(wanted, rel=1e-4)
    assert other not in terms
    # Two paths, each -log softmax([1, 0, ..., 0])[0].
    lean = 2 * (math.log(math.e + views - 1) - 1)
    assert terms["view"].item() == pytest.approx(lean, rel=1e-4)
    assert judged["real_view"].item() == pytest.approx(lean, rel=1e-4)
    distance = (born.mean() - batch.source.mean() + again.mean() - batch.target.mean()).item()
    assert judged["wasserstein"].item() == pytest.approx(distance, abs=1e-4)
    # The slope of a mean of n pixels has norm 1 / sqrt(n), for each of the two paths.
    assert judged["penalty"].item() == pytest.approx(2 * (1 - (3 * 32 * 32) ** -0.5) ** 2, rel=1e-3)
    assert judge.seen


def test_the_penalty_uses_the_real_pictures_that_the_distance_uses(setting_of, monkeypatch):
    # CR-GAN's code: in the fake branch the distance took x2, the penalty x1.
    method, networks, batch = setting_of("crgan", **PLAIN)
    judge = networks.adversary.discriminator = KnowingJudge(len(method.model.view_yaws_degrees))
    given = []
    monkeypatch.setattr(
        losses, "gradient_penalty", lambda score, real, made: given.append((real, made)) or real.sum() * 0
    )
    _, faces = method.rotation_terms(networks, batch, FLOAT, FAKES)
    judge.seen.clear()
    method.discriminator_terms(networks, batch, faces, FLOAT, FAKES)
    ((real, made),) = given
    assert torch.equal(real, judge.seen[0])
    assert torch.equal(real, torch.cat([batch.source, batch.target]))
    assert torch.equal(made, faces.made)
    assert not torch.allclose(batch.source, batch.target)


def test_view_heads_give_logits_not_shares(setting_of):
    # A softmax before torch's cross-entropy can't bring the loss below log(1 + (K - 1) / e).
    method, networks, batch = setting_of("crgan")
    first = torch.eye(len(method.model.view_yaws_degrees))[:1].expand(len(batch), -1)
    floor = math.log(1 + (first.shape[1] - 1) / math.e)
    encoder, judge = networks.rotation.identity_encoder, networks.adversary.discriminator
    with torch.no_grad():
        for head in (encoder.other_head, judge.view_head):
            head.weight.zero_()
            head.bias.copy_(20 * first[0])
    for logits in (encoder(batch.source).view.logits, judge(batch.source)[1]):
        assert view_loss(logits, asked(first)).item() < 1e-3 < floor
    assert networks.rotation.pose_encoder(batch.source).mean.sum(dim=1).allclose(torch.ones(len(batch)))


def test_a_generated_face_teaches_the_encoder_and_not_the_generator(setting_of):
    method, networks, batch = setting_of("crgan")
    terms, _ = method.rotation_terms(networks, batch, FLOAT, FAKES)
    terms["fake_reconstruction"].backward()
    assert all(parameter.grad is None for parameter in networks.rotation.generator.parameters())
    assert networks.rotation.identity_encoder.code_head.weight.grad.abs().sum() > 0
    method, networks, batch = setting_of("crgan")
    terms, _ = method.rotation_terms(networks, batch, FLOAT, FULL)
    terms["reconstruction"].backward()
    assert networks.rotation.generator.draw.first.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("stage", [FULL, FAKES])
def test_neither_side_trains_the_other(setting_of, stage):
    method, networks, batch = setting_of("crgan")
    terms, faces = method.rotation_terms(networks, batch, FLOAT, stage)
    torch.autograd.backward(weighted_sum(terms, method.weights))
    assert all(parameter.grad is None for parameter in networks.discriminator_parameters())
    assert all(parameter.grad is not None for parameter in networks.rotation_parameters())
    for parameter in networks.rotation_parameters():
        parameter.grad = None
    judged = method.discriminator_terms(networks, batch, faces, FLOAT, FULL)
    torch.autograd.backward(weighted_sum(judged, method.weights))
    assert all(parameter.grad is None for parameter in networks.rotation_parameters())
    assert all(parameter.grad is not None for parameter in networks.discriminator_parameters())


def test_without_pairs_and_with_some_yaws_unknown_every_term_is_finite(setting_of):
    method, networks, batch = setting_of("crgan")
    unknown = torch.full_like(batch.yaw, float("nan"))
    plain = dataclasses.replace(batch, paired=torch.zeros_like(batch.paired), yaw=unknown, source_yaw=unknown)
    terms, faces = method.rotation_terms(networks, plain, FLOAT, FULL)
    judged = method.discriminator_terms(networks, plain, faces, FLOAT, FULL)
    assert all(torch.isfinite(term) for term in (*terms.values(), *judged.values()))
    assert terms["reconstruction"].item() == terms["encoder_view"].item() == judged["real_view"].item() == 0


def test_fresh_codes_are_spread_as_the_prior(setting_of):
    _, networks, batch = setting_of("crgan")
    networks.centre(batch.source)
    codes = networks.rotation.identity_encoder(batch.source).code
    assert codes.std(unbiased=False).item() == pytest.approx(3**-0.5, rel=0.02)
    assert torch.equal(codes, networks.averaged.identity_encoder(batch.source).code)


def test_fakes_are_encoded_in_the_share_of_steps_asked_for_and_alike_on_all_processes(setting_of):
    # Terms that differ between processes could not be averaged for the status line.
    for share, expected in ((0.0, 0), (0.05, 10), (0.5, 100), (1.0, 200)):
        method = setting_of("crgan", crgan={"fake_share": share}).method
        assert sum(method.stage(step).fakes for step in range(200)) == expected
    assert [setting_of("crgan").method.stage(step).fakes for step in range(4)] == [False, True, False, True]


def test_a_true_view_is_moved_to_the_face_before_they_are_compared(setting_of):
    method, networks, batch = setting_of("crgan", crgan={"fake_share": 0.0}, **PLAIN)
    moving = setting_of("crgan", crgan={"fake_share": 0.0}, augmentation=PLAIN["augmentation"]).method
    assert moving.config.pairs.framing_tolerance > 0
    # A generator that draws the true views, three pixels to the right.
    drawn = torch.cat([batch.target, torch.roll(batch.target, 3, dims=3)])
    networks.rotation.generator.forward = lambda *_: drawn
    found = [one.rotation_terms(networks, batch, FLOAT, FULL)[0]["reconstruction"].item() for one in (method, moving)]
    assert found[1] < 0.8 * found[0]


def test_pictures_are_bounded(setting_of):
    # A young critic that slopes toward bright pictures was followed beyond white, and the reconstruction rose.
    _, networks, batch = setting_of("crgan")
    rotation = networks.rotation
    codes = 100 * rotation.identity_encoder(batch.source).code
    made = rotation.generator(codes, torch.eye(networks.rotation.config.pose_dim)[:1].expand(len(codes), -1))
    assert made.abs().max() <= 1


def test_training_lowers_the_paired_loss(recipe_of, tmp_path):
    from ipgan import train

    alone = {"fake_share": 0.0, "realness": 0, "view": 0, "penalty": 0}
    recipe = recipe_of("crgan", steps=40, tick_steps=10, checkpoint_steps=40, crgan=alone,
                       augmentation={"identity_warp_share": 0.0})  # fmt: skip
    records = train(recipe, tmp_path).run.history.read()
    assert records[-1]["reconstruction"] < 0.9 * records[0]["reconstruction"]
