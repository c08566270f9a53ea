"""``pifr augment`` as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pifr.cli import pifr_command
from pifr.core.commandline import run
from pifr.data.manifest import Manifest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the poses; give either --yaws or --imitate"),
        (["--yaws=30", "--imitate", "poses.csv"], "give either --yaws or --imitate"),
        (["--yaws=-60,x"], "--yaws: yaws are numbers of degrees separated by commas, found '-60,x'"),
        (["--yaws=30,30"], "names a view twice"),
        (["--yaws=30"], "none/checkpoints: no checkpoint in this folder"),
        (["--yaws=30", "--split", "tran"], "no column 'split'; make one with: pifr data split"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    rendered: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    typed = ["pifr", "augment", rendered.name, "--model", "none", "--out", str(tmp_path / "views"), *arguments]
    monkeypatch.setattr("sys.argv", typed)
    with pytest.raises(SystemExit) as stop:
        run(pifr_command)
    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "views").exists()
