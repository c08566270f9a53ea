import json

import numpy as np
import pytest
import torch

from ipgan import Rotator, train
from ipgan.appearance_flow import AppearanceFlow, Photograph
from ipgan.config import ModelConfig
from ipgan.networks import build_rotation
from ipgan.settling import change_pose_axes, pose_directions
from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import read_manifest
from pifr.data.pixels import open_pixels

SIDE, POSE = 16, 4


@pytest.fixture
def parts():
    torch.manual_seed(0)
    flow = AppearanceFlow(8, POSE)
    drawn, features = torch.rand(2, 3, SIDE, SIDE) * 2 - 1, torch.randn(2, 8, SIDE, SIDE)
    return flow, drawn, features, Photograph(torch.rand(2, 3, SIDE, SIDE) * 2 - 1, torch.randn(2, POSE))


def test_a_fresh_flow_points_at_the_same_place_and_is_trusted_little(parts):
    flow, drawn, features, photograph = parts
    laid = flow(drawn, features, photograph)
    assert torch.allclose(laid.carried, photograph.images, atol=1e-5)
    trust = torch.sigmoid(torch.tensor(-1.0))
    assert torch.allclose(laid.faces, drawn + trust * (photograph.images - drawn), atol=1e-5)


def test_the_flow_is_in_halves_of_the_side_to_the_right_and_down(parts):
    flow, drawn, features, photograph = parts
    with torch.no_grad():
        flow.last.bias.copy_(torch.tensor([2 * 3 / SIDE, 2 * 1 / SIDE, 50.0]))  # three pixels, one pixel, full trust
    laid = flow(drawn, features, photograph)
    assert torch.allclose(laid.faces[..., :-1, :-3], photograph.images[..., 1:, 3:], atol=1e-4)


def test_the_flow_depends_on_where_the_photograph_was_taken_from(parts):
    flow, drawn, features, photograph = parts
    torch.nn.init.normal_(flow.pose.weight)
    torch.nn.init.normal_(flow.last.weight)
    other = photograph._replace(pose=-photograph.pose)
    assert not torch.allclose(flow(drawn, features, photograph).carried, flow(drawn, features, other).carried)


def test_new_axes_of_the_pose_code_leave_the_flow_alone():
    torch.manual_seed(0)
    config = ModelConfig(
        generator_channel_base=256, encoder_channel_base=128, pose_channel_base=128, channel_max=16, identity_dim=16,
        pose_dim=POSE, style_dim=16, appearance_flow=True,
    )  # fmt: skip
    rotation, images = build_rotation(config, 32), torch.rand(6, 3, 32, 32) * 2 - 1
    for layer in (rotation.generator.flow.pose, rotation.generator.flow.last):
        torch.nn.init.normal_(layer.weight)
    rng = np.random.default_rng(0)
    found = pose_directions(rng.normal(size=(60, POSE)), np.arange(60) % 6, np.full(60, np.nan))._replace(kept=POSE)
    with torch.no_grad():
        identity, before = rotation.identity_encoder(images).code, rotation.pose_encoder(images)
        faces = rotation.generator(identity, before.mean, torch.float32, Photograph(images, before.mean))
        change_pose_axes(rotation, found, torch.ones(POSE))
        after = rotation.pose_encoder(images).mean
        again = rotation.generator(identity, after, torch.float32, Photograph(images, after))
    assert torch.allclose(faces, again, atol=2e-3)


@pytest.fixture(scope="module")
def carrying(trained, people, small_recipe, tmp_path_factory):
    """A run that adds a flow to weights that were trained without one."""
    recipe = small_recipe(people, start_from=str(trained.run.path), model={"appearance_flow": True}, steps=4,
                          warmup_steps=1, settle_steps=1)  # fmt: skip
    return train(recipe, tmp_path_factory.mktemp("carrying")).run


def test_a_flow_may_be_added_to_trained_weights_and_learns(carrying):
    last = json.loads((carrying.path / "history.jsonl").read_text().splitlines()[-1])
    assert {"drawn", "carried", "paired"} <= set(last)
    flow = Rotator.load(carrying.path, "cpu", "float32").rotation.generator.flow
    assert flow.last.weight.abs().max() > 0


@pytest.mark.parametrize("name", ["drawn", "carried"])
def test_a_weight_of_zero_removes_the_term_of_a_part(trained, people, small_recipe, tmp_path, name):
    recipe = small_recipe(people, start_from=str(trained.run.path), model={"appearance_flow": True}, steps=1,
                          tick_steps=1, losses={name: 0})  # fmt: skip
    (told,) = (json.loads(line) for line in train(recipe, tmp_path).run.history.path.read_text().splitlines())
    assert name not in told
    assert {"drawn", "carried", "paired"} - {name} <= set(told)


def test_faces_show_the_photographs_pixels_if_they_are_given(carrying, people):
    rotator = Rotator.load(carrying.path, "cpu", "float32")
    faces = open_pixels(read_manifest(people), 32)[np.arange(3)]
    codes, poses = rotator.identity_codes(faces), rotator.poses_for_yaws([-30, 0, 30])
    alone, carried = rotator.generate(codes, poses), rotator.generate(codes, poses, faces)
    assert (alone != carried).mean() > 0.5
    assert np.array_equal(carried, rotator.generate(codes, poses, faces, rotator.pose_codes(faces)))
    assert np.array_equal(rotator.rotate(faces, [-30, 0, 30])[range(3), range(3)], carried)
    with pytest.raises(DataError, match="as many photographs as identity codes are needed, found 3 and 2"):
        rotator.generate(codes, poses, faces[:2])


def test_generators_without_a_flow_make_no_use_of_photographs(trained, people):
    rotator = Rotator.load(trained.run.path, "cpu", "float32")
    faces = open_pixels(read_manifest(people), 32)[np.arange(2)]
    codes, poses = rotator.identity_codes(faces), rotator.poses_for_yaws([0, 30])
    assert not rotator.carries_detail
    assert np.array_equal(rotator.generate(codes, poses), rotator.generate(codes, poses, faces))


def test_other_generators_have_no_flow(people, small_recipe):
    with pytest.raises(ConfigError, match="appearance_flow serves generator ipgan alone, found crgan"):
        small_recipe(people, generator="crgan", model={"appearance_flow": True})
