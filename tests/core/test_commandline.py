from __future__ import annotations

import errno
import sys

import pytest
import rich_click as click
from click.testing import CliRunner

from pifr.core.commandline import LazyGroup, device_option, failures_in_one_line, run, set_option
from pifr.core.errors import DataError
from pifr.core.interrupt import Interrupted

FAILURES = {
    "known": (DataError("it is broken", where="a.csv", cure="mend it"), 1, "error: a.csv: it is broken; mend it\n"),
    "system": (OSError(errno.ENOTDIR, "Not a directory", "a/b"), 1, "error: a/b: Not a directory\n"),
    "stopped": (Interrupted("saved at step 3"), 130, "interrupted: saved at step 3\n"),
    "ctrl-c": (KeyboardInterrupt(), 130, "interrupted\n"),
}


def run_and_fail(failure: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    @click.command()
    def command() -> None:
        raise failure

    monkeypatch.setattr("sys.argv", ["command"])
    with pytest.raises(SystemExit) as stop:
        run(command)
    assert isinstance(stop.value.code, int)
    return stop.value.code


@pytest.mark.parametrize("name", FAILURES)
def test_failures_are_one_line_and_an_exit_code(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failure, code, line = FAILURES[name]
    assert run_and_fail(failure, monkeypatch) == code
    captured = capsys.readouterr()
    assert captured.err.strip() == line.strip()
    assert captured.out == ""


def test_unknown_failures_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        run_and_fail(ZeroDivisionError(), monkeypatch)


def test_the_traceback_of_a_known_failure_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIFR_TRACEBACK", "1")
    with pytest.raises(DataError):
        run_and_fail(DataError("broken"), monkeypatch)


def test_usage_errors_have_exit_code_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_and_fail(click.UsageError("no such option"), monkeypatch) == 2
    assert "no such option" in capsys.readouterr().err


def make_group(target: str) -> click.Command:
    @click.group(cls=LazyGroup, commands_at={"later": (target, "Does it later.")})
    def group() -> None:
        """Group."""

    return group


def test_a_lazy_command_is_imported_only_when_it_runs() -> None:
    broken = make_group("no.such.module:command")
    listed = CliRunner().invoke(broken, ["--help"])
    assert listed.exit_code == 0
    assert "Does it later." in listed.output
    assert isinstance(CliRunner().invoke(broken, ["later"]).exception, ModuleNotFoundError)
    assert CliRunner().invoke(broken, ["never"]).exit_code == 2


def test_an_inner_group_lists_without_importing() -> None:
    inner = make_group("no.such.module:command")

    @click.group()
    def outer() -> None:
        """Outer."""

    outer.add_command(inner, "inner")
    assert "Does it later." in CliRunner().invoke(outer, ["inner", "--help"]).output


def test_common_options() -> None:
    @click.command()
    @device_option
    @set_option
    def command(device: str, overrides: tuple[str, ...]) -> None:
        click.echo(f"{device} {overrides}")

    assert CliRunner().invoke(command, []).output == "auto ()\n"
    chosen = CliRunner().invoke(command, ["--device", "cpu", "--set", "a=1", "--set", "b.c=2"])
    assert chosen.output == "cpu ('a=1', 'b.c=2')\n"


def test_a_full_gpu_is_one_line_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    text = (
        "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 139.80 GiB of which 3.12 GiB "
        "is free. Including non-PyTorch memory, this process has 1.00 GiB memory in use. Of the allocated memory ..."
    )
    assert run_and_fail(torch.OutOfMemoryError(text), monkeypatch) == 1
    assert capsys.readouterr().err == (
        "error: the GPU's memory is full, found 3.12 GiB free where 20.00 GiB were asked for; use a smaller batch "
        "size, in training more accumulate (batch.accumulate, optimizer.accumulate), or fewer processes on this GPU\n"
    )
    monkeypatch.setenv("PIFR_TRACEBACK", "1")
    with pytest.raises(torch.OutOfMemoryError):
        run_and_fail(torch.OutOfMemoryError(text), monkeypatch)


def test_a_failure_does_not_import_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(ZeroDivisionError):
        run_and_fail(ZeroDivisionError(), monkeypatch)
    assert "torch" not in sys.modules


@pytest.mark.parametrize("name", FAILURES)
def test_a_script_s_failures_are_those_of_a_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    failure, code, line = FAILURES[name]
    with pytest.raises(SystemExit) as stop, failures_in_one_line():
        raise failure
    assert (stop.value.code, capsys.readouterr().err) == (code, line)
