"""Errors a user can act on: what went wrong, where, what was found, and how to cure it, in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PifrError(Exception):
    """A failure with a cause the user can see and cure; the command line prints it as one line, exit code 1.

    Args:
        what: What is wrong, as a short clause without a full stop.
        where: The file, row, column, key or option it was found in.
        found: The offending value.
        cure: What to do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object | None = None,
        found: object | None = None,
        cure: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.found = found
        self.cure = cure
        super().__init__(what)

    def __str__(self) -> str:
        line = self.what
        if self.where is not None:
            line = f"{self.where}: {line}"
        if self.found is not None:
            line = f"{line}, found {self.found}"
        if self.cure is not None:
            line = f"{line}; {self.cure}"
        return " ".join(line.split())


class ConfigError(PifrError):
    """A configuration file, key or ``--set`` override that can't be used."""


class DataError(PifrError):
    """A manifest, picture or data folder that can't be used."""


class DependencyError(PifrError):
    """An optional package, device or downloaded file that is not there."""


class CheckpointError(PifrError):
    """A checkpoint that is missing, damaged or belongs to something else."""


class TrainingError(PifrError):
    """Training that can't go on, for example because gradients stay non-finite."""


def near_names(name: str, known: Iterable[str]) -> str:
    """Return a cure that names the closest known names, or lists all of them.

    Args:
        name: What the user wrote.
        known: The names that would have been right.

    Returns:
        A clause such as ``did you mean 'yaw'?`` or ``one of: a, b, c``.
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(repr(c) for c in close)}?"
    return f"use one of: {', '.join(known)}"


def require_extra(module: str, extra: str, purpose: str) -> object:
    """Import an optional package, or say in one line which extra brings it.

    Args:
        module: Import name, for example ``faiss``.
        extra: The extra of ``pifr-toolkit`` that installs it.
        purpose: What needs it, for the message.

    Returns:
        The imported module.

    Raises:
        DependencyError: If the package is not installed.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DependencyError(
            f"{purpose} needs the package {module!r}",
            found=str(error),
            cure=f"install it with: uv pip install 'pifr-toolkit[{extra}]'",
        ) from error
