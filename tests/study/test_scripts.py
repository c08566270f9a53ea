"""What a user of a script gets wrong is one line and exit status 1, as of the toolkit's own commands."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import ablation, mixing
from pifr.core.interrupt import Interrupted
from pifr.data.manifest import make_manifest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
MISSING = "no/such/manifest.csv"
COMMANDS = [
    ["ablation.py", str(BENCHMARKS / "ablation.yaml"), "--data", MISSING, "--out", "out"],
    ["augmentation.py", "--data", MISSING, "--model", "twin-64", "--judge", "dlib"],
    ["cfp_tree.py", MISSING, "tree"],
    ["code_leakage.py", "twin-64", "--data", MISSING],
    ["detectors.py", MISSING],
    ["embedding.py", "no/such/folder", "10"],
    ["headmodel.py", "--twin", MISSING],
    ["ipgan_speed.py", "--recipe", "no/such/recipe.yaml"],
    ["mixing.py", MISSING, "--out", "out"],
    ["mixing_people.py", MISSING, "--out", "out"],
    ["pose_estimator.py", "--room", MISSING],
    ["recognizer_training.py", MISSING],
    ["twin_bands.py", MISSING, "--out", "banded.csv"],
]


def told(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """Return exit status and standard error of a script."""
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(BENCHMARKS / words[0]), run_name="__main__")
    return stop.value.code, capsys.readouterr().err


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_file_that_is_not_there_is_one_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = told(words, monkeypatch, capsys)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("error: ")
    assert "no/such" in said


def test_too_few_people_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.DataFrame({"path": ["a.png"], "subject": ["a"], "yaw": [0.0]})
    make_manifest(table, tmp_path, "few").save(tmp_path / "few.csv")
    code, said = told(["cfp_tree.py", str(tmp_path / "few.csv"), str(tmp_path / "tree")], monkeypatch, capsys)
    assert (code, said.count("\n")) == (1, 1)
    assert "found 0 of 1; render or collect more of them" in said


def test_rows_and_sources_of_the_ablation_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.DataFrame({"path": ["a.png"], "subject": ["a"]})
    (tmp_path / "a.png").write_bytes(b"pixels")
    make_manifest(table, tmp_path, "test").save(tmp_path / "test.csv")
    words = [
        "ablation.py", str(BENCHMARKS / "ablation.yaml"), "--data", str(tmp_path / "test.csv"),
        "--out", str(tmp_path / "out"), "--set", f"data.manifest={tmp_path / 'test.csv'}",
    ]  # fmt: skip
    code, said = told([*words, "--rows", "ful"], monkeypatch, capsys)
    assert (code, said) == (1, "error: --rows: there is no such row, found 'ful'; did you mean 'full'?\n")
    code, said = told([*words, "--source", "07"], monkeypatch, capsys)
    assert (code, said) == (1, "error: --source: a column and a value are wanted, found '07'; write COLUMN=VALUE\n")


def test_who_stops_a_grid_is_told_how_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*given: object) -> None:
        raise Interrupted("step 3 is saved; go on with --resume RUN")

    rows = [(f"{name}_{yaw}.png", name, yaw, split) for name, split in zip("abc", ("train", "val", "test"), strict=True)
            for yaw in (0.0, 60.0)]  # fmt: skip
    for path, *_ in rows:
        (tmp_path / path).write_bytes(b"pixels")
    people = make_manifest(pd.DataFrame(rows, columns=["path", "subject", "yaw", "split"]), tmp_path, "people")
    people.save(tmp_path / "people.csv")
    manifest, out = str(tmp_path / "people.csv"), tmp_path / "out"
    monkeypatch.setattr(ablation, "train", stop)
    monkeypatch.setattr(mixing, "train_recognizer", stop)
    grids = {
        ablation.main: [str(BENCHMARKS / "ablation.yaml"), "--data", manifest, "--set", f"data.manifest={manifest}"],
        mixing.main: [manifest],
    }
    for main, words in grids.items():
        with pytest.raises(Interrupted, match=f"the same command goes on from what is done in {out}"):
            main([*words, "--out", str(out)])
