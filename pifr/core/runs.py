"""Run folders: ``00003-train-ipgan-twin/`` with config, environment, history, checkpoints, grids and reports."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pifr.core.checkpoint import list_checkpoints
from pifr.core.config import Config, load_config
from pifr.core.distributed import broadcast_text, is_main
from pifr.core.environment import environment_record
from pifr.core.errors import DataError, PifrError
from pifr.core.files import disk_errors, read_json, write_json, write_text

_NUMBERED = re.compile(r"^(\d{5})-(.+)$")


@dataclass(frozen=True)
class RunFolder:
    """One numbered folder that holds everything a run made.

    Attributes:
        path: The folder.
    """

    path: Path

    @classmethod
    def create(cls, root: Path, name: str, config: Config, data_fingerprint: str | None = None) -> RunFolder:
        """Make the next free ``NNNNN-name`` folder under ``root`` and record config and environment.

        Args:
            root: Folder of runs; created if missing.
            name: What the run does, for example ``train-ipgan-twin``.
            config: The resolved configuration, written to ``config.yaml``.
            data_fingerprint: Fingerprint of the input data, written to ``environment.json``.

        Raises:
            PifrError: If the folder can't be written.
        """
        root = Path(root)
        with disk_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            taken = [int(match[1]) for child in root.iterdir() if (match := _NUMBERED.match(child.name))]
            number = max(taken, default=-1) + 1
            while True:
                path = root / f"{number:05d}-{name}"
                try:
                    path.mkdir()
                    break
                except FileExistsError:  # another process took the number between the look and the making
                    number += 1
        run = cls(path)
        config.save(run.config_path)
        write_json(path / "environment.json", environment_record(data_fingerprint))
        return run

    @classmethod
    def create_once(cls, root: Path, name: str, config: Config, data_fingerprint: str | None = None) -> RunFolder:
        """As :meth:`create`, by the main process alone; the others of one training are told which folder it is."""
        made = str(cls.create(root, name, config, data_fingerprint).path) if is_main() else ""
        return cls(Path(broadcast_text(made)))

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open an existing run folder.

        Raises:
            PifrError: If ``path`` holds no ``config.yaml``.
        """
        path = Path(path)
        if not (path / "config.yaml").is_file():
            raise PifrError("not a run folder (it has no config.yaml)", where=path, cure="name a folder under runs/")
        return cls(path)

    @property
    def config_path(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def grids(self) -> Path:
        """Folder of sample pictures."""
        return self.path / "grids"

    @property
    def history(self) -> History:
        """The run's measurements, one JSON line a record."""
        return History(self.path / "history.jsonl")

    def environment(self) -> dict[str, Any]:
        """Read the environment record written when the run was created."""
        return read_json(self.path / "environment.json")


def refuse_run_folder(path: Path) -> None:
    """Refuse to write other results into the folder of a run; call it before the work that makes them.

    Raises:
        DataError: If ``path`` is a run, which could not be resumed without its own files.
    """
    if (Path(path) / "config.yaml").is_file():
        raise DataError(
            "this folder is a run, whose environment.json would be overwritten", where=path,
            cure="choose another --out folder",
        )  # fmt: skip


def unfinished_run(runs: Path, recipe: Config) -> Path | None:
    """Return the newest run under ``runs`` of this very recipe that has a checkpoint to go on from, if any."""
    if not runs.is_dir():
        return None
    for path in sorted((run for run in runs.iterdir() if run.is_dir()), reverse=True):
        run = RunFolder(path)
        if list_checkpoints(run.checkpoints) and _is_of(run, recipe):
            return path
    return None


def _is_of(run: RunFolder, recipe: Config) -> bool:
    try:
        return load_config(type(recipe), run.config_path) == recipe
    except PifrError:  # of another kind of training, or of a version that knew other keys
        return False


@dataclass(frozen=True)
class History:
    """Measurements of a run as JSON lines, each with a ``step``.

    Attributes:
        path: The ``.jsonl`` file; it need not exist yet.
    """

    path: Path

    def append(self, step: int, **values: float | int | str | None) -> None:
        """Add one record. Non-finite numbers are written as null, since JSON has no NaN."""
        record: dict[str, Any] = {"step": step, **{key: _json_number(value) for key, value in values.items()}}
        with disk_errors(self.path), open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, allow_nan=False) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """Return all whole records; a last line cut short by a kill is left out."""
        if not self.path.exists():
            return []
        records = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return records

    def truncate_after(self, step: int) -> None:
        """Drop records later than ``step``: a resumed run will write them again."""
        kept: list[Mapping[str, Any]] = [record for record in self.read() if record["step"] <= step]
        write_text(self.path, "".join(json.dumps(record) + "\n" for record in kept))


def _json_number(value: float | int | str | None) -> float | int | str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
