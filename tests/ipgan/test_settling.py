import numpy as np
import pytest
import torch

from ipgan import Rotator, train
from ipgan.config import ModelConfig
from ipgan.networks import build_rotation
from ipgan.run_state import check_resumed
from ipgan.settling import change_pose_axes, pose_directions
from ipgan.stored import KIND
from pifr.core.checkpoint import save_checkpoint
from pifr.core.errors import ConfigError
from pifr.core.runs import RunFolder

RNG = np.random.default_rng(0)
PEOPLE = np.repeat(np.arange(40), 13)
YAWS = np.tile(np.linspace(-90, 90, 13), 40)
OFFSETS = RNG.normal(size=(40, 2))[PEOPLE]


def mixed_codes():
    """Codes that are a turn of (yaw, yaw squared, and two directions that tell people)."""
    clean = np.stack([YAWS / 50, (YAWS / 50) ** 2], axis=1)
    noise = 0.05 * RNG.normal(size=(len(YAWS), 4))
    turn = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    return (np.concatenate([clean, OFFSETS], axis=1) + noise) @ turn


def correlation(a, b):
    return abs(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("yaws", [YAWS, np.full(len(YAWS), np.nan)], ids=["yaw known", "subjects alone"])
def test_directions_that_tell_poses_stay_and_those_that_tell_people_go(yaws):
    codes = mixed_codes()
    found = pose_directions(codes, PEOPLE, yaws)
    new = (codes - found.mean) @ found.matrix.T
    assert found.kept == 2
    fit = np.linalg.lstsq(np.c_[new[:, :2], np.ones(len(new))], YAWS, rcond=None)[0]
    assert correlation(np.c_[new[:, :2], np.ones(len(new))] @ fit, YAWS) > 0.99
    for axis in range(2):
        assert max(correlation(new[:, kept], OFFSETS[:, axis]) for kept in range(2)) < 0.1


def test_the_new_axes_vary_by_one_each():
    codes = mixed_codes()
    found = pose_directions(codes, PEOPLE, YAWS)
    assert np.allclose(((codes - found.mean) @ found.matrix.T).std(axis=0), 1)


def small_rotation():
    torch.manual_seed(0)
    config = ModelConfig(
        generator_channel_base=256, encoder_channel_base=128, pose_channel_base=128, channel_max=16, identity_dim=16,
        pose_dim=4, style_dim=16,
    )  # fmt: skip
    return build_rotation(config, 32)


def test_new_axes_leave_the_faces_alone_while_nothing_is_dropped():
    rotation, images = small_rotation(), torch.rand(6, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        identity, before = rotation.identity_encoder(images).code, rotation.pose_encoder(images)
        faces, yaws = rotation.generator(identity, before.mean), rotation.pose_encoder.yaw_of(before.mean)
        found = pose_directions(RNG.normal(size=(60, 4)), np.arange(60) % 6, np.full(60, np.nan))._replace(kept=4)
        change_pose_axes(rotation, found, before.log_variance.exp().mean(dim=0))
        after = rotation.pose_encoder(images)
    assert torch.allclose(rotation.generator(identity, after.mean), faces, atol=1e-4)
    assert torch.allclose(rotation.pose_encoder.yaw_of(after.mean), yaws, atol=1e-4)
    expected = (torch.from_numpy(found.matrix).float() ** 2) @ before.log_variance.exp().mean(dim=0)
    assert torch.allclose(after.log_variance.exp(), expected.expand(6, -1), rtol=1e-4)


def test_dropped_directions_say_and_do_nothing():
    rotation, images = small_rotation(), torch.rand(4, 3, 32, 32) * 2 - 1
    found = pose_directions(RNG.normal(size=(60, 4)), np.arange(60) % 6, np.full(60, np.nan))._replace(kept=2)
    change_pose_axes(rotation, found, torch.ones(4))
    codes = rotation.pose_encoder(images).mean
    assert torch.equal(codes[:, 2:], torch.zeros(4, 2))
    identity = rotation.identity_encoder(images).code
    moved = codes + torch.tensor([0.0, 0.0, 5.0, -5.0])
    assert torch.equal(rotation.generator(identity, codes), rotation.generator(identity, moved))


def test_encoders_rest_and_a_stopped_run_goes_on_as_an_unbroken_one(people, small_recipe, tmp_path):
    config = small_recipe(people, settle_steps=3, steps=6, checkpoint_steps=1, keep_checkpoints=9)
    whole = train(config, tmp_path / "runs").run
    settled, last = (Rotator.load(whole.checkpoints / f"step-0000000{step}").rotation for step in (4, 6))
    for name in ("identity_encoder", "pose_encoder"):
        pairs = zip(getattr(settled, name).parameters(), getattr(last, name).parameters(), strict=True)
        assert all(torch.equal(mine, other) for mine, other in pairs)
    assert not torch.equal(settled.generator.first.weight, last.generator.first.weight)
    for step in (6, 5):  # as if killed in the middle of the last part
        (whole.checkpoints / f"step-0000000{step}").rename(tmp_path / f"gone-{step}")
    again = Rotator.load(train(config, tmp_path / "runs", resume=whole.path).run.path).rotation
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), last.parameters(), strict=True))


@pytest.mark.parametrize(("steps", "refused"), [(6, False), (9, True), (5, True)])
def test_other_steps_are_refused_once_the_last_part_has_begun(people, small_recipe, tmp_path, steps, refused):
    run = begun_run(small_recipe(people, settle_steps=2), tmp_path, step=5, steps=6)  # the encoders rest since step 4
    changed = small_recipe(people, settle_steps=2, steps=steps)
    if refused:
        with pytest.raises(ConfigError, match=rf"steps can't change any more.*found {steps}, there 6 .* step 5"):
            check_resumed(changed, run.path)
    else:
        check_resumed(changed, run.path)


def test_other_steps_are_refused_where_the_beginning_of_the_last_part_would_be_missed(people, small_recipe, tmp_path):
    run = begun_run(small_recipe(people, settle_steps=2, steps=9), tmp_path, step=6, steps=9)
    with pytest.raises(ConfigError, match="steps can't change any more"):
        check_resumed(small_recipe(people, settle_steps=2, steps=7), run.path)
    check_resumed(small_recipe(people, settle_steps=2, steps=8), run.path)  # settles at step 6, which is next
    check_resumed(small_recipe(people, settle_steps=2, steps=20), run.path)
    # What counts is how long the training was to be when it was saved, not when the run was made.
    later = begun_run(small_recipe(people, settle_steps=2, steps=9), tmp_path, step=15, steps=16)
    check_resumed(small_recipe(people, settle_steps=2, steps=16), later.path)
    plain = begun_run(small_recipe(people), tmp_path, step=5, steps=6)
    check_resumed(small_recipe(people, steps=30), plain.path)


def begun_run(config, folder, step, steps):
    """A run folder with one checkpoint, saved by a training that was to have ``steps``."""
    run = RunFolder.create(folder, "begun", config, "")
    save_checkpoint(run.checkpoints, step, {}, {}, {"kind": KIND, "steps": steps})
    return run


def test_a_last_part_as_long_as_the_training_is_refused(people, small_recipe):
    with pytest.raises(ConfigError, match="settle_steps"):
        small_recipe(people, settle_steps=6, steps=6)
