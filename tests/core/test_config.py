from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import Field, ValidationError, model_validator

from pifr.core import config as config_module
from pifr.core.config import Config, find_recipe, load_config
from pifr.core.errors import ConfigError


class Optimizer(Config):
    lr: float = Field(1e-4, gt=0)
    """Learning rate."""
    name: str = "adam"
    """Which one."""


class Recipe(Config):
    steps: int = 10
    """Training steps."""
    optimizer: Optimizer = Optimizer()
    """How to step."""
    fallback: Optimizer | None = None
    """An optional second one."""
    extra: tuple[Path, ...] = ()
    """Further files."""

    @model_validator(mode="after")
    def _enough_steps(self) -> Recipe:
        if self.steps == 13:
            raise ValueError("Thirteen brings bad luck")
        return self


def recipe(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def test_defaults_files_and_overrides(tmp_path: Path) -> None:
    assert load_config(Recipe) == Recipe()
    path = recipe(tmp_path, "steps: 20\noptimizer: {lr: 0.1}")
    loaded = load_config(Recipe, path, ["optimizer.lr=1e-3", "fallback.name=sgd"])
    assert (loaded.steps, loaded.optimizer.lr) == (20, 1e-3)
    assert loaded.fallback == Optimizer(name="sgd")
    assert load_config(Recipe, recipe(tmp_path, "")) == Recipe()


def test_field_docstrings_are_its_descriptions() -> None:
    assert Recipe.model_fields["steps"].description == "Training steps."


def test_configurations_are_immutable() -> None:
    with pytest.raises(ValidationError):
        Recipe().steps = 3  # type: ignore[misc]


def test_a_saved_configuration_is_read_back(tmp_path: Path) -> None:
    written = Recipe(steps=7, fallback=Optimizer(lr=0.5))
    written.save(tmp_path / "config.yaml")
    assert load_config(Recipe, tmp_path / "config.yaml") == written
    assert list(yaml.safe_load(written.to_yaml())) == ["steps", "optimizer", "fallback", "extra"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz: 3", r"unknown key 'stepz'; did you mean 'steps'"),
        ("optimizer: {lrr: 3}", r"unknown key 'optimizer.lrr'; did you mean 'lr'"),
        ("fallback: {nam: sgd}", r"unknown key 'fallback.nam'; did you mean 'name'"),
        ("zzz: 1", r"unknown key 'zzz'; use one of: extra, fallback, optimizer, steps"),
        ("extra: a.csv", r"key 'extra': a list is wanted, found 'a.csv'; write it \[a.csv\]"),
        ("steps: many", r"key 'steps': input should be a valid integer.*found 'many'"),
        ("optimizer: {lr: -1}", r"key 'optimizer.lr': input should be greater than 0, found -1"),
        ("steps: 13", r"thirteen brings bad luck|Thirteen brings bad luck"),
        ("- a\n- b", r"a config file holds 'key: value' lines, found list"),
        ("a: [1", r"not valid YAML"),
    ],
)
def test_mistakes_name_file_key_and_cure(tmp_path: Path, text: str, message: str) -> None:
    path = recipe(tmp_path, text)
    with pytest.raises(ConfigError, match=message) as error:
        load_config(Recipe, path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps", r"--set: an override is written a.b=value, found 'steps'"),
        ("=3", "an override is written"),
        ("optimizer.lr.more=3", "'lr' holds no keys of its own, found 0.1"),
        ("steps=[1", "not valid YAML"),
        ("optimzer.lr=3", "unknown key 'optimzer'; did you mean 'optimizer'"),
    ],
)
def test_mistaken_overrides(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(Recipe, recipe(tmp_path, "optimizer: {lr: 0.1}"), [override])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["steps=4", "optimzer.lr=3"], "--set optimzer.lr=3: unknown key 'optimzer'; did you mean 'optimizer'?"),
        (["optimizer.lrr=3"], "--set optimizer.lrr=3: unknown key 'optimizer.lrr'; did you mean 'lr'?"),
        (["optimizer=3"], "--set optimizer=3: key 'optimizer'"),
        (["extra=views/a.csv"], "--set extra=views/a.csv: key 'extra': a list is wanted, found 'views/a.csv'; "
                                "write it [views/a.csv], in quotes: --set 'extra=[views/a.csv]'"),
        (["optimizer.lr=1", "steps=13"], "--set optimizer.lr=1 --set steps=13: Thirteen brings bad luck"),
        (["optimizer.name=2"], "--name 2: key 'optimizer.name'"),
    ],
)  # fmt: skip
def test_a_mistaken_override_is_blamed_and_not_the_file(tmp_path: Path, overrides: list[str], message: str) -> None:
    path = recipe(tmp_path, "steps: 9\noptimizer: {lr: 0.1}")
    with pytest.raises(ConfigError) as error:
        load_config(Recipe, path, overrides, spelled={"optimizer.name=2": "--name 2"})
    assert str(error.value).startswith(message)


def test_a_mistake_of_the_file_stays_the_files(tmp_path: Path) -> None:
    path = recipe(tmp_path, "steps: 9\noptimzer: {lr: 0.1}")
    with pytest.raises(ConfigError) as error:
        load_config(Recipe, path, ["optimizer.lr=1", "optimzer.name=b"])
    assert str(error.value).startswith(f"{path}: unknown key 'optimzer'")


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("steps: many", ["steps=few"], "--set steps=few: key 'steps'"),
        ("steps: many", ["extra=[a]"], "RECIPE: key 'steps'"),
        ("steps: 9", ["optimizer.name=2"], "--set optimizer.name=2: key 'optimizer.name'"),
        ("steps: 9\noptimizer: {lr: -1}", ["optimizer.lr=-2"], "--set optimizer.lr=-2: key 'optimizer.lr'"),
        ("steps: 9", ["steps=0.5", "steps=few"], "--set steps=few: key 'steps'"),
        ("steps: 9", ["optimizer.lr=5", "optimizer=3"], "--set optimizer=3: key 'optimizer'"),
        ("steps: 9", ["steps=few", "steps=0.5", "steps=few"], "--set steps=few: key 'steps'"),
    ],
)  # fmt: skip
def test_what_was_set_last_is_blamed_alone(tmp_path: Path, text: str, overrides: list[str], message: str) -> None:
    path = recipe(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        load_config(Recipe, path, overrides)
    assert str(error.value).startswith(message.replace("RECIPE", str(path)))


def test_a_wrong_value_of_a_key_that_the_file_lacks_is_blamed(tmp_path: Path) -> None:
    class Needy(Config):
        data: Optimizer

    path = recipe(tmp_path, "{}")
    with pytest.raises(ConfigError, match=r"^--set data=faces\.csv: key 'data'"):
        load_config(Needy, path, ["data=faces.csv"])
    with pytest.raises(ConfigError, match=f"^{path}: key 'data': field required"):
        load_config(Needy, path)


def test_recipes_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = recipe(tmp_path, "steps: 4")
    monkeypatch.setattr(config_module, "_recipe_folders", lambda: [tmp_path])
    assert find_recipe("recipe") == shipped
    with pytest.raises(ConfigError, match="recip: no such config file or recipe; did you mean 'recipe'"):
        find_recipe("recip")


def test_an_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't read the config file"):
        config_module.read_yaml(tmp_path)
