"""``pifr data align --detector``: failures to acquire are counted and listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pifr.cli.data.align import align
from pifr.data.detectors import DETECTORS, FoundFace
from pifr.data.pictures import write_picture
from pifr.data.templates import ARCFACE_POINTS


class OneFaceInBrightPictures:
    name, sha256, landmarks_by = "bright", "0", "bright"

    def __call__(self, pixels: np.ndarray) -> list[FoundFace]:
        return [FoundFace((0, 0, 99, 99), ARCFACE_POINTS)] if pixels.mean() > 100 else []


def test_failures_to_acquire_are_counted_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "bright", OneFaceInBrightPictures)
    for name, value in (("a", 200), ("b", 20)):
        write_picture(tmp_path / f"{name}.png", np.full((112, 112, 3), value, np.uint8))
    (tmp_path / "c.png").write_text("no picture")
    (tmp_path / "faces.csv").write_text("path,subject\na.png,x\nb.png,x\nc.png,y\n")
    out = tmp_path / "aligned"
    arguments = [str(tmp_path / "faces.csv"), "--out", str(out), "--detector", "bright"]
    stopped = CliRunner().invoke(align, arguments)
    assert "row 3: can't decode" in str(stopped.exception)
    assert not out.exists()
    done = CliRunner().invoke(align, [*arguments, "--on-error", "skip"])
    assert done.exit_code == 0, done.output
    assert "failure to acquire: 2 of 3 pictures (66.7 %), 1 of them can't be read; listed in" in done.stderr
    assert pd.read_csv(out / "failures.csv")["record"].tolist() == ["row 2", "row 3"]
    assert pd.read_csv(out / "manifest.csv")["landmarks_by"].tolist() == ["bright"]
