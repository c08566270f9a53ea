"""What all generators must do alike: train, resume, turn, imitate, fuse, be measured, and refuse what does not fit."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

import ipgan.training
from ipgan import Rotator, train
from ipgan.methods import METHODS
from pifr.augment import AcceptanceConfig, AugmentConfig, augment
from pifr.core.checkpoint import latest_checkpoint
from pifr.core.errors import CheckpointError, ConfigError, DataError, TrainingError
from pifr.core.files import read_json, write_json
from pifr.core.interrupt import Interrupted
from pifr.data.manifest import make_manifest, read_manifest
from pifr.data.pixels import open_pixels
from pifr.fidelity import evaluate_generator

EVERY = ["ipgan", "drgan", "crgan"]
VIEWS = ["drgan", "crgan"]
"""Those that learn views as classes."""
CODES = {"ipgan": (16, 4), "drgan": (24, 7), "crgan": (20, 7)}


@pytest.fixture(scope="module")
def rotators(runs):
    return {name: Rotator.load(run.run.path, "cpu", "float32") for name, run in runs.items()}


@pytest.fixture(scope="module")
def faces(people):
    return open_pixels(read_manifest(people), 32)[np.arange(5)]


def state_of(run):
    """Return every tensor and number of a run's last checkpoint by its path."""

    def flat(value, name):
        if isinstance(value, dict):
            return {k: v for key, child in value.items() for k, v in flat(child, f"{name}/{key}").items()}
        if isinstance(value, (list, tuple)):
            return {k: v for i, child in enumerate(value) for k, v in flat(child, f"{name}/{i}").items()}
        return {name: value}

    checkpoint = latest_checkpoint(run.checkpoints)
    return {**checkpoint.weights(), **flat(checkpoint.training_state(), "state")}


def assert_equal_runs(first, second):
    one, other = state_of(first), state_of(second)
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name], name


def test_all_three_are_there():
    assert list(METHODS) == sorted(EVERY)


@pytest.mark.parametrize("name", VIEWS)
def test_a_run_tells_its_terms_and_its_generator(runs, name):
    terms = {
        "drgan": {"identity", "view", "own_view", "real_identity", "real_view", "fake"},
        "crgan": {
            "realness",
            "view",
            "reconstruction",
            "fake_reconstruction",
            "encoder_view",
            "wasserstein",
            "real_view",
            "penalty",
        },
    }
    run = runs[name].run
    # CR-GAN's reconstruction is of real faces in some steps, of fakes in the others: a tick may lack one of them.
    assert terms[name] <= {key for record in run.history.read() for key in record}
    assert latest_checkpoint(run.checkpoints).meta()["model"]["generator"] == name
    assert (run.grids / "step-00000006.png").is_file()


@pytest.mark.parametrize("name", VIEWS)
def test_stopped_and_resumed_equals_an_unbroken_run(runs, recipe_of, tmp_path, monkeypatch, name):
    original, calls = ipgan.training.make_batch, []

    def counting(*arguments):
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return original(*arguments)

    monkeypatch.setattr(ipgan.training, "make_batch", counting)
    with pytest.raises(Interrupted, match="step 3 is saved"):
        train(recipe_of(name), tmp_path)
    (folder,) = tmp_path.iterdir()
    resumed = train(recipe_of(name), tmp_path, resume=folder)
    assert_equal_runs(runs[name].run, resumed.run)


