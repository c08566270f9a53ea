import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from ipgan.config import ModelConfig
from ipgan.erasure import leace, pose_concept, yaw_concept
from ipgan.networks import Networks
from ipgan.pose_erasure import erase_pose

RNG = np.random.default_rng(0)
LABELS = RNG.integers(3, size=600)
CODES = RNG.normal(size=(600, 12)) + np.eye(3)[LABELS] @ RNG.normal(size=(3, 12)) * 2


def accuracy(codes):
    return LogisticRegression(max_iter=2000).fit(codes, LABELS).score(codes, LABELS)


def test_no_linear_classifier_beats_chance_after_erasure():
    matrix, offset = leace(CODES, np.eye(3)[LABELS])
    erased = CODES @ matrix.T + offset
    chance = np.bincount(LABELS).max() / len(LABELS)
    assert accuracy(CODES) > 0.9
    assert accuracy(erased) <= chance + 0.01


def test_cross_covariance_with_the_concept_vanishes_and_the_mean_stays():
    concept = np.eye(3)[LABELS]
    matrix, offset = leace(CODES, concept)
    erased = CODES @ matrix.T + offset
    cross = (erased - erased.mean(0)).T @ (concept - concept.mean(0)) / len(erased)
    assert np.abs(cross).max() < 1e-3 * np.abs(np.cov(CODES.T)).max()
    assert np.allclose(erased.mean(0), CODES.mean(0))


def test_only_as_many_directions_go_as_the_concept_has():
    matrix, _ = leace(CODES, np.eye(3)[LABELS])
    assert np.linalg.matrix_rank(matrix, tol=1e-6) == 12 - 2  # three classes differ in two directions


def test_a_concept_that_says_nothing_moves_nothing():
    matrix, offset = leace(CODES, np.ones((600, 1)))
    assert np.allclose(matrix, np.eye(12))
    assert np.allclose(offset, 0)


def test_the_concept_is_the_yaw_bin_or_else_the_pose_code():
    poses = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert yaw_concept(np.array([-44.0, 46.0])).tolist() == [[0.5, -0.5], [-0.5, 0.5]]
    assert pose_concept(poses).tolist() == [[1, 2, 1, 4], [3, 4, 9, 16]]


def test_both_encoders_are_edited_and_the_pose_is_gone_from_raw_codes():
    model = ModelConfig(
        generator_channel_base=256, encoder_channel_base=128, discriminator_channel_base=128, pose_channel_base=128,
        channel_max=16, identity_dim=12, pose_dim=4, style_dim=16,
    )  # fmt: skip
    networks = Networks(model, 32, people=3, seed=0, device=torch.device("cpu"))
    torch.manual_seed(0)
    yaw = np.repeat([-60.0, 0.0, 60.0], 40)
    images = torch.randn(120, 3, 32, 32) * 0.3 + torch.from_numpy(yaw / 90).float()[:, None, None, None]
    for rotation in (networks.rotation, networks.averaged):
        erase_pose(rotation, [images[:60], images[60:]], yaw, None, torch.float32)
    for rotation in (networks.rotation, networks.averaged):
        codes = rotation.identity_encoder.raw(images).detach().numpy()
        means = np.stack([codes[yaw == one].mean(axis=0) for one in (-60, 0, 60)])
        assert np.abs(means - means.mean(axis=0)).max() < 0.02 * codes.std()


def probed_within(codes, labels, light):
    return LogisticRegression(max_iter=2000).fit(codes[light], labels[light]).score(codes[light], labels[light])


def test_yaw_is_erased_within_each_light_and_not_only_over_all_together():
    # In light 1 the turn shows with the opposite sign: the means over both lights agree from the start.
    yaws, lights = np.tile([-30.0, 30.0], 600), np.repeat([0, 1], 600)
    codes = RNG.normal(size=(1200, 6))
    codes[:, 0] += np.sign(yaws) * np.where(lights == 0, 2.0, -2.0)
    labels = (yaws > 0).astype(int)
    for conditions, most in ((None, 1.0), (lights, 0.58)):
        matrix, offset = leace(codes, yaw_concept(yaws, conditions))
        erased = codes @ matrix.T + offset
        found = [probed_within(erased, labels, lights == light) for light in (0, 1)]
        assert max(found) <= most
        assert conditions is not None or min(found) > 0.9


def test_rare_conditions_are_taken_together():
    yaws = np.tile([-30.0, 30.0], 600)
    rare = np.repeat([0, 1, 2, 3], [900, 100, 100, 100])
    assert yaw_concept(yaws, rare).shape == (1200, 4)  # the large one, and the three others as one
    assert np.allclose(yaw_concept(yaws, rare).sum(axis=1), 0)


def test_what_correlates_by_chance_alone_stays():
    concept = np.eye(3)[RNG.integers(3, size=600)]  # says nothing of the codes
    matrix, _ = leace(CODES, concept, least=0.3)
    assert np.allclose(matrix, np.eye(12))
