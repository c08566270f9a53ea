"""Stages of a chain: each runs once, is timed, and is skipped when nothing it depends on has changed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pifr.core.errors import PifrError
from pifr.core.files import read_json, write_json
from pifr.core.interrupt import Interrupted
from pifr.core.progress import say


@dataclass(frozen=True)
class StageRecord:
    """What is known of one finished stage.

    Attributes:
        key: Digest of everything the stage depends on.
        seconds: How long it took, over all sittings when it was interrupted.
        output: Path of what it made.
    """

    key: str
    seconds: float
    output: Path


class StageBook:
    """The record of a chain's stages in ``stages.json``, read anew before each change: others may share the folder.

    Args:
        folder: The chain's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.path = self.folder / "stages.json"
        self._records = self._stored()

    def run(self, name: str, depends_on: object, work: Callable[[Path | None], Path]) -> StageRecord:
        """Run a stage, or return its record if it is done and still true.

        Args:
            name: The stage's name, as the summary shows it.
            depends_on: JSON-ready description of all inputs: configuration and the keys of earlier stages.
            work: Does the stage. It gets the output of an unfinished earlier sitting with the same inputs (to
                resume it) or None, and returns the path of what it made.

        Returns:
            The record.

        Raises:
            Interrupted: If the stage was; the message says how the whole goes on.
        """
        key = self.key_of(depends_on)
        self._records = self._stored()
        known = self._records.get(name, {})
        if known.get("key") == key and known.get("done") and Path(known["output"]).exists():
            say(f"{name}: done before ({known['seconds']:.0f} s), kept")
            return self._record(name)
        unfinished = known if known.get("key") == key else {}
        spent = float(unfinished.get("seconds", 0.0))
        self._write(name, key=key, done=False, seconds=spent, output=unfinished.get("output"))
        say(f"{name} ...")
        started = time.monotonic()
        previous = unfinished.get("output")
        try:
            output = work(Path(previous) if previous and Path(previous).exists() else None)
        except BaseException as error:
            self._write(name, seconds=spent + time.monotonic() - started)
            if isinstance(error, Interrupted):  # a stage alone would say how to resume it alone
                raise Interrupted(f"stopped at {name!r}; the same command goes on from there") from error
            raise
        seconds = spent + time.monotonic() - started
        self._write(name, done=True, seconds=seconds, output=str(output))
        say(f"{name}: {seconds:.0f} s -> {output}")
        return self._record(name)

    @staticmethod
    def key_of(depends_on: object) -> str:
        """Return the digest of a stage's inputs, 16 hexadecimal digits."""
        return hashlib.sha256(json.dumps(depends_on, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def note_output(self, name: str, output: Path) -> None:
        """Remember what an unfinished stage is making, so that the next sitting can resume it."""
        self._write(name, output=str(output))

    def seconds_by_stage(self) -> dict[str, float]:
        """Return the seconds of every finished stage, in the order they first ran."""
        return {name: round(entry["seconds"], 1) for name, entry in self._records.items() if entry.get("done")}

    def _record(self, name: str) -> StageRecord:
        entry = self._records[name]
        return StageRecord(entry["key"], entry["seconds"], Path(entry["output"]))

    def _stored(self) -> dict[str, dict[str, Any]]:
        return read_json(self.path) if self.path.exists() else {}

    def _write(self, name: str, **values: Any) -> None:
        self._records = {**self._stored(), name: {**self._records.get(name, {}), **values}}
        write_json(self.path, self._records)


def claim_folder(folder: Path, name: str) -> None:
    """Refuse to run one chain in another's folder.

    Raises:
        PifrError: If the folder belongs to a chain of another name.
    """
    path = Path(folder) / "chain.json"
    if path.exists() and (found := read_json(path)["name"]) != name:
        raise PifrError("this folder holds another chain", where=folder, found=repr(found), cure="choose another --out")
    write_json(path, {"name": name})
