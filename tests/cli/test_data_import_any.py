"""``pifr data import FOLDER``: the layout is recognised, results are counted, failures listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pifr.cli.data.importing import import_group
from pifr.core.errors import DataError
from pifr.data.pictures import write_picture


@pytest.fixture
def casia(tmp_path: Path) -> Path:
    for person in ("0000045", "0000099"):
        write_picture(tmp_path / "CASIA" / person / "001.png", np.full((8, 8, 3), 90, np.uint8))
    (tmp_path / "CASIA" / "0000099" / "002.jpg").write_text("no picture")
    return tmp_path / "CASIA"


def test_a_folder_needs_no_command(casia: Path, tmp_path: Path) -> None:
    out = tmp_path / "casia.csv"
    done = CliRunner().invoke(import_group, [str(casia), "--out", str(out), "--on-error", "skip"])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out)
    assert "layout: casia-webface (0000045/001.jpg)" in done.stderr
    assert "2 pictures of 2 people" in done.stderr
    assert "1 pictures left out, all listed in" in done.stderr
    assert pd.read_csv(out, dtype=str)["subject"].tolist() == ["0000045", "0000099"]
    failures = pd.read_csv(tmp_path / "casia-failures.csv")
    assert failures["file"].tolist() == [str(casia / "0000099" / "002.jpg")]
    assert failures["what"][0].startswith("can't decode the picture")


def test_options_may_come_before_the_folder(casia: Path, tmp_path: Path) -> None:
    arguments = ["--layout", "folder", "--check", "quick", "--out", str(tmp_path / "a.csv"), str(casia)]
    done = CliRunner().invoke(import_group, arguments)
    assert done.exit_code == 0, done.output
    assert "3 pictures of 2 people" in done.stderr


def test_nothing_is_written_where_a_picture_is_bad(casia: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(import_group, [str(casia), "--out", str(tmp_path / "a.csv")])
    assert isinstance(done.exception, DataError)
    assert "002.jpg" in str(done.exception)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CASIA"]


def test_the_named_commands_still_work(casia: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(import_group, ["folder", str(casia), "--out", str(tmp_path / "a.csv")])
    assert done.exit_code == 0, done.output
