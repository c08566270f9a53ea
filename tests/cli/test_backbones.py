"""``pifr backbones``, ``pifr export`` and ``pifr train-dream`` as a user types them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pifr.cli import pifr_command
from pifr.core.commandline import run


def fail(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """Run the command as the entry point does; it must end with code 1 and one line."""
    monkeypatch.setattr("sys.argv", ["pifr", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        run(pifr_command)
    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_the_table_names_every_backbone_with_its_cost() -> None:
    from pifr.backbones import list_backbones

    result = CliRunner().invoke(pifr_command, ["backbones"], catch_exceptions=False)
    head, *rows = result.stdout.splitlines()
    assert "at 112 px, 512 numbers, width 1" in head
    assert [row.split()[0] for row in rows] == list_backbones()
    assert "ir50                            43,589,824   12.619" in result.stdout


def test_some_can_be_asked_for_at_another_size() -> None:
    arguments = ["backbones", "ir18", "--size", "64", "--dim", "128"]
    rows = CliRunner().invoke(pifr_command, arguments, catch_exceptions=False).stdout.splitlines()[1:]
    assert [row.split() for row in rows] == [["ir18", "12,227,712", "1.698"]]


@pytest.mark.parametrize("command", ["backbones", "export", "train-dream"])
def test_the_help_shows_examples(command: str) -> None:
    assert "Examples" in CliRunner().invoke(pifr_command, [command, "--help"]).output


def test_mistakes_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [
        (["backbones", "ir19"], "unknown backbone 'ir19'; did you mean 'ir18'"),
        (["backbones", "ir18", "--size", "100"], "64 to 224 px, a multiple of 16, found 100"),
        (["backbones", "ir18", "--width", "0"], "width > 0"),
        (["export", tmp_path], "nothing to write; give --onnx FILE, --torch-export FILE, or both"),
        (["export", tmp_path / "nowhere", "--onnx", tmp_path / "f.onnx"], "no such run folder"),
        (["export", tmp_path, "--onnx", tmp_path / "f.onnx", "--data", "nowhere.csv"], "nowhere.csv: file not found"),
        (["train-dream", tmp_path / "nowhere", "--data", "nowhere.csv"], "no such run folder"),
        (["train-dream", tmp_path, "--data", "nowhere.csv", "--set", "step=1"], "did you mean 'steps'?"),
    ]  # fmt: skip
    for arguments, expected in cases:
        assert expected in fail(capsys, monkeypatch, *arguments)
    assert not list(tmp_path.iterdir())
