"""What every command shares: one-line errors, common options, and a group that imports its commands late."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import rich_click as click

from pifr.core.errors import PifrError
from pifr.core.gpu_memory import full_gpu
from pifr.core.interrupt import Interrupted

Command = Callable[..., Any]


class LazyGroup(click.RichGroup):
    """A command group whose commands are imported when they are named, so that ``--help`` answers at once.

    Args:
        commands_at: Command name -> (``module:attribute``, one-line help shown in the list).
    """

    def __init__(self, *args: Any, commands_at: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands_at = dict(commands_at or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order they were declared."""
        return list(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; the list of a help page gets a stand-in that knows its help line."""
        if cmd_name not in self.commands_at:
            return None
        target, help_line = self.commands_at[cmd_name]
        if ctx.resilient_parsing or _is_listing(ctx):
            return click.RichCommand(name=cmd_name, help=help_line)
        module, _, attribute = target.partition(":")
        return getattr(importlib.import_module(module), attribute)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Mark that a command of this group is being run, so that :meth:`get_command` imports it."""
        ctx.meta[_RUNNING] = ctx.command_path  # groups share meta with the groups inside them
        return super().resolve_command(ctx, args)


_RUNNING = "pifr.core.commandline.running"


def _is_listing(ctx: click.Context) -> bool:
    return ctx.meta.get(_RUNNING) != ctx.command_path


def run(command: click.Command) -> None:
    """Run a command line; for its failures see :func:`failures_in_one_line`."""
    with failures_in_one_line():
        command.main(standalone_mode=False)


@contextmanager
def failures_in_one_line() -> Iterator[None]:
    """End the process: known failures become one line on stderr and exit code 1, Ctrl-C becomes 130.

    Set ``PIFR_TRACEBACK=1`` to see the whole traceback of a known failure.
    """
    import os

    try:
        yield
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PifrError as error:
        if os.environ.get("PIFR_TRACEBACK"):
            raise
        _fail(str(error))
    except OSError as error:
        if os.environ.get("PIFR_TRACEBACK"):
            raise
        _fail(f"{error.filename or 'file'}: {error.strerror or error}")
    except Interrupted as stopped:
        click.echo(f"interrupted: {stopped}", err=True)
        sys.exit(130)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except RuntimeError as error:  # after click.Abort, which is one
        full = full_gpu(error)
        if full is None or os.environ.get("PIFR_TRACEBACK"):
            raise
        _fail(str(full))


def _fail(line: str) -> None:
    click.echo(f"error: {line}", err=True)
    sys.exit(1)


def device_option(command: Command) -> Command:
    """Add ``--device``."""
    return click.option(
        "--device", default="auto", show_default=True, help="auto (a GPU if there is one), cpu, cuda or cuda:N."
    )(command)


def set_option(command: Command) -> Command:
    """Add the repeatable ``--set a.b=c``."""
    return click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE",
        help="Override one key of the config, for example --set optimizer.lr=1e-4; repeatable.",
    )(command)  # fmt: skip
