from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pifr.cli.data.twin import twin
from pifr.core.errors import ConfigError
from pifr.data.manifest import read_manifest


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(twin, [str(argument) for argument in arguments], catch_exceptions=True)


def test_renders_a_subset_and_says_what_it_made(tmp_path: Path) -> None:
    result = invoke("--people", 1, "--sessions", 1, "--recordings", 1, "--cameras", "05_1,11_0", "--lights", "00,07",
                    "--size", 32, "--workers", 1, "--format", "jpg", "--extra", "depth", "--out", tmp_path)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "1 people, 4 pictures" in result.output
    table = read_manifest(tmp_path / "manifest.parquet").table
    assert set(table["camera"]) == {"05_1", "11_0"}
    assert table["path"].str.endswith(".jpg").all()
    assert (tmp_path / table["truth"][0]).is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--people", "0"), "people must be 1 to 2000"),
        (("--people", "2001"), "people must be 1 to 2000"),
        (("--cameras", "05_9"), "unknown camera"),
        (("--lights", "42"), "unknown light"),
        (("--size", "16"), "greater than or equal to 32"),
        (("--size", "1024"), "less than or equal to 512"),
        (("--extra", "albedo"), "'depth', 'normals' or 'mask'"),
        (("--format", "gif"), "'png' or 'jpg'"),
        (("--sessions", "first"), "session"),
        (("--workers", "0"), "workers must be at least 1"),
        (("--free", "0"), "greater than or equal to 1"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path: Path, arguments: tuple[str, str], said: str) -> None:
    out = tmp_path / "out"
    result = invoke(*arguments, "--out", out)
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not out.exists()


def test_free_mode_options(tmp_path: Path) -> None:
    result = invoke("--free", 1, "--per-person", 2, "--max-yaw", 30, "--size", 32, "--workers", 1, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    table = read_manifest(tmp_path / "manifest.parquet").table
    assert len(table) == 2
    assert table["yaw"].abs().max() <= 30
