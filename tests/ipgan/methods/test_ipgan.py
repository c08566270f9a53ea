import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ipgan.batch import make_batch
from ipgan.config import PairsConfig
from ipgan.methods import METHODS, Stage, weighted_sum
from ipgan.methods.ipgan import _registered, identity_prior
from ipgan.networks import Networks
from ipgan.registration import shifted
from ipgan.sampler import PairSampler
from ipgan.training_data import open_training_data

CPU = torch.device("cpu")
FULL = Stage(penalise=True)
WARMUP = Stage(warmup=True, adversary=False)


@pytest.fixture
def setting(people, small_recipe):
    config = small_recipe(people)
    data = open_training_data(config)
    networks = Networks(config.model, 32, data.people_count, 0, CPU)
    torch.manual_seed(0)
    pairs = PairSampler(data, PairsConfig(), 8, 4, 0).pairs(0)
    return method_of(config, data), networks, make_batch(data, pairs, config.augmentation, CPU)


def method_of(config, data=None):
    """The method of a recipe; IP-GAN asks nothing of the data."""
    return METHODS["ipgan"](config, config.model, data)


def test_every_term_is_there_finite_and_trains_something(setting):
    method, networks, batch = setting
    terms, faces = method.rotation_terms(networks, batch, torch.float32, FULL)
    assert set(terms) == set(type(method.config.losses).model_fields) - {
        "r1", "reconstruction_other", "recognizer_cosine", "recognizer_feature", "drawn", "carried",
    }  # fmt: skip
    assert all(torch.isfinite(term) for term in terms.values())
    for name, term in terms.items():
        gradients = torch.autograd.grad(term, networks.rotation_parameters(), allow_unused=True, retain_graph=True)
        assert any(g is not None and g.abs().sum() > 0 for g in gradients), name
    assert faces.made.shape[0] == 8 + 2  # a quarter more from the generation path
    assert not faces.made.requires_grad


@pytest.mark.parametrize(
    "name", ["paired", "reconstruction", "identity_margin", "identity_cosine", "identity_feature", "pose_recovery",
             "kl", "yaw", "adversarial"],
)  # fmt: skip
def test_a_weight_of_zero_removes_its_term(people, setting, small_recipe, name):
    _, networks, batch = setting
    method = method_of(small_recipe(people, losses={name: 0}))
    terms, _ = method.rotation_terms(networks, batch, torch.float32, method.stage(0))
    assert name not in terms


def test_the_warm_up_has_no_adversary_and_no_generation_path(setting):
    method, networks, batch = setting
    terms, faces = method.rotation_terms(networks, batch, torch.float32, WARMUP)
    assert set(terms) == {"paired", "reconstruction", "identity_margin", "kl", "yaw"}
    assert len(faces.made) == len(batch)


def test_stages_follow_each_other(people, small_recipe):
    method = method_of(small_recipe(people, warmup_steps=4, coarse_steps=2))
    stages = [method.stage(step) for step in range(6)]
    assert [stage.coarse for stage in stages] == [True] * 2 + [False] * 4
    assert [stage.warmup for stage in stages] == [True] * 4 + [False] * 2
    assert [stage.adversary for stage in stages] == [False] * 4 + [True] * 2
    assert [stage.penalise for stage in stages] == [True, False] * 3  # r1_every is 2
    assert not method_of(small_recipe(people, losses={"adversarial": 0})).stage(5).adversary


def test_the_rotation_never_trains_the_discriminator_nor_the_discriminator_the_rotation(setting):
    method, networks, batch = setting
    weights = method.weights
    terms, faces = method.rotation_terms(networks, batch, torch.float32, FULL)
    torch.autograd.backward(weighted_sum(terms, weights))
    assert all(p.grad is None for p in networks.discriminator_parameters())
    for parameter in networks.rotation_parameters():
        parameter.grad = None
    judged = method.discriminator_terms(networks, batch, faces, torch.float32, FULL)
    assert set(judged) == {"discriminator", "r1"}
    torch.autograd.backward(weighted_sum(judged, weights))
    assert all(p.grad is None for p in networks.rotation_parameters())
    assert all(p.grad is not None for p in networks.discriminator_parameters())


def test_without_yaw_and_without_sittings_everything_else_still_trains(setting):
    method, networks, batch = setting
    plain = dataclasses.replace(
        batch, yaw=torch.full_like(batch.yaw, np.nan), paired=torch.zeros_like(batch.paired),
        labels=torch.full_like(batch.labels, -1), same_person=torch.zeros_like(batch.same_person),
    )  # fmt: skip
    terms, faces = method.rotation_terms(networks, plain, torch.float32, FULL)
    judged = method.discriminator_terms(networks, plain, faces, torch.float32, FULL)
    assert all(torch.isfinite(term) for term in (*terms.values(), *judged.values()))
    assert "identity_feature" not in terms
    assert terms["paired"].item() == terms["yaw"].item() == terms["identity_margin"].item() == 0.0


def test_identity_prior_makes_unit_codes_near_the_real_ones():
    torch.manual_seed(0)
    codes = F.normalize(torch.randn(6, 64), dim=1)
    prior = identity_prior(codes, 50)
    assert prior.shape == (50, 64)
    assert torch.allclose(prior.norm(dim=1), torch.ones(50), atol=1e-5)
    # A mixture of two codes is within 45 degrees of one of them, less a little noise.
    nearest = (prior @ codes.T).max(dim=1).values
    assert nearest.min() > 0.5
    assert not torch.allclose(prior @ codes.T, torch.ones(50, 6))


def test_batch_labels_only_people_who_are_still_themselves(people, small_recipe):
    config = small_recipe(people, augmentation={"identity_warp_share": 1.0})
    data = open_training_data(config)
    pairs = PairSampler(data, PairsConfig(), 8, 4, 0).pairs(0)
    batch = make_batch(data, pairs, config.augmentation, CPU)
    assert (batch.labels == -1).all()
    # Mirrored drivers have mirrored yaws.
    assert set(torch.sign(batch.yaw[batch.yaw != 0]).tolist()) == {1.0, -1.0}
    assert torch.allclose(batch.yaw.abs() * 90, torch.from_numpy(np.abs(data.yaw_degrees[pairs.driver])).float())


def test_true_views_are_moved_to_the_generated_faces_and_other_people_stay(setting):
    batch = setting[2]
    soft = torch.nn.functional.interpolate(torch.rand(len(batch), 3, 8, 8) * 2 - 1, size=batch.target.shape[-1])
    soft = torch.nn.functional.avg_pool2d(soft, 5, 1, padding=2)
    same = torch.arange(len(batch)) % 2 == 0
    batch = dataclasses.replace(batch, target=soft, same_person=same)
    turned = shifted(soft, torch.tensor([[0.04, 0.0]]).repeat(len(batch), 1))
    moved = _registered(batch, turned, 0.05).target
    assert torch.equal(moved[~same], soft[~same])
    middle = slice(4, -4)
    before, after = ((x - turned)[same][..., middle, middle].abs().mean() for x in (soft, moved))
    assert after < 0.5 * before
    assert _registered(batch, turned, 0.0) is batch
