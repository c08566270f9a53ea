"""A rendered data set on disk: pictures, records and the manifest, made by any number of worker processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from pifr.core.errors import ConfigError, DataError, require_extra
from pifr.core.files import read_json, write_json
from pifr.core.interrupt import Interrupted, StopRequest, stop_on_signal
from pifr.core.progress import Advance, progress_bar
from pifr.data.manifest import Manifest, make_manifest
from pifr.twin.bake import head_model
from pifr.twin.config import VERSION, TwinConfig
from pifr.twin.index import index_of_takes, takes_of
from pifr.twin.plan import Take
from pifr.twin.pool import finished_takes
from pifr.twin.work import is_take_finished, read_record, render_take, truth_path

IDENTITY_FILE = "twin.json"
_IDENTITY_KEYS = ("seed", "size_px", "samples_per_side", "picture_format")


def render_twin(config: TwinConfig, out: Path | str, workers: int = 1) -> Manifest:
    """Render a data set, or what is still missing of it.

    The same configuration gives the same bytes, whatever the number of workers and however often the work was
    interrupted. A larger choice may be rendered into the same folder later; finished pictures are kept.

    Args:
        config: What to render.
        out: Folder; pictures lie in it by Multi-PIE's layout (or under `pictures/` in the free mode).
        workers: Worker processes; 1 renders in this process. A script that asks for more must be guarded by
            `if __name__ == "__main__":`, as always with processes that start anew.

    Returns:
        The manifest of exactly the pictures of `config`, also written to `manifest.parquet`.

    Raises:
        ConfigError: If `workers` is below 1.
        DataError: If the folder holds pictures of another seed, size or version.
        DependencyError: If the packages of the extra `twin` are missing.
        Interrupted: After Ctrl-C; what is finished stays.
    """
    if workers < 1:
        raise ConfigError("workers must be at least 1", found=workers)
    require_extra("embreex.rtcore_scene", "twin", "rendering the twin")
    out = Path(out)
    takes = list(takes_of(config))
    if not takes:
        raise ConfigError("none of the chosen people attended these sessions", cure="choose more people or sessions")
    _claim_folder(out, config)
    pending = [take for take in takes if not is_take_finished(take, config, out)]
    if pending:
        head_model()  # Baked here, once, before any worker wants it.
    total, left = _count(takes), _count(pending)
    with progress_bar("rendering", total, done=total - left) as advance, stop_on_signal() as stop:
        if workers == 1 or len(pending) == 1:
            _render_here(pending, config, out, stop, advance)
        else:
            for take in finished_takes(pending, config, out, workers, stop):
                advance(_count([take]))
    if stop:
        raise Interrupted(f"finished pictures are kept in {out}; run the same command again to go on")
    manifest = make_manifest(_table(takes, config, out), out, str(out / "manifest.parquet"))
    return manifest.save(out / "manifest.parquet")


def _render_here(takes: list[Take], config: TwinConfig, out: Path, stop: StopRequest, advance: Advance) -> None:
    for take in takes:
        if stop:
            return
        render_take(take, config, out, lambda: stop, advance)


def _count(takes: list[Take]) -> int:
    return sum(len(sight.lightings) for take in takes for sight in take.sights)


def identity_of(config: TwinConfig) -> dict[str, Any]:
    """Return what all pictures of a folder have in common, JSON-ready: a larger choice of the same is added to it."""
    common = {"version": VERSION} | {key: getattr(config, key) for key in _IDENTITY_KEYS}
    return common | {"free": config.free and config.free.model_dump(mode="json", exclude={"people"})}


def _claim_folder(out: Path, config: TwinConfig) -> None:
    """Note what the folder's pictures have in common, and refuse to mix them with others."""
    mine, path = identity_of(config), out / IDENTITY_FILE
    if not path.exists():
        if (out / "manifest.parquet").exists():
            raise DataError("the folder holds another data set", where=out, cure="choose another folder")
        write_json(path, mine)
        return
    there = read_json(path)
    for key, value in mine.items():
        if there.get(key) != value:
            raise DataError(
                f"the folder holds pictures of another {key.replace('_', ' ')} ({there.get(key)} instead of {value})",
                where=out, cure="choose another folder",
            )  # fmt: skip


def _table(takes: list[Take], config: TwinConfig, out: Path) -> pd.DataFrame:
    """Return the index joined with every take's record."""
    rows = []
    for take in takes:
        record = read_record(take, out)
        for sight in take.sights:
            extra = {"truth": truth_path(sight)} if config.extra else {}
            values = record["sights"][sight.stem] | record["attributes"] | extra
            rows += [values] * len(sight.lightings)
    index = index_of_takes(takes, config)
    values_table = pd.DataFrame(rows, index=index.index)
    return pd.concat([index, values_table.drop(columns=index.columns, errors="ignore")], axis=1)
