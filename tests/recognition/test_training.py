"""The training loop: it learns, resumes bit by bit after SIGKILL, stops on request, and runs on two processes."""

from __future__ import annotations

import functools
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from pifr.core.checkpoint import latest_checkpoint, list_checkpoints, read_weights
from pifr.core.config import load_config
from pifr.core.errors import CheckpointError, ConfigError, DependencyError, TrainingError
from pifr.core.interrupt import Interrupted
from pifr.core.runs import History, RunFolder
from pifr.data.manifest import Manifest
from pifr.recognition import model, preparation, training
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.training import train_recognizer

Recipe = Callable[..., RecognizerConfig]


def same_tensors(first: object, second: object) -> bool:
    """Compare nested states bit by bit."""
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, Mapping):
        return isinstance(second, Mapping) and first.keys() == second.keys() and all(
            same_tensors(first[key], second[key]) for key in first
        )  # fmt: skip
    if isinstance(first, list):
        return isinstance(second, list) and all(same_tensors(a, b) for a, b in zip(first, second, strict=True))
    return first == second


def assert_same_run(first: RunFolder, second: RunFolder) -> None:
    for folder in ("checkpoints", "best"):
        one, other = latest_checkpoint(first.path / folder), latest_checkpoint(second.path / folder)
        assert one.step == other.step
        assert same_tensors(one.weights(), other.weights())
        assert same_tensors(one.training_state(), other.training_state())
    assert [without_speed(r) for r in first.history.read()] == [without_speed(r) for r in second.history.read()]


def without_speed(record: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in record.items() if key not in ("pictures_per_second", "loading_share")}


def test_it_learns_to_tell_training_people_apart(trained: Path) -> None:
    losses = [record["loss"] for record in History(trained / "history.jsonl").read() if "loss" in record]
    assert losses[-1] < 0.5 * losses[0]


def test_a_run_folder_holds_what_a_run_needs(trained: Path) -> None:
    meta = latest_checkpoint(trained / "checkpoints").meta()
    assert meta["kind"] == "recognizer"
    assert meta["spec"]["template"] == "unaligned"
    assert meta["step"] == 30
    best = list_checkpoints(trained / "best")
    assert len(best) == 1
    validated = [r for r in History(trained / "history.jsonl").read() if "validation_rank1" in r]
    assert [record["step"] for record in validated] == [10, 20, 30]
    chosen = max(validated, key=lambda r: (r["validation_rank1"], -r["validation_eer"], -r["step"]))
    assert best[0].step == chosen["step"]
    assert best[0].meta()["validation"]["rank1"] == chosen["validation_rank1"]
    assert all(name.startswith("backbone.") for name in best[0].weights())


def test_the_result_says_it_in_words_and_numbers(recipe: Recipe, tmp_path: Path) -> None:
    result = train_recognizer(recipe(steps=2, name="tiny"), tmp_path, device="cpu")
    assert result.run.path.name == "00000-train-recognizer-tiny"
    values = result.to_dict()
    assert (values["steps"], values["people"], values["pictures"], values["best_step"]) == (2, 8, 56, 2)
    assert 0 <= values["validation"]["eer"] <= 1
    assert "2 steps on 56 pictures of 8 people" in result.table()
    assert "4 validation people, 24 probes" in result.table()


@pytest.mark.parametrize("changes", [
    {"loss": {"name": "arcface"}, "precision": "bfloat16"},
    {"precision": "float16", "batch": {"people": 4, "pictures": 2, "accumulate": 2}},
    {"loss": {"name": "triplet"}, "optimization": {"name": "adamw", "lr": 1e-3}},
    {"backbone": {"name": "lightcnn9", "width": 0.125}, "batch": {"people": 16, "pictures": 1}},
])  # fmt: skip
def test_every_part_trains(recipe: Recipe, people: Manifest, tmp_path: Path, changes: dict[str, object]) -> None:
    data = {"manifest": people.name, "validation_split": None}
    result = train_recognizer(recipe(steps=2, data=data, **changes), tmp_path, device="cpu")
    weights = latest_checkpoint(result.run.checkpoints).weights()
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in weights.values())
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())
    assert result.best is None
    assert "no validation split" in result.table()


