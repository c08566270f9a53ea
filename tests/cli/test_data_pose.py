from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pifr.cli.data.pose import pose
from pifr.core.errors import CheckpointError, ConfigError, DataError, PifrError
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.pictures import write_picture


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(pose, [*map(str, arguments), "--device", "cpu"])


@pytest.fixture
def unposed(rendered: Manifest, tmp_path: Path) -> Path:
    manifest = rendered.select(np.arange(len(rendered)) < 7)
    manifest.table.drop(columns=["yaw", "pitch"], errors="ignore").to_csv(rendered.folder / "unposed.csv", index=False)
    return rendered.folder / "unposed.csv"


def test_fills_poses_in(unposed: Path, tmp_path: Path) -> None:
    result = invoke(unposed, "--out", tmp_path / "posed.csv")
    assert result.exit_code == 0, result.output
    assert "7 yaws and 7 pitches filled in" in result.output
    posed = read_manifest(tmp_path / "posed.csv")
    assert np.isfinite(posed.yaw_degrees).all()
    assert np.isfinite(posed.table["pitch"]).all()
    assert all(path.is_file() for path in posed.paths)
    again = invoke(tmp_path / "posed.csv", "--all", "--out", tmp_path / "measured.parquet")
    assert "0 yaws and 0 pitches" in again.output
    measured = read_manifest(tmp_path / "measured.parquet").table
    np.testing.assert_allclose(measured["yaw_measured"], posed.table["yaw"], atol=0.011)


def test_bad_input_is_one_line(unposed: Path, rendered: Manifest, tmp_path: Path) -> None:
    wide = tmp_path / "wide"
    write_picture(wide / "a.png", np.zeros((32, 48, 3), np.uint8))
    (wide / "m.csv").write_text("path,subject\na.png,1\n")
    (wide / "gone.csv").write_text("path,subject\nb.png,1\n")
    (wide / "broken.png").write_bytes(b"no picture")
    (wide / "broken.csv").write_text("path,subject\nbroken.png,1\n")
    out = tmp_path / "out.csv"
    cases: list[tuple[list[object], type[PifrError], str]] = [
        ([wide / "m.csv", "--out", out], DataError, "pifr data align"),
        ([wide / "gone.csv", "--out", out], DataError, "row 1"),
        ([wide / "broken.csv", "--out", out], DataError, "can't decode"),
        ([wide / "none.csv", "--out", out], DataError, "file not found"),
        ([unposed, "--out", tmp_path / "out.xlsx"], ConfigError, ".csv or .parquet"),
        ([unposed, "--out", out, "--weights", wide / "w.json"], CheckpointError, "file not found"),
    ]
    for arguments, kind, said in cases:
        result = invoke(*arguments)
        assert isinstance(result.exception, kind), arguments
        assert said in str(result.exception)
        assert "\n" not in str(result.exception)
    assert not out.exists()
