from __future__ import annotations

import pytest

from pifr.core.environment import environment_record
from pifr.core.progress import progress_bar, say, track


def test_bars_are_quiet_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("working", 3, done=1) as advance:
        advance()
        advance(1, note="nearly")
    assert list(track([1, 2], "counting", 2)) == [1, 2]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.strip() == ""


def test_status_lines_go_to_stderr_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    line = "[bold]no markup[/bold] " + "long " * 50
    say(line)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == line + "\n"


def test_the_environment_record() -> None:
    record = environment_record("fingerprint")
    assert record["data_fingerprint"] == "fingerprint"
    assert record["cpus"] >= 1
    assert "numpy" in record["versions"]