def test_a_compiled_backbone_learns_the_same(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The graph is captured, and run by the usual kernels: compiling them would take a minute.
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    plain, other = (
        train_recognizer(recipe(steps=2, compile=compiled), tmp_path, device="cpu").run for compiled in (False, True)
    )
    weights = [latest_checkpoint(run.checkpoints).weights() for run in (plain, other)]
    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        torch.testing.assert_close(tensor, weights[1][name], msg=name)


def test_killed_at_a_random_step_and_resumed_is_as_if_never_killed(recipe: Recipe, tmp_path: Path) -> None:
    config = recipe(steps=24, intervals={"status": 1, "validation": 8, "checkpoint": 4})
    config.save(tmp_path / "config.yaml")
    unbroken = train_recognizer(config, tmp_path / "unbroken", device="cpu").run

    kill_at = random.randint(1, 18)
    command = [sys.executable, "-m", "pifr", "train-recognizer", str(tmp_path / "config.yaml"), "--device", "cpu",
               "--runs", str(tmp_path / "killed")]  # fmt: skip
    # Sums depend on the number of threads, so both processes use the same.
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        history = History(tmp_path / "killed" / "00000-train-recognizer-ir18" / "history.jsonl")
        while process.poll() is None and not any(record["step"] >= kill_at for record in history.read()):
            time.sleep(0.002)
        process.kill()
        told = process.communicate()[1]
    assert process.returncode == -signal.SIGKILL, told.decode()

    killed = RunFolder.open(tmp_path / "killed" / "00000-train-recognizer-ir18")
    resumed = train_recognizer(config, tmp_path / "killed", resume=killed.path, device="cpu").run
    assert resumed.path == killed.path
    assert_same_run(unbroken, resumed)


def test_a_finished_run_resumed_for_more_steps_goes_on(recipe: Recipe, tmp_path: Path) -> None:
    run = train_recognizer(recipe(steps=2), tmp_path, device="cpu").run
    result = train_recognizer(recipe(steps=4), tmp_path, resume=run.path, device="cpu")
    assert result.steps == latest_checkpoint(run.checkpoints).step == 4
    assert load_config(RecognizerConfig, run.config_path).steps == 4  # what '--resume RUN' alone goes on with
    assert [r["step"] for r in run.history.read() if "loss" in r] == [1, 2, 3, 4]


def test_stopping_on_request_saves_first(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(step: int, steps: int, config: object) -> float:
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return 0.01

    monkeypatch.setattr(training, "learning_rate", interrupted)
    with pytest.raises(Interrupted, match="step 5 is saved; go on with --resume"):
        train_recognizer(recipe(), tmp_path, device="cpu")
    run = RunFolder.open(tmp_path / "00000-train-recognizer-ir18")
    assert latest_checkpoint(run.checkpoints).step == 5
    monkeypatch.undo()
    assert train_recognizer(recipe(), tmp_path, resume=run.path, device="cpu").steps == 8


def test_a_run_resumed_with_other_pictures_is_refused(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    table = people.table.assign(path=[str(path) for path in people.paths])
    table.to_csv(tmp_path / "faces.csv", index=False)
    config = recipe(steps=1, data={"manifest": str(tmp_path / "faces.csv")})
    run = train_recognizer(config, tmp_path, device="cpu").run
    table.iloc[1:].to_csv(tmp_path / "faces.csv", index=False)
    with pytest.raises(CheckpointError, match="trained on another manifest"):
        train_recognizer(config, tmp_path, resume=run.path, device="cpu")
    with pytest.raises(CheckpointError, match="trained on another manifest"):  # as a dry run says before
        preparation.check_recipe(config, run.path, torch.device("cpu"))


def test_curves_without_the_package_are_refused_before_a_run_is_made(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(DependencyError, match="--tensorboard needs the package"):
        train_recognizer(recipe(), tmp_path / "runs", device="cpu", tensorboard=True)
    assert not (tmp_path / "runs").exists()


def test_a_run_resumed_with_another_recipe_is_refused(recipe: Recipe, trained: Path, tmp_path: Path) -> None:
    changed = (
        "backbone.embedding_dim, backbone.name, backbone.width, batch.people, optimization.lr, "
        "optimization.warmup_steps; resume with"
    )
    with pytest.raises(ConfigError, match=f"found another {re.escape(changed)}"):
        train_recognizer(recipe(backbone={"name": "lightcnn9"}), tmp_path, resume=trained, device="cpu")


def test_gradients_that_stay_non_finite_end_the_run(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = model.create_loss

    def spoilt(*arguments: object, **parameters: object) -> torch.nn.Module:
        loss = real(*arguments, **parameters)  # type: ignore[arg-type]
        loss.loss.register_forward_hook(lambda module, inputs, value: value * float("nan"))
        return loss

    monkeypatch.setattr(model, "create_loss", spoilt)
    config = recipe(optimization={"max_skipped": 3})
    with pytest.raises(TrainingError, match=r"step 2: .*3 steps in a row, found first in backbone\."):
        train_recognizer(config, tmp_path, device="cpu")


def test_people_a_batch_must_divide_among_processes(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "world_size", lambda: 3)
    with pytest.raises(ConfigError, match="multiple of processes x accumulate, found 4 for 3 x 1"):
        train_recognizer(recipe(), tmp_path, device="cpu")
    assert not list(tmp_path.iterdir())


DDP_SCRIPT = """
import os
import sys
from pathlib import Path
import torch
from pifr.core.checkpoint import module_tensors, write_weights
from pifr.core.config import load_config
from pifr.recognition import model, training
from pifr.recognition.config import RecognizerConfig

torch.set_num_threads(1)
config, runs, out = sys.argv[1:]
seen = {}
build = training.build_optimizer
training.build_optimizer = lambda modules, settings: (seen.update(modules), build(modules, settings))[1]
result = training.train_recognizer(load_config(RecognizerConfig, config), Path(runs), device="cpu")
write_weights(Path(out) / f"rank{os.environ['RANK']}.safetensors", module_tensors(seen))
print(result.run.path)
"""


@pytest.mark.ddp
def test_two_processes_train_one_model(recipe: Recipe, run_two: Callable[..., list[str]], tmp_path: Path) -> None:
    recipe(steps=6, intervals={"status": 1, "validation": 6, "checkpoint": 6}).save(tmp_path / "config.yaml")
    (tmp_path / "train.py").write_text(DDP_SCRIPT)
    told = run_two(tmp_path / "train.py", str(tmp_path / "config.yaml"), str(tmp_path / "runs"), str(tmp_path))

    first, second = (read_weights(tmp_path / f"rank{rank}.safetensors") for rank in range(2))
    trainable = [name for name in first if "running" not in name and "num_batches" not in name]
    assert "loss.loss.W" in trainable  # the class centres are what drifts when a loss is not wrapped
    assert all(torch.equal(first[name], second[name]) for name in trainable)
    # Both name one run folder, and the first process alone wrote it.
    run = told[0].strip()
    assert run == told[1].strip()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [Path(run).name]
    saved = latest_checkpoint(Path(run) / "checkpoints").weights()
    assert all(torch.equal(saved[name], first[name]) for name in trainable)
