from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from pifr.core.interrupt import Interrupted, same_command_goes_on, stop_on_signal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_and_a_second_one_stops(number: signal.Signals) -> None:
    with stop_on_signal() as stop:
        assert not stop
        signal.raise_signal(number)
        assert stop
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_the_old_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def fail_inside() -> None:
        with stop_on_signal():
            assert signal.getsignal(signal.SIGINT) != before[0]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_inside()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_off_the_main_thread_it_does_nothing() -> None:
    seen: list[bool] = []

    def work() -> None:
        with stop_on_signal() as stop:
            seen.append(bool(stop))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


@pytest.mark.parametrize("stopped", [Interrupted("go on with --resume RUN"), KeyboardInterrupt()])
def test_interrupted_steps_say_how_the_whole_goes_on(stopped: BaseException) -> None:
    with (
        pytest.raises(Interrupted, match="the same command goes on from what is done in grid"),
        same_command_goes_on(Path("grid")),
    ):
        raise stopped


def test_other_ends_of_steps_are_let_through() -> None:
    with pytest.raises(ValueError, match="other"), same_command_goes_on(Path("grid")):
        raise ValueError("other")
