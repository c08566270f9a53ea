from __future__ import annotations

import dataclasses
import os
import signal
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pifr.cli.data.pose import train_pose as command
from pifr.core.checkpoint import latest_checkpoint, list_checkpoints
from pifr.core.config import check_config, load_config
from pifr.core.errors import CheckpointError, ConfigError, TrainingError
from pifr.core.files import read_json
from pifr.core.interrupt import Interrupted
from pifr.core.runs import RunFolder
from pifr.pose import PoseConfig, PoseEstimator, train_pose, training
from pifr.pose.config import AugmentationConfig
from pifr.pose.testing import mean_error, middle_windows
from pifr.pose.training_data import PoseData, prepare_data


def weights_of(folder: Path) -> bytes:
    return (folder / "pose-32.safetensors").read_bytes()


def test_every_epoch_shows_every_training_row_once(pose_data: PoseData) -> None:
    count = len(pose_data.train_rows)  # 10 people x 7 views
    rows = np.concatenate([pose_data.rows_of_step(0, step, 8) for step in range(2 * count // 8 + 1)])
    assert sorted(rows[:count]) == sorted(rows[count : 2 * count]) == sorted(pose_data.train_rows)
    assert not np.array_equal(rows[:count], rows[count : 2 * count])
    assert np.array_equal(pose_data.rows_of_step(0, 3, 8), rows[24:32])


def test_nobody_is_learned_from_and_judged_on(pose_data: PoseData) -> None:
    train, test = (set(pose_data.subjects[rows]) for rows in (pose_data.train_rows, pose_data.test_rows))
    assert (len(train), len(test)) == (10, 2)
    assert not train & test


def test_trains_writes_weights_and_judges(small_config: PoseConfig, pose_data: PoseData, tmp_path: Path) -> None:
    mild = AugmentationConfig(smallest_window=0.9, shift=0.0, roll_degrees=0.0, background=0.0, curtain=0.0, patch=0.0)
    config = small_config.model_copy(update={"steps": 40, "lr": 0.005, "checkpoint_every": 40, "augmentation": mild})
    result = train_pose(config, tmp_path, device="cpu", data=pose_data)
    history = result.run.history.read()
    assert [record["step"] for record in history] == list(range(1, 41))
    first, last = (np.mean([record["loss"] for record in part]) for part in (history[:5], history[-5:]))
    assert last < 0.9 * first
    assert set(result.figures["framings"]) == {"whole head", "face", "tight"}
    assert "40 steps" in result.table()
    about = read_json(result.description)
    assert about["unseen_people"]["people"] == 2
    assert about["recipe"]["steps"] == 40
    assert about["made"]["command"][0] == "pifr"
    assert about["made"]["data_fingerprint"] == pose_data.fingerprint
    estimates = PoseEstimator.load(result.description, "cpu")(pose_data.pixels[:7])
    assert estimates.yaw_degrees.shape == (7,)


def test_a_stopped_run_ends_as_an_unbroken_one(
    small_config: PoseConfig, pose_data: PoseData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_pose(small_config, tmp_path, device="cpu", data=pose_data)

    def stop_at_step_3(step: int, config: PoseConfig) -> float:
        if step == 3:
            raise KeyboardInterrupt
        return rate(step, config)

    rate = training.learning_rate
    with monkeypatch.context() as patch:
        patch.setattr(training, "learning_rate", stop_at_step_3)
        with pytest.raises(KeyboardInterrupt):
            train_pose(small_config, tmp_path, device="cpu", data=pose_data)
    broken = tmp_path / "00001-train-pose"
    assert not (broken / "pose-32.json").exists()
    train_pose(small_config, tmp_path, resume=broken, device="cpu", data=pose_data)
    assert weights_of(broken) == weights_of(whole.run.path)
    histories = [run.history.read() for run in (whole.run, RunFolder(broken))]
    assert histories[0] == histories[1]


def test_ctrl_c_saves_and_says_how_to_go_on(
    small_config: PoseConfig, pose_data: PoseData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask_to_stop(step: int, config: PoseConfig) -> float:
        os.kill(os.getpid(), signal.SIGINT)
        return 1e-3

    monkeypatch.setattr(training, "learning_rate", ask_to_stop)
    with pytest.raises(Interrupted, match=r"step 1 is saved; go on with --resume"):
        train_pose(small_config, tmp_path, device="cpu", data=pose_data)


def test_a_stop_that_comes_while_a_step_ends_is_heard_after_the_next(
    small_config: PoseConfig, pose_data: PoseData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BetweenTwoReadings:
        readings = 0

        def __bool__(self) -> bool:
            self.readings += 1
            return self.readings > 1

    monkeypatch.setattr(training, "stop_on_signal", lambda: nullcontext(BetweenTwoReadings()))
    with pytest.raises(Interrupted, match="step 2 is saved"):
        train_pose(small_config.model_copy(update={"checkpoint_every": 4}), tmp_path, device="cpu", data=pose_data)
    (run,) = tmp_path.iterdir()
    assert [checkpoint.step for checkpoint in list_checkpoints(run / "checkpoints")] == [2]


def test_a_resumed_run_keeps_recipe_and_pictures(small_config: PoseConfig, pose_data: PoseData, tmp_path: Path) -> None:
    run = train_pose(small_config, tmp_path, device="cpu", data=pose_data).run.path
    other = small_config.model_copy(update={"batch_size": 4})
    with pytest.raises(ConfigError, match="another batch_size"):
        train_pose(other, tmp_path, resume=run, device="cpu", data=pose_data)
    changed = dataclasses.replace(pose_data, fingerprint="other")
    with pytest.raises(CheckpointError, match="other pictures"):
        train_pose(small_config, tmp_path, resume=run, device="cpu", data=changed)


def test_a_resumed_run_that_is_refused_keeps_its_recipe(
    small_config: PoseConfig, pose_data: PoseData, tmp_path: Path
) -> None:
    run = train_pose(small_config, tmp_path, device="cpu", data=pose_data).run
    (latest_checkpoint(run.checkpoints).path / "training_state.pt").write_bytes(b"damaged")
    longer = small_config.model_copy(update={"steps": small_config.steps + 1})
    with pytest.raises(CheckpointError, match="damaged"):
        train_pose(longer, tmp_path, resume=run.path, device="cpu", data=pose_data)
    assert load_config(PoseConfig, run.config_path) == small_config


def test_a_loss_that_is_not_finite_stops(small_config: PoseConfig, pose_data: PoseData, tmp_path: Path) -> None:
    broken = dataclasses.replace(pose_data, angles=np.full_like(pose_data.angles, np.nan))
    with pytest.raises(TrainingError, match="step 0"):
        train_pose(small_config, tmp_path, device="cpu", data=broken)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"twin": {"size_px": 64}}, "twin.free must be given"),
        ({"test_people": 500}, "fewer than the 500 people"),
        ({"augmentation": {"smallest_window": 0.9, "largest_window": 0.5}}, "must not exceed"),
        ({"network": {"size_px": 50}}, "multiple of 16"),
        ({"stepz": 3}, "steps"),
    ],
)
def test_bad_recipes_are_one_line(values: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_config(PoseConfig, values, "recipe.yaml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_shipped_recipe_loads() -> None:
    config = load_config(PoseConfig, "pose")
    assert config.twin.free is not None
    assert config.test_people >= 100


def test_rendered_people_are_prepared(tmp_path: Path) -> None:
    values = {"folder": str(tmp_path / "set"), "test_people": 1, "workers": 1,
              "twin": {"size_px": 32, "samples_per_side": 1,
                       "free": {"people": 2, "pictures_per_person": 2, "field_scale": 1.5}}}  # fmt: skip
    data = prepare_data(check_config(PoseConfig, values, "test"))
    assert data.pixels.shape == (4, 32, 32, 3)
    assert list(data.train_rows) == [0, 1]
    assert list(data.test_rows) == [2, 3]


def test_mean_error_by_hand() -> None:
    # Persons a: 1 and 3 degrees, b: 2. Mean of three pictures 2; a round of b, b gives 2, of a, a gives 2 too.
    error = mean_error(np.array([-1.0, 3.0, 2.0]), np.array(["a", "a", "b"]))
    assert (error.degrees, error.low, error.high, error.pictures) == (2.0, 2.0, 2.0, 3)
    assert mean_error(np.array([4.0]), np.array(["a"])).to_dict()["interval_95"] is None


def test_middle_windows() -> None:
    pixels = np.zeros((1, 32, 32, 3), np.uint8)
    pixels[:, 8:24, 8:24] = 200
    assert middle_windows(pixels, 0.4, 16).min() > 190
    assert middle_windows(pixels, 1.0, 32)[0, 4, 4].max() == 0


def test_the_command_wants_a_recipe_or_a_run() -> None:
    for arguments in ([], ["pose", "--resume", "runs/00000-train-pose"]):
        result = CliRunner().invoke(command, arguments)
        assert isinstance(result.exception, ConfigError)
        assert "CONFIG or --resume" in str(result.exception)
