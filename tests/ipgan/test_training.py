import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch

import ipgan.training
from ipgan import train
from ipgan.config import TrainConfig
from pifr.core.checkpoint import latest_checkpoint, list_checkpoints
from pifr.core.config import load_config
from pifr.core.errors import CheckpointError, ConfigError, PifrError, TrainingError
from pifr.core.interrupt import Interrupted
from pifr.core.runs import RunFolder
from pifr.data.manifest import read_manifest


def tensors_of(run):
    checkpoint = latest_checkpoint(run.checkpoints)
    return checkpoint.weights(), flat(checkpoint.training_state())


def flat(value, name=""):
    """Return every leaf of nested dicts and lists by its path."""
    if isinstance(value, dict):
        return {k: v for key, child in value.items() for k, v in flat(child, f"{name}/{key}").items()}
    if isinstance(value, (list, tuple)):
        return {k: v for i, child in enumerate(value) for k, v in flat(child, f"{name}/{i}").items()}
    return {name: value}


def assert_equal_runs(first, second):
    for one, other in zip(tensors_of(first), tensors_of(second), strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            same = torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name]
            assert same, name


def test_a_run_leaves_everything_behind(trained):
    run = trained.run
    assert (trained.steps, trained.images, trained.people, trained.skipped) == (6, 48, 9, 0)
    assert json.dumps(trained.to_dict())
    assert "6 steps, 48 pairs of 9 people" in trained.table()
    records = run.history.read()
    assert [record["step"] for record in records] == [2, 4, 6]
    assert {"paired", "adversarial", "discriminator", "images_per_second", "memory_gib"} <= records[-1].keys()
    assert [checkpoint.step for checkpoint in list_checkpoints(run.checkpoints)] == [4, 6]
    assert [path.name for path in run.grids.iterdir()] == ["step-00000006.png"]
    assert run.environment()["data_fingerprint"]


def test_training_lowers_the_paired_loss(people, small_recipe, tmp_path):
    recipe = small_recipe(people, steps=40, tick_steps=10, checkpoint_steps=40, warmup_steps=40,
                          augmentation={"identity_warp_share": 0.0})  # fmt: skip
    records = train(recipe, tmp_path).run.history.read()
    assert records[-1]["paired"] < 0.95 * records[0]["paired"]
    assert "discriminator" not in records[-1]


def test_stopping_and_going_on_equals_an_unbroken_run(trained, people, small_recipe, tmp_path, monkeypatch):
    # Ctrl-C in step 3: the step is finished and saved.
    stop_after(monkeypatch, 3)
    with pytest.raises(Interrupted, match="step 3 is saved"):
        train(small_recipe(people), tmp_path)
    monkeypatch.undo()
    (folder,) = tmp_path.iterdir()
    resumed = train(small_recipe(people), tmp_path, resume=folder)
    assert_equal_runs(trained.run, resumed.run)
    assert [record["step"] for record in resumed.run.history.read()] == [2, 4, 6]
    longer = train(small_recipe(people, steps=7), tmp_path, resume=folder)
    assert load_config(TrainConfig, longer.run.config_path).steps == 7  # what '--resume RUN' alone goes on with
    with pytest.raises(ConfigError, match="steps=6, 7 are done"):
        train(small_recipe(people), tmp_path, resume=folder)


def stop_after(monkeypatch, steps):
    """Let a SIGINT come in during the given step."""
    original, calls = ipgan.training.make_batch, []

    def counting(*arguments):
        calls.append(1)
        if len(calls) == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return original(*arguments)

    monkeypatch.setattr(ipgan.training, "make_batch", counting)


