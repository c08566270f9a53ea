"""One call from a folder of any known layout to a manifest of usable pictures of permitted people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pifr.data.importers import ImportResult
from pifr.data.importers.checking import Check, OnError, check_pictures, refuse
from pifr.data.importers.layouts import layout_named, recognise
from pifr.data.importers.people import drop_people
from pifr.data.importers.unpacking import unpack
from pifr.data.manifest import make_manifest, read_manifest


def import_data(
    source: Path, layout: str | None = None, check: Check = "decode", on_error: OnError = "stop",
    drop_people_of: Sequence[Path] = (), unpack_to: Path | None = None, template: str | None = None,
) -> ImportResult:  # fmt: skip
    """Recognise the layout of ``source``, read it, and leave out what can't or mustn't be used.

    Args:
        source: A folder or file of one of :data:`pifr.data.importers.layouts.LAYOUTS`.
        layout: Name of the layout; by default recognised.
        check: ``decode`` every picture, or ``quick``: only what reading the layout shows, and empty files.
        on_error: ``stop`` at the first picture that can't be used, or ``skip`` and list such.
        drop_people_of: Test manifests whose people are left out, by name.
        unpack_to: Folder for the pictures of record files and shards; by default they stay in there.
        template: Alignment template that the pictures went through, where the layout does not say it.

    Returns:
        The manifest, notes (the layout first) and the pictures left out.

    Raises:
        ConfigError: If the layout's name is unknown.
        DataError: If no layout fits, nothing can be used, or with ``stop`` a picture can't be.
    """
    chosen = layout_named(layout) if layout else recognise(source)
    tests = [read_manifest(path) for path in drop_people_of]
    result = chosen.read(Path(source))
    if on_error == "stop":
        refuse(result.failures)
    manifest, notes = result.manifest, [f"layout: {chosen.name} ({chosen.example})", *result.notes]
    if template:
        manifest = make_manifest(manifest.table.assign(template=template), manifest.folder, manifest.name)
    if tests:
        manifest, dropped = drop_people(manifest, tests)
        notes += dropped
    manifest, bad = check_pictures(manifest, check, on_error)
    if unpack_to is not None:
        manifest = unpack(manifest, unpack_to)
    return ImportResult(manifest, notes, [*result.failures, *bad])
