from __future__ import annotations

import json
from pathlib import Path

import pytest

from pifr.core.checkpoint import save_checkpoint
from pifr.core.config import Config, load_config
from pifr.core.errors import PifrError
from pifr.core.runs import History, RunFolder, refuse_run_folder, unfinished_run


class Recipe(Config):
    steps: int = 3


def create(root: Path, name: str = "train") -> RunFolder:
    return RunFolder.create(root, name, Recipe(), data_fingerprint="abc")


def test_runs_are_numbered_after_the_highest(tmp_path: Path) -> None:
    assert create(tmp_path / "runs").path.name == "00000-train"
    assert create(tmp_path / "runs", "other").path.name == "00001-other"
    (tmp_path / "runs" / "00041-gone").mkdir()
    (tmp_path / "runs" / "notes").mkdir()
    assert create(tmp_path / "runs").path.name == "00042-train"


def test_a_number_taken_in_between_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "00000-train").mkdir()
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(()))  # as if the other process were a moment later
    assert create(tmp_path).path.name == "00001-train"


def test_a_run_records_config_and_environment(tmp_path: Path) -> None:
    run = create(tmp_path)
    assert load_config(Recipe, run.config_path) == Recipe()
    environment = run.environment()
    assert environment["data_fingerprint"] == "abc"
    assert environment["versions"]["numpy"]
    assert RunFolder.open(run.path) == run
    assert run.checkpoints.parent == run.grids.parent == run.path


def test_other_folders_are_no_runs(tmp_path: Path) -> None:
    with pytest.raises(PifrError, match=r"not a run folder \(it has no config.yaml\); name a folder under runs/"):
        RunFolder.open(tmp_path)


def test_history_appends_and_reads(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    assert history.read() == []
    history.append(1, loss=0.5, note="warm-up")
    history.append(2, loss=float("nan"), gradient=float("inf"))
    assert history.read() == [
        {"step": 1, "loss": 0.5, "note": "warm-up"}, {"step": 2, "loss": None, "gradient": None},
    ]  # fmt: skip


def test_history_of_a_killed_run(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    for step in range(1, 5):
        history.append(step, loss=step)
    whole = history.path.read_text()
    history.path.write_text(whole + '{"step": 5, "lo')
    assert [record["step"] for record in history.read()] == [1, 2, 3, 4]
    history.truncate_after(2)
    assert [record["step"] for record in history.read()] == [1, 2]
    history.append(3, loss=0)
    assert [json.loads(line)["step"] for line in history.path.read_text().splitlines()] == [1, 2, 3]


def test_a_run_is_no_place_for_other_results(tmp_path: Path) -> None:
    refuse_run_folder(tmp_path)
    refuse_run_folder(tmp_path / "none")
    run = create(tmp_path)
    refuse_run_folder(run.path / "benchmark")
    with pytest.raises(PifrError, match=r"00000-train: this folder is a run, whose .* would be overwritten; choose an"):
        refuse_run_folder(run.path)


def test_an_unfinished_run_is_gone_on_with_by_its_own_recipe_alone(tmp_path: Path) -> None:
    first, second = (create(tmp_path, name) for name in ("a", "b"))
    for run in (first, second):
        save_checkpoint(run.checkpoints, 1, {}, {}, {})
    Recipe(steps=9).save(second.config_path)
    assert unfinished_run(tmp_path, Recipe()) == first.path
    assert unfinished_run(tmp_path, Recipe(steps=9)) == second.path
    assert unfinished_run(tmp_path, Recipe(steps=8)) is None
    assert unfinished_run(tmp_path / "nowhere", Recipe()) is None
    (second.path / "config.yaml").write_text("other: 3\n")
    assert unfinished_run(tmp_path, Recipe()) == first.path