def test_killed_at_a_random_moment_and_resumed_equals_an_unbroken_run(trained, people, small_recipe, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(small_recipe(people, checkpoint_steps=1).to_yaml())
    program = [sys.executable, "-m", "ipgan", "train", str(recipe), "--runs", str(tmp_path / "runs"), "--device", "cpu"]
    process = subprocess.Popen(program, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    # Any moment after the first checkpoint will do: within a step, or while a checkpoint is written.
    while not list((tmp_path / "runs").glob("*/checkpoints/step-*1")) and process.poll() is None:
        time.sleep(0.005)
    time.sleep(random.random() * 0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (folder,) = (tmp_path / "runs").iterdir()
    threads = torch.get_num_threads()
    resumed = train(small_recipe(people, checkpoint_steps=1), tmp_path, resume=folder)
    assert torch.get_num_threads() == threads
    assert_equal_runs(trained.run, resumed.run)


def test_killed_before_its_first_checkpoint_a_run_starts_anew(trained, people, small_recipe, tmp_path):
    begun = train(small_recipe(people, steps=1, start_from=str(trained.run.path)), tmp_path / "whole").run
    killed = tmp_path / "killed"
    shutil.copytree(begun.path, killed)
    shutil.rmtree(killed / "checkpoints")
    recipe = small_recipe(people, steps=1, start_from=str(trained.run.path))
    resumed = train(recipe, tmp_path, resume=killed)
    assert_equal_runs(begun, resumed.run)  # the weights to start from were taken again
    assert [record["step"] for record in resumed.run.history.read()] == [1]


def test_a_grid_that_fails_costs_no_step(people, small_recipe, tmp_path, monkeypatch):
    def full(*arguments):
        raise PifrError("no space left on the disk")

    with monkeypatch.context() as patch:
        patch.setattr("ipgan.run_state.draw_grid", full)
        with pytest.raises(PifrError, match="no space left"):
            train(small_recipe(people, steps=1), tmp_path)
    (folder,) = tmp_path.iterdir()
    assert [checkpoint.step for checkpoint in list_checkpoints(folder / "checkpoints")] == [1]
    train(small_recipe(people, steps=1), tmp_path, resume=folder)
    assert (folder / "grids" / "step-00000001.png").exists()  # what was saved and not drawn is drawn later


def test_micro_batches_see_the_same_pairs(people, small_recipe, tmp_path):
    recipe = small_recipe(people, steps=2, checkpoint_steps=2, optimizer={"accumulate": 2})
    result = train(recipe, tmp_path)
    assert result.images == 16
    assert all(value is not None for value in result.run.history.read()[-1].values())


def test_a_batch_that_can_not_be_shared_out_is_refused(people, small_recipe, tmp_path):
    with pytest.raises(ConfigError, match="batch_size must be a multiple"):
        train(small_recipe(people, batch_size=9, optimizer={"accumulate": 2}), tmp_path)
    assert not list(tmp_path.iterdir())


def test_resuming_with_another_recipe_is_refused(trained, people, small_recipe, tmp_path):
    with pytest.raises(ConfigError, match=r"found another model.pose_dim \(5, there 4\)"):
        train(small_recipe(people, model={"pose_dim": 5}), tmp_path, resume=trained.run.path)
    with pytest.raises(ConfigError, match=r"found another data.size_px \(64, there 32\)"):
        train(small_recipe(people, data={"size_px": 64}), tmp_path, resume=trained.run.path)


def test_a_resumed_run_that_is_refused_keeps_its_recipe(trained, people, small_recipe, tmp_path):
    copy = RunFolder(tmp_path / "copy")
    shutil.copytree(trained.run.path, copy.path)
    (latest_checkpoint(copy.checkpoints).path / "training_state.pt").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="damaged"):
        train(small_recipe(people, steps=50), tmp_path, resume=copy.path)
    assert load_config(TrainConfig, copy.config_path) == small_recipe(people)


def test_resuming_a_run_of_something_else_is_refused(trained, people, small_recipe, tmp_path):
    copy = tmp_path / "recogniser"
    shutil.copytree(trained.run.path, copy)
    for meta in copy.glob("checkpoints/*/meta.json"):
        meta.write_text(meta.read_text().replace('"ipgan"', '"recognizer"', 1))
    with pytest.raises(CheckpointError, match=r"no run of 'ipgan train', found kind 'recognizer'"):
        train(small_recipe(people), tmp_path, resume=copy)


def test_resuming_with_other_pictures_is_refused(trained, people, small_recipe, tmp_path):
    manifest = read_manifest(people)
    fewer = manifest.select(manifest.table["yaw"] <= 30).save(tmp_path / "fewer.csv")
    with pytest.raises(CheckpointError, match="pictures or the manifest changed"):
        train(small_recipe(tmp_path / "fewer.csv"), tmp_path, resume=trained.run.path)
    assert len(fewer) < len(manifest)


def test_a_run_that_keeps_breaking_stops_and_names_the_term(people, small_recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("ipgan.losses.paired", lambda made, target: made.sum() * float("nan"))
    with pytest.raises(TrainingError, match=r"the term 'paired' stays non-finite"):
        train(small_recipe(people, optimizer={"max_skipped_in_a_row": 3}), tmp_path)


def test_trains_from_subjects_alone(people, small_recipe, tmp_path):
    # The paper's setting: no yaw, no camera, no sitting. Poses are then imitated.
    manifest = read_manifest(people)
    table = manifest.table[["subject", "split"]].assign(path=[str(path) for path in manifest.paths])
    table.to_csv(tmp_path / "plain.csv", index=False)
    result = train(small_recipe(tmp_path / "plain.csv", steps=2), tmp_path / "runs")
    assert latest_checkpoint(result.run.checkpoints).meta()["pose_map"] is None
    assert (result.run.grids / "step-00000002.png").is_file()


@pytest.mark.ddp
def test_two_processes_train_one_model(people, small_recipe, tmp_path, train_on_two_processes):
    folder = train_on_two_processes(small_recipe(people, steps=2, checkpoint_steps=2), tmp_path)
    assert [checkpoint.step for checkpoint in list_checkpoints(folder / "checkpoints")] == [2]
    lines = (folder / "history.jsonl").read_text().splitlines()
    assert len(lines) == 1
    # A resumed single process takes the two processes' checkpoint up.
    resumed = train(small_recipe(people, steps=3, checkpoint_steps=2), tmp_path, resume=folder)
    assert resumed.steps == 3
