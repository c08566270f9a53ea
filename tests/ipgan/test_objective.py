import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ipgan.batch import make_batch
from ipgan.config import PairsConfig
from ipgan.networks import Networks
from ipgan.objective import Stage, discriminator_terms, identity_prior, rotation_terms, weighted_sum
from ipgan.sampler import PairSampler
from ipgan.training_data import open_training_data

CPU = torch.device("cpu")
FULL = Stage(warmup=False, coarse=False, adversary=True)
WARMUP = Stage(warmup=True, coarse=False, adversary=False)


@pytest.fixture
def setting(people, small_recipe):
    config = small_recipe(people)
    data = open_training_data(config)
    networks = Networks(config.model, 32, data.people_count, 0, CPU)
    torch.manual_seed(0)
    pairs = PairSampler(data, PairsConfig(), 8, 4, 0).pairs(0)
    return config, networks, make_batch(data, pairs, config.augmentation, CPU)


def test_every_term_is_there_finite_and_trains_something(setting):
    config, networks, batch = setting
    terms, faces = rotation_terms(networks, batch, config, torch.float32, stage=FULL)
    assert set(terms) == set(type(config.losses).model_fields) - {
        "r1",
        "reconstruction_other",
        "recognizer_cosine",
        "recognizer_feature",
    }
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
    config = small_recipe(people, losses={name: 0})
    terms, _ = rotation_terms(networks, batch, config, torch.float32, Stage.at(0, config))
    assert name not in terms


def test_the_warm_up_has_no_adversary_and_no_generation_path(setting):
    config, networks, batch = setting
    terms, faces = rotation_terms(networks, batch, config, torch.float32, stage=WARMUP)
    assert set(terms) == {"paired", "reconstruction", "identity_margin", "kl", "yaw"}
    assert len(faces.made) == len(batch)


def test_stages_follow_each_other(people, small_recipe):
    config = small_recipe(people, warmup_steps=4, coarse_steps=2)
    stages = [Stage.at(step, config) for step in range(6)]
    assert [stage.coarse for stage in stages] == [True] * 2 + [False] * 4
    assert [stage.warmup for stage in stages] == [True] * 4 + [False] * 2
    assert [stage.adversary for stage in stages] == [False] * 4 + [True] * 2
    assert not Stage.at(5, small_recipe(people, losses={"adversarial": 0})).adversary


def test_the_rotation_never_trains_the_discriminator_nor_the_discriminator_the_rotation(setting):
    config, networks, batch = setting
    weights = config.losses.model_dump() | {"discriminator": 1.0}
    terms, faces = rotation_terms(networks, batch, config, torch.float32, stage=FULL)
    torch.autograd.backward(weighted_sum(terms, weights))
    assert all(p.grad is None for p in networks.discriminator_parameters())
    for parameter in networks.rotation_parameters():
        parameter.grad = None
    judged = discriminator_terms(networks, batch, faces, config, torch.float32, penalise=True)
    assert set(judged) == {"discriminator", "r1"}
    torch.autograd.backward(weighted_sum(judged, weights))
    assert all(p.grad is None for p in networks.rotation_parameters())
    assert all(p.grad is not None for p in networks.discriminator_parameters())


def test_without_yaw_and_without_sittings_everything_else_still_trains(setting):
    config, networks, batch = setting
    plain = dataclasses.replace(
        batch, yaw=torch.full_like(batch.yaw, np.nan), paired=torch.zeros_like(batch.paired),
        labels=torch.full_like(batch.labels, -1), same_person=torch.zeros_like(batch.same_person),
    )  # fmt: skip
    terms, faces = rotation_terms(networks, plain, config, torch.float32, stage=FULL)
    judged = discriminator_terms(networks, plain, faces, config, torch.float32, penalise=True)
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
