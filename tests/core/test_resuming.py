"""What a resumed run may change, on a recipe with sections."""

from __future__ import annotations

from pathlib import Path

import pytest

from pifr.core.checkpoint import save_checkpoint
from pifr.core.config import Config, load_config
from pifr.core.errors import ConfigError
from pifr.core.resuming import keep_recipe, record_recipe
from pifr.core.runs import RunFolder


class Batch(Config):
    people: int = 4
    parts: int = 1


class Recipe(Config):
    steps: int = 3
    rate: float = 0.1
    batch: Batch = Batch()
    batch_size: int = 8


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "train", Recipe())


@pytest.mark.parametrize(
    ("recipe", "free"),
    [
        (Recipe(), ()),
        (Recipe(steps=5), ("steps",)),
        (Recipe(batch=Batch(parts=2)), ("batch.parts",)),
        (Recipe(steps=5, batch=Batch(people=2, parts=2)), ("steps", "batch")),
    ],
)
def test_what_may_change_changes(run: RunFolder, recipe: Recipe, free: tuple[str, ...]) -> None:
    keep_recipe(recipe, run, free)


@pytest.mark.parametrize(
    ("recipe", "found"),
    [
        (Recipe(rate=0.2), r"found another rate \(0.2, there 0.1\)"),
        (Recipe(batch=Batch(people=2)), r"found another batch.people \(2, there 4\)"),
        (Recipe(rate=0.2, batch_size=9), "found another batch_size, rate;"),  # batch is free, batch_size is not
    ],
)
def test_what_makes_another_run_is_named(run: RunFolder, recipe: Recipe, found: str) -> None:
    with pytest.raises(ConfigError, match=found) as caught:
        keep_recipe(recipe, run, ("steps", "batch.parts"))
    assert "config.yaml: a resumed run keeps its recipe, but for batch.parts, steps" in str(caught.value)


def test_fewer_steps_than_are_done_are_refused(run: RunFolder) -> None:
    save_checkpoint(run.checkpoints, 3, {}, {}, {})
    keep_recipe(Recipe(steps=3), run, ("steps",))
    with pytest.raises(ConfigError, match=r"found steps=2, 3 are done; resume it with --set steps=3 or more"):
        keep_recipe(Recipe(steps=2), run, ("steps",))


def test_what_was_changed_is_the_run_s_own_from_then_on(run: RunFolder) -> None:
    record_recipe(Recipe(steps=5), run)
    assert load_config(Recipe, run.config_path) == Recipe(steps=5)
