"""Importers: each turns some layout of pictures into a manifest."""

from __future__ import annotations

from dataclasses import dataclass, field

from pifr.data.manifest import Manifest


@dataclass(frozen=True)
class Failure:
    """One picture that can't be used.

    Attributes:
        file: The picture's file, or the container it lies in.
        record: Key in a record file, name in an archive, line of a table; empty for a file of its own.
        what: What is wrong with it.
    """

    file: str
    record: str
    what: str

    @property
    def place(self) -> str:
        """Where it lies, for messages."""
        return f"{self.file}, {self.record}" if self.record else self.file

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass(frozen=True)
class ImportResult:
    """A manifest made from another layout.

    Attributes:
        manifest: The pictures; not saved yet.
        notes: What the user should know, one line each: files left out, units guessed.
        failures: Pictures left out because they can't be used.
    """

    manifest: Manifest
    notes: list[str]
    failures: list[Failure] = field(default_factory=list)
