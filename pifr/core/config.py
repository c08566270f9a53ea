"""Frozen configurations: one YAML recipe, overridden by ``--set a.b=c``, checked key by key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pifr.core.errors import ConfigError, near_names
from pifr.core.files import write_text

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ConfigT = TypeVar("ConfigT", bound="Config")


class Config(BaseModel):
    """Base of every configuration: immutable, unknown keys forbidden, fields documented by their docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())

    def to_yaml(self) -> str:
        """Return the resolved configuration as YAML, keys in declaration order."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

    def save(self, path: Path) -> None:
        """Write the resolved configuration to ``path``."""
        write_text(path, self.to_yaml())


def load_config(
    kind: type[ConfigT],
    source: str | Path | None = None,
    overrides: Iterable[str] = (),
    spelled: Mapping[str, str] | None = None,
) -> ConfigT:
    """Build a configuration from a recipe and overrides.

    Args:
        kind: The configuration class.
        source: A YAML file, or the name of a shipped recipe such as ``london``; None for all defaults.
        overrides: Strings ``a.b=value``; the value is read as YAML.
        spelled: What the user wrote for an override that comes of another option than ``--set``.

    Returns:
        The checked configuration.

    Raises:
        ConfigError: If the file is missing or no mapping, a key is unknown or a value is out of range;
            the message names the file or the override, and the key.
    """
    given: dict[str, Any] = {}
    where = kind.__name__
    if source is not None:
        path = find_recipe(source)
        where = str(path)
        given = read_yaml(path)
    values, overrides = deepcopy(given), list(overrides)
    for override in overrides:
        _apply_override(values, override)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        written = {each: (spelled or {}).get(each, f"--set {each}") for each in _standing(overrides)}
        blamed = _blamed_overrides(kind, given, written, error)
        raise _as_config_error(kind, error, " ".join(written[each] for each in blamed) or where) from error


def check_config(kind: type[ConfigT], values: dict[str, Any], where: str) -> ConfigT:
    """Validate ``values`` against ``kind``; see :func:`load_config` for the errors."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _as_config_error(kind, error, where) from error


def find_recipe(source: str | Path) -> Path:
    """Return the file that ``source`` names: a path, or a recipe shipped in ``configs/``.

    Raises:
        ConfigError: If there is no such file; near names are suggested.
    """
    path = Path(source)
    if path.is_file():
        return path
    shipped = {recipe.stem: recipe for folder in _recipe_folders() for recipe in sorted(folder.glob("*.yaml"))}
    if str(source) in shipped:
        return shipped[str(source)]
    raise ConfigError("no such config file or recipe", where=source, cure=near_names(path.stem, shipped))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        ConfigError: If the file can't be read, is no YAML or holds no mapping.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("can't read the config file", where=path, found=error.strerror) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError("not valid YAML", where=path, found=str(error)) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError("a config file holds 'key: value' lines", where=path, found=type(values).__name__)
    return values


def _recipe_folders() -> list[Path]:
    package = Path(__file__).resolve().parent.parent
    # Inside a wheel the recipes travel with the package; in a checkout they lie beside it.
    return [folder for folder in (package / "_configs", package.parent / "configs") if folder.is_dir()]


def _apply_override(values: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    if not equals or not dotted:
        raise ConfigError("an override is written a.b=value", where="--set", found=repr(override))
    *parents, last = dotted.split(".")
    for key in parents:
        child = values.setdefault(key, {})
        if not isinstance(child, dict):
            raise ConfigError(f"{key!r} holds no keys of its own", where=f"--set {override}", found=repr(child))
        values = child
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError("the value is not valid YAML", where=f"--set {override}", found=str(error)) from error


def _blamed_overrides(
    kind: type[BaseModel], given: dict[str, Any], written: Mapping[str, str], error: ValidationError
) -> list[str]:
    """Return the overrides that a mistake comes of; none where the file alone makes the same one.

    ``written`` says how the user wrote each override.
    """
    first = error.errors()[0]
    key = first["loc"]
    try:
        kind.model_validate(given)
    except ValidationError as alone:
        if any(_same_mistake(each, first) for each in alone.errors()):
            return []
    keys = {each: _key_of(each) for each in written}
    near = [each for each, own in keys.items() if own[: len(key)] == key[: len(own)]]
    if first["type"] != "value_error":
        return near
    # A rule between keys: those that its message names, or else whatever was set.
    named = [each for each in near if re.search(rf"\b{keys[each][-1]}\b", first["msg"])]
    return named or [each for each in near if written[each].startswith("--set ")]


def _standing(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that no later one of the same key, or of one that holds it, has replaced."""
    standing: list[str] = []
    for override in overrides:
        key = _key_of(override)
        standing = [each for each in standing if _key_of(each)[: len(key)] != key]
        standing.append(override)
    return standing


def _key_of(override: str) -> tuple[str, ...]:
    return tuple(override.partition("=")[0].split("."))


def _same_mistake(one: ErrorDetails, other: ErrorDetails) -> bool:
    """Tell whether two errors are one: of the same kind in the same place, by the same value where that decides it."""
    if (one["loc"], one["type"]) != (other["loc"], other["type"]):
        return False
    if one["type"] == "value_error":  # a rule between keys, whose input is all of them
        return one["msg"] == other["msg"]
    return one["type"] in ("missing", "extra_forbidden") or one["input"] == other["input"]


def _as_config_error(kind: type[BaseModel], error: ValidationError, where: str) -> ConfigError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        cure = near_names(str(first["loc"][-1]), _keys_beside(kind, first["loc"]))
        return ConfigError(f"unknown key {key!r}", where=where, cure=cure)
    if first["type"] in ("tuple_type", "list_type") and isinstance(first["input"], str):
        cure = f"write it [{first['input']}]"
        if where.startswith("--set "):
            cure += f", in quotes: --set '{key}=[{first['input']}]'"
        return ConfigError(f"key {key!r}: a list is wanted", where=where, found=repr(first["input"]), cure=cure)
    message = first["msg"].removeprefix("Value error, ")
    what = f"key {key!r}: {message[0].lower()}{message[1:]}" if key else message
    found = None if first["type"] in ("missing", "value_error") else repr(first["input"])
    return ConfigError(what, where=where, found=found)


def _keys_beside(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the known keys of the innermost configuration that holds the unknown key."""
    current: Any = kind
    for part in location[:-1]:
        field = getattr(current, "model_fields", {}).get(part)
        candidates = () if field is None else (field.annotation, *getattr(field.annotation, "__args__", ()))
        nested = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not nested:
            return []
        current = nested[0]
    return list(current.model_fields)