@pytest.mark.parametrize("name", VIEWS)
def test_killed_and_resumed_equals_an_unbroken_run(runs, recipe_of, tmp_path, name):
    recipe, folder = tmp_path / "recipe.yaml", tmp_path / "runs"
    recipe.write_text(recipe_of(name, checkpoint_steps=1).to_yaml())
    # The process kills itself while the third checkpoint is written.
    code = (
        "import os, signal, sys, ipgan.run_state as state\n"
        "original, calls = state.save_checkpoint, []\n"
        "def save(*arguments):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return original(*arguments)\n"
        "state.save_checkpoint = save\n"
        "from ipgan.cli import main\nmain()\n"
    )
    program = [sys.executable, "-c", code, "train", str(recipe), "--runs", str(folder), "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(program, env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    (killed,) = folder.iterdir()
    assert latest_checkpoint(killed / "checkpoints").step == 2
    resumed = train(recipe_of(name, checkpoint_steps=1), tmp_path, resume=killed)
    assert_equal_runs(runs[name].run, resumed.run)


@pytest.mark.parametrize("name", VIEWS)
def test_micro_batches_train_too(recipe_of, tmp_path, name):
    result = train(recipe_of(name, steps=2, checkpoint_steps=2, optimizer={"accumulate": 2}), tmp_path)
    assert (result.images, result.skipped) == (16, 0)


@pytest.mark.ddp
@pytest.mark.parametrize("name", VIEWS)
def test_two_processes_train_one_model(recipe_of, tmp_path, name, train_on_two_processes):
    folder = train_on_two_processes(recipe_of(name, steps=2, checkpoint_steps=2), tmp_path)
    assert train(recipe_of(name, steps=3, checkpoint_steps=2), tmp_path, resume=folder).steps == 3


@pytest.mark.parametrize(("name", "broken"), [("drgan", "own_view"), ("crgan", "encoder_view")])
def test_a_term_that_stays_broken_is_named(recipe_of, tmp_path, monkeypatch, name, broken):
    real = METHODS[name].rotation_terms

    def poisoned(*arguments):
        terms, faces = real(*arguments)
        return {**terms, broken: terms[broken] * float("nan")}, faces

    monkeypatch.setattr(METHODS[name], "rotation_terms", poisoned)
    with pytest.raises(TrainingError, match=rf"the term '{broken}' stays non-finite"):
        train(recipe_of(name, optimizer={"max_skipped_in_a_row": 2}), tmp_path)


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("hidden", ["column", "setting"])
def test_without_yaws_training_is_refused_before_a_folder_is_made(recipe_of, people, tmp_path, name, hidden):
    recipe = recipe_of(name, data={"use_yaw": False})
    if hidden == "column":
        manifest = read_manifest(people)
        table = manifest.table[["subject", "split"]].assign(path=[str(path) for path in manifest.paths])
        table.to_csv(tmp_path / "plain.csv", index=False)
        recipe = recipe_of(name, manifest=tmp_path / "plain.csv")
    with pytest.raises(DataError, match=r"need pictures of at least two known yaws, found no known yaw; fill") as error:
        train(recipe, tmp_path / "runs")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_tells_that_yaws_are_missing(recipe_of, tmp_path):
    from click.testing import CliRunner

    from ipgan.cli import ipgan_command

    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(recipe_of("crgan", data={"use_yaw": False}).to_yaml())
    result = CliRunner().invoke(ipgan_command, ["train", str(recipe), "--dry-run"])
    assert isinstance(result.exception, DataError)


@pytest.mark.parametrize("name", EVERY)
def test_faces_are_turned_and_imitated(rotators, faces, name):
    rotator = rotators[name]
    identity, pose = CODES[name]
    assert rotator.identity_codes(faces).shape == (5, identity)
    assert rotator.pose_codes(faces).shape == (5, pose)
    turned = rotator.rotate(faces[:2], [-30, 0, 45])
    assert turned.shape == (2, 3, 32, 32, 3)
    assert np.array_equal(turned, rotator.rotate(faces[:2], [-30, 0, 45]))  # nothing is drawn at random
    assert (turned[0, 0] != turned[0, 2]).any()
    assert rotator.imitate(faces[:2], faces).shape == (2, 5, 32, 32, 3)
    raw = np.random.default_rng(0).normal(size=(1, pose))
    assert rotator.generate(rotator.identity_codes(faces[:1]), raw).shape == (1, 32, 32, 3)
    with pytest.raises(DataError, match="turns faces by -90 to 90 degrees"):
        rotator.poses_for_yaws([120])


@pytest.mark.parametrize("name", VIEWS)
def test_degrees_are_shares_of_neighbouring_views(rotators, faces, name):
    poses = rotators[name].poses_for_yaws([-90, 0, 15, 40])
    third = 1 / 3
    expected = [[1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0.5, 0.5, 0, 0],
                [0, 0, 0, 0, 2 * third, third, 0]]  # fmt: skip
    assert np.allclose(poses, expected, atol=1e-4)
    assert np.allclose(rotators[name].pose_codes(faces).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", EVERY)
def test_a_lone_picture_is_fused_to_itself_and_groups_come_in_order(rotators, faces, name):
    rotator = rotators[name]
    codes = rotator.identity_codes(faces)
    fused = rotator.fuse(faces, [3, 0, 3, 3, 1])
    assert fused.shape == (3, codes.shape[1])
    assert np.allclose(fused[:2], codes[[1, 4]], atol=1e-5)
    assert rotator.fuse(faces[:0], []).shape == (0, codes.shape[1])
    assert rotator.generate(fused, rotator.poses_for_yaws([0, 0, 0])).shape == (3, 32, 32, 3)
    with pytest.raises(DataError, match="needs the number of its group, found 5 pictures"):
        rotator.fuse(faces, [0, 1])


def test_fusion_is_a_mean_brought_back_to_the_sphere_for_ipgan_and_not_for_crgan(rotators, faces):
    for name, rotator in rotators.items():
        mean = rotator.identity_codes(faces).mean(axis=0)
        if name == "ipgan":
            mean /= np.linalg.norm(mean)
        same = np.allclose(rotator.fuse(faces, np.zeros(5)), mean, atol=1e-5)
        assert same == (name != "drgan")


def test_fusion_is_weighed_by_confidence_for_drgan(rotators, faces):
    rotator = rotators["drgan"]
    images = rotator._encode(faces, lambda pictures: pictures)
    encoding = rotator.rotation.identity_encoder(torch.from_numpy(images))
    weights = encoding.confidence.detach().numpy()[:, None]
    codes = encoding.code.detach().numpy()
    assert weights.std() > 0
    assert np.allclose(rotator.fuse(faces, np.zeros(5)), (weights * codes).sum(0) / weights.sum(), atol=1e-4)


@pytest.mark.parametrize("name", EVERY)
def test_only_unit_codes_are_brought_to_unit_norm(rotators, faces, name):
    rotator = rotators[name]
    codes, poses = rotator.identity_codes(faces[:2]), rotator.poses_for_yaws([0, 0])
    same = np.array_equal(rotator.generate(codes, poses), rotator.generate(4 * codes, poses))
    assert same == rotator.rotation.unit_codes == (name == "ipgan")


@pytest.mark.parametrize("name", EVERY)
def test_saved_for_inference_alone_it_turns_the_same(rotators, faces, tmp_path, name):
    again = Rotator.load(rotators[name].save(tmp_path / "light"), "cpu", "float32")
    assert np.array_equal(again.rotate(faces, [-45]), rotators[name].rotate(faces, [-45]))


@pytest.mark.parametrize("name", EVERY)
def test_one_photograph_becomes_many_views(rotators, rendered, tmp_path, name):
    two = rendered.select(rendered.table["subject"].isin(rendered.subjects[:2]))
    small = tmp_path / "small"
    result = augment(two, rotators[name], small, AugmentConfig(
        yaws_degrees=(-45.0, 20.0), count_real=False, acceptance=AcceptanceConfig(max_yaw_error_degrees=None)
    ))  # fmt: skip
    assert result.accepted > 0
    assert set(result.manifest.table["subject"]) == set(two.subjects)
    assert result.manifest.table.groupby("subject")["yaw"].apply(set).map({-45.0, 20.0}.issuperset).all()
    assert set(result.manifest.table["generator"]) == {rotators[name].name}


@pytest.mark.parametrize("name", VIEWS)
def test_it_is_measured_as_ipgan_is(rotators, people, name):
    unseen = read_manifest(people).of_split("val")
    found = evaluate_generator(rotators[name], unseen, rounds=20, device="cpu").to_dict()
    assert found["protocol"]["people"] == 3
    assert {"yaw_mae_degrees", "leakage"} <= found.keys()


def renamed(run, tmp_path, generator):
    """A copy of a run's checkpoint whose description names another generator; None names none."""
    folder = tmp_path / "copy"
    shutil.copytree(latest_checkpoint(run.run.checkpoints).path, folder)
    meta = read_json(folder / "meta.json")
    meta["model"].pop("generator")
    if generator is not None:
        meta["model"]["generator"] = generator
    write_json(folder / "meta.json", meta)
    return folder


@pytest.mark.parametrize(("name", "said"), [("drgan", "crgan"), ("crgan", "ipgan"), ("ipgan", "drgan")])
def test_weights_of_another_generator_are_refused_in_one_line(runs, tmp_path, name, said):
    with pytest.raises(CheckpointError, match="don't fit this model") as error:
        Rotator.load(renamed(runs[name], tmp_path, said), "cpu")
    assert "\n" not in str(error.value)


def test_an_unknown_generator_is_refused(runs, tmp_path):
    with pytest.raises(ConfigError, match=r"generator.*'tpgan'"):
        Rotator.load(renamed(runs["ipgan"], tmp_path, "tpgan"), "cpu")


def test_descriptions_from_before_there_were_three_mean_ipgan(runs, rotators, faces, tmp_path):
    old = Rotator.load(renamed(runs["ipgan"], tmp_path, None), "cpu", "float32")
    assert np.array_equal(old.rotate(faces, [30]), rotators["ipgan"].rotate(faces, [30]))


def test_a_run_can_not_go_on_as_another_generator(runs, recipe_of, tmp_path):
    with pytest.raises(ConfigError, match="found another generator"):
        train(recipe_of("crgan"), tmp_path, resume=runs["drgan"].run.path)


def test_unknown_generators_and_recognisers_for_others_are_refused(recipe_of):
    with pytest.raises(ConfigError, match="generator"):
        recipe_of("tpgan")
    with pytest.raises(ConfigError, match="serves generator ipgan alone, found drgan"):
        recipe_of("drgan", identity={"recognizer": "runs/0"})


def test_pictures_without_a_yaw_join_those_with_one(recipe_of, people, tmp_path):
    manifest = read_manifest(people)
    table = manifest.table.assign(path=[str(path) for path in manifest.paths])
    table.loc[table.index[::3], "yaw"] = np.nan
    make_manifest(table, tmp_path, "some").save(tmp_path / "some.csv")
    for name in VIEWS:
        result = train(recipe_of(name, manifest=tmp_path / "some.csv", steps=2), tmp_path / "runs")
        assert result.skipped == 0


def with_yaws(people, path, change):
    """Save the people's manifest with other yaws."""
    manifest = read_manifest(people)
    table = manifest.table.assign(path=[str(picture) for picture in manifest.paths])
    table.assign(yaw=change(table["yaw"])).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", VIEWS)
def test_trained_views_go_on_with_pictures_a_little_beside_them(runs, recipe_of, people, tmp_path, name):
    turned = with_yaws(people, tmp_path / "turned.csv", lambda yaw: 1.02 * yaw)
    recipe = recipe_of(name, manifest=turned, start_from=str(runs[name].run.path), steps=1)
    begun = train(recipe, tmp_path / "runs").run
    train(recipe.model_copy(update={"steps": 2}), tmp_path, resume=begun.path)
    views = [latest_checkpoint(run.checkpoints).meta()["model"]["view_yaws_degrees"] for run in (begun, runs[name].run)]
    assert views[0] == views[1] == [-90, -60, -30, 0, 30, 60, 90]


@pytest.mark.parametrize("change", [lambda yaw: 1.12 * yaw, lambda yaw: yaw.where(yaw.abs() < 50)])
def test_weights_of_other_views_are_refused(runs, recipe_of, people, tmp_path, change):
    other = with_yaws(people, tmp_path / "other.csv", change)
    with pytest.raises(
        ConfigError, match=r"know other views, found -90, -60, -30, 0, 30, 60, 90 for .*-3.*; train on"
    ) as error:
        train(recipe_of("crgan", manifest=other, start_from=str(runs["crgan"].run.path)), tmp_path / "runs")
    assert "start_from=" in str(error.value)
    assert not (tmp_path / "runs").exists()


def test_weights_of_views_in_other_steps_are_refused(runs, recipe_of, tmp_path):
    recipe = recipe_of("crgan", start_from=str(runs["crgan"].run.path), model={"view_step_degrees": 30})
    with pytest.raises(ConfigError, match=r"another view_step_degrees, found 15.0 for 30.0"):
        train(recipe, tmp_path / "runs")
