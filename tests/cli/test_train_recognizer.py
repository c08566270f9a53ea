"""``pifr train-recognizer`` as a user types it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from pifr.cli import pifr_command
from pifr.core.commandline import run
from pifr.core.errors import PifrError
from pifr.data.manifest import Manifest
from pifr.data.split import split_by_person

SMALL = [
    "--set", "backbone.width=0.125", "--set", "backbone.embedding_dim=16", "--set", "batch.people=4",
    "--set", "steps=2", "--device", "cpu",
]  # fmt: skip


@pytest.fixture
def manifest(rendered: Manifest, tmp_path: Path) -> str:
    return split_by_person(rendered, {"train": 8, "val": 4}).save(tmp_path / "faces.csv").name


def fail(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """Run the command as the entry point does; it must end with code 1 and one line."""
    monkeypatch.setattr("sys.argv", ["pifr", "train-recognizer", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        run(pifr_command)
    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_the_shipped_recipe_trains_and_resumes(manifest: str, tmp_path: Path) -> None:
    arguments = ["train-recognizer", "recognizer", "--set", f"data.manifest={manifest}", *SMALL]
    result = CliRunner().invoke(pifr_command, [*arguments, "--runs", str(tmp_path / "runs")], catch_exceptions=False)
    assert result.exit_code == 0
    assert "2 steps on 56 pictures of 8 people" in result.stdout
    assert "best at step 2" in result.stdout
    run_folder = next((tmp_path / "runs").iterdir())
    again = ["train-recognizer", "--resume", str(run_folder), "--set", "steps=3", "--device", "cpu", "--tensorboard"]
    assert "3 steps" in CliRunner().invoke(pifr_command, again, catch_exceptions=False).stdout
    assert list((run_folder / "tensorboard").iterdir())


def test_a_dry_run_prints_the_recipe_and_writes_nothing(manifest: str, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    arguments = ["train-recognizer", "recognizer", "--set", f"data.manifest={manifest}", "--dry-run", "--runs", runs]
    result = CliRunner().invoke(pifr_command, [*map(str, arguments)], catch_exceptions=False)
    assert "scale: null" in result.stdout
    assert "56 pictures of 8 people" in result.stdout
    assert not runs.exists()


@pytest.mark.parametrize("command", [["--dry-run"], []])
@pytest.mark.parametrize(("setting", "said"), [
    ("loss.name=arcfase", "arcface"), ("size_px=-5", "-5"), ("backbone.name=ir19", "ir18"),
    ("mixing.curriculum_share=0.5", "no place|curriculum"), ("fine_tuning.initial=nowhere", "nowhere"),
])  # fmt: skip
def test_a_wrong_setting_is_told_before_a_picture_is_decoded(
    manifest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, said: str, command: list[str]
) -> None:
    monkeypatch.setattr("pifr.data.pixels.open_pixels", lambda *given: pytest.fail("pictures were decoded"))
    arguments = ["train-recognizer", "recognizer", "--set", f"data.manifest={manifest}", *SMALL, "--set", setting]
    with pytest.raises(PifrError, match=said):
        CliRunner().invoke(
            pifr_command, [*arguments, "--runs", str(tmp_path / "runs"), *command], catch_exceptions=False
        )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("rank", "told"), [("0", True), ("1", False)])
def test_of_several_processes_the_first_tells_the_result(
    manifest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: str, told: bool
) -> None:
    import pifr.recognition.training

    result = SimpleNamespace(table=lambda: "2 steps")
    monkeypatch.setattr(pifr.recognition.training, "train_recognizer", lambda *arguments: result)
    monkeypatch.setenv("RANK", rank)
    arguments = ["train-recognizer", "recognizer", "--set", f"data.manifest={manifest}"]
    for more, text in (([], "2 steps"), (["--dry-run"], "nothing was trained")):
        found = CliRunner().invoke(pifr_command, [*arguments, *more], catch_exceptions=False)
        assert found.exit_code == 0
        assert (text in found.stdout) is told


def test_the_help_shows_examples() -> None:
    assert "Examples" in CliRunner().invoke(pifr_command, ["train-recognizer", "--help"]).output


def test_mistakes_are_one_line(
    manifest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = ["--set", f"data.manifest={manifest}", "--runs", tmp_path / "runs"]
    cases = [
        ([], "name a config, or a run to go on with"),
        (["recogniser"], "no such config file or recipe; did you mean 'recognizer'?"),
        (["recognizer", *data, "--set", "backbone.nam=ir18"], "did you mean 'name'?"),
        (["recognizer", *data, "--set", "backbone.name=ir17"], "unknown backbone 'ir17'; did you mean 'ir18' or"),
        (["recognizer", *data, "--set", "loss.name=arkface"], "unknown loss 'arkface'; did you mean 'arcface' or"),
        (["recognizer", *data, "--set", "size_px=100"], "64 to 224 px, a multiple of 16"),
        (["recognizer", *data, "--set", "data.train_split=trian"], "did you mean 'train'?"),
        (["recognizer", "--set", "data.manifest=nowhere.csv"], "nowhere.csv: file not found"),
        (["recognizer", *data, "--device", "cuda:77"], "the device 'cuda:77' is not there"),
        (["recognizer", *data, "--set", "loss.name=triplet", "--set", "batch.pictures=1"], "batch.pictures of 2"),
        (["--resume", tmp_path], "not a run folder"),
    ]  # fmt: skip
    for arguments, expected in cases:
        assert expected in fail(capsys, monkeypatch, *arguments)
    assert not (tmp_path / "runs").exists()
