"""Importers: each turns some layout of pictures into a manifest."""

from __future__ import annotations

from dataclasses import dataclass

from pifr.data.manifest import Manifest


@dataclass(frozen=True)
class ImportResult:
    """A manifest made from another layout.

    Attributes:
        manifest: The pictures; not saved yet.
        notes: What the user should know, one line each: files left out, units guessed.
    """

    manifest: Manifest
    notes: list[str]
