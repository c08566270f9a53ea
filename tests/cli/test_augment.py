"""``pifr augment`` as a user types it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pifr.cli import pifr_command
from pifr.core.commandline import run
from pifr.core.errors import DataError
from pifr.data.manifest import make_manifest, read_manifest
from pifr.pose import PoseEstimator


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--yaws=30", "--target", "like:poses.csv"], "name the poses once; give either --target or --yaws"),
        (
            ["--target", "normal"],
            "--target: yaws are numbers of degrees separated by commas, found 'normal'; use",
        ),
        (["--target", "like:poses.csv", "--method", "flip"], "poses.csv: file not found"),
        (["--yaws=-60,x"], "--yaws: yaws are numbers of degrees separated by commas, found '-60,x'"),
        (["--yaws=30,30"], "--yaws=30,30: yaws_degrees names a view twice"),
        (["--per-person", "0"], "--per-person 0: key 'per_person': input should be greater than or equal to 1"),
        (["--yaws=30"], "--model: the method 'ipgan' needs a generator"),
        (["--yaws=30", "--model", "none"], "none: there is no generator of this name"),
        (["--yaws=30", "--split", "tran"], "no column 'split'; make one with: pifr data split"),
        (["--shard", "3/2"], "--shard: a shard is written i/n with i from 1 to n, found '3/2'"),
        (["--workers", "0"], "--workers: at least one worker is needed"),
        (["--set", "acceptance.fnr=1"], "unknown key 'acceptance.fnr'; did you mean 'fmr'?"),
        (["--method", "flip", "--yaws=60"], "1 views are missing, and the method reaches none of them"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    noisy_people: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    typed = ["pifr", "augment", noisy_people, "--out", str(tmp_path / "views"), *arguments]
    monkeypatch.setattr("sys.argv", typed)
    with pytest.raises(SystemExit) as stop:
        run(pifr_command)
    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "views").exists()


def test_a_file_in_place_of_the_folder_is_let_be(noisy_people: str, tmp_path: Path, typed) -> None:
    before = (tmp_path / "people.csv").read_bytes()
    with pytest.raises(DataError, match=r"people.csv: this is a file, a folder is wanted; choose another --out"):
        typed("augment", noisy_people, "--method", "flip", "--out", str(tmp_path / "people.csv"))
    assert (tmp_path / "people.csv").read_bytes() == before


def test_mirror_images_and_the_sources_alone(noisy_people: str, tmp_path: Path, typed) -> None:
    typed("augment", noisy_people, "--method", "flip", "--max-yaw-error", "180", "--out", str(tmp_path / "flip"))
    typed("augment", noisy_people, "--method", "none", "--out", str(tmp_path / "none"))
    assert len(read_manifest(tmp_path / "flip" / "accepted.csv")) == 1
    assert len(read_manifest(tmp_path / "none" / "accepted.csv")) == 1
    typed("augment-merge", str(tmp_path / "flip"))


def test_the_device_is_that_of_the_yaw_check_too(
    noisy_people: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed
) -> None:
    opened, load = [], PoseEstimator.load
    monkeypatch.setattr(PoseEstimator, "load", lambda device: opened.append(device) or load(device=device))
    options = ["--max-yaw-error", "180", "--device", "cpu", "--out", str(tmp_path / "views")]
    typed("augment", noisy_people, "--method", "flip", *options)
    assert opened == ["cpu"]


def test_a_merge_of_nothing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no augmentation; name the --out folder"):
        pifr_command.main(["augment-merge", str(tmp_path)], standalone_mode=False)


@pytest.fixture
def typed():
    """A function that runs a command line."""
    return lambda *words: pifr_command.main(list(words), standalone_mode=False)


@pytest.fixture
def noisy_people(tmp_path: Path) -> str:
    """One person of noise at 0 and 30 degrees."""
    rows = []
    for yaw in (0, 30):
        pixels = np.random.default_rng(yaw).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{yaw}.png")
        rows.append((f"{yaw}.png", "a", float(yaw)))
    table = pd.DataFrame(rows, columns=["path", "subject", "yaw"])
    return make_manifest(table, tmp_path, str(tmp_path / "people.csv")).save(tmp_path / "people.csv").name
