"""A resumed run keeps its recipe: one rule for every training."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pifr.core.checkpoint import list_checkpoints
from pifr.core.config import Config, load_config
from pifr.core.distributed import barrier, is_main
from pifr.core.errors import CheckpointError, ConfigError
from pifr.core.runs import RunFolder


def keep_recipe(config: Config, run: RunFolder, may_change: Collection[str]) -> None:
    """Refuse a recipe that would make another run of the one to go on with.

    Args:
        config: The recipe to go on with.
        run: The run, whose own recipe lies in its folder.
        may_change: Keys that may differ: ``section.key``, or a section for all of its keys.

    Raises:
        ConfigError: If another key differs, or the run has more steps behind it than the recipe wants.
    """
    before, now = load_config(type(config), run.config_path).model_dump(mode="json"), config.model_dump(mode="json")
    free = tuple(may_change)
    changed = [
        (key, mine, there) for key, mine, there in _differing(now, before)
        if not any(f"{key}.".startswith(f"{name}.") for name in free)
    ]  # fmt: skip
    if changed:
        found = ", ".join(sorted(key for key, *_ in changed))
        if len(changed) == 1:
            found += f" ({changed[0][1]!r}, there {changed[0][2]!r})"
        raise ConfigError(
            f"a resumed run keeps its recipe, but for {', '.join(sorted(free))}", where=run.config_path,
            found=f"another {found}", cure="resume with the run's own config, or start a new run",
        )  # fmt: skip
    done = max((checkpoint.step for checkpoint in list_checkpoints(run.checkpoints)), default=0)
    if now.get("steps", done) < done:
        raise ConfigError(
            "the run has more steps behind it than it is to have", where=run.path,
            found=f"steps={now['steps']}, {done} are done", cure=f"resume it with --set steps={done} or more",
        )  # fmt: skip


def keep_pictures(fingerprint: str, run: RunFolder, name: str) -> None:
    """Refuse to go on with a run on other pictures than it began with.

    Args:
        fingerprint: Of the pictures to go on with.
        run: The run, whose own fingerprint lies in its folder.
        name: What holds the pictures, for the message.

    Raises:
        CheckpointError: If they are others.
    """
    if run.environment()["data_fingerprint"] != fingerprint:
        raise CheckpointError(
            "this run began on other pictures: it was trained on another manifest, or its pictures or the manifest "
            "changed since", where=run.path, found=name, cure="restore them, or start a new run",
        )  # fmt: skip


def record_recipe(config: Config, run: RunFolder) -> None:
    """Write down the recipe that a run goes on with: interrupted again, it is resumed by its folder's name alone.

    Call it on all processes, where all has been checked and loaded that may refuse the run: a refused recipe in the
    run's folder would be taken for its own.
    """
    barrier()  # until the last process has loaded the run
    if is_main():
        config.save(run.config_path)


def _differing(now: Mapping[str, Any], before: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each key whose values differ, ``section.key`` within sections, with both values."""
    for key, value in now.items():
        other = before.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            yield from _differing(value, other, f"{within}{key}.")
        elif value != other:
            yield f"{within}{key}", value, other
