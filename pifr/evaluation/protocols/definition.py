"""The form of a protocol file: people, what is enrolled, what is searched, source and published figures."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pifr.core.config import Config, check_config, read_yaml
from pifr.core.errors import ConfigError, near_names

_FOLDER = Path(__file__).parent / "definitions"


class Selection(Config):
    """Which pictures a side takes. Names compare as text without underscores and leading zeros: 05_1 = 51 = 051."""

    session: list[str] | None = None
    """Sessions; all where absent."""
    recording: list[str] | None = None
    """Recordings within a session."""
    recording_of_session: dict[str, list[str]] | None = None
    """Recordings that differ from session to session; a session not named here gives none."""
    camera: list[str] | None = None
    """Cameras."""
    illumination: list[str] | None = None
    """Light ids."""
    expression: list[str] | None = None
    """Expressions."""
    role: list[str] | None = None
    """Roles that a manifest gives its pictures itself."""
    max_abs_yaw_degrees: float | None = None
    """Largest absolute yaw."""
    prefer: dict[str, list[str]] = Field(default={})
    """Column -> values in order of preference, used by ``pick`` to choose among a person's pictures."""
    pick: Literal["all", "one a person"] = "all"
    """``one a person``: first session the person attended, then the preferences, then smallest absolute yaw."""


class People(Config):
    """Who may appear."""

    train_first: int = 0
    """This many people, in the order of their names, are for training and never tested."""
    dev: list[str] | None = None
    """People whose comparisons set thresholds."""
    eval: list[str] | None = None
    """People whose comparisons are reported; everybody not for training where absent."""


class Definition(Config):
    """One protocol file."""

    name: str
    """What users type."""
    title: str
    """What readers see."""
    measures: str
    """What question it answers."""
    needs: str
    """Which data it runs on."""
    source: str
    """Where the rule comes from."""
    layout: Literal[
        "search", "lfw", "cfp-ff", "cfp-fp", "two-lines", "listed", "csv", "bin", "ijb-11", "ijb-1n"
    ] = "search"  # fmt: skip
    """``search``: rows of a manifest chosen by the selections below. Otherwise files of this layout."""
    list_name: str = ""
    """What the data set's files are called where they list one pair a line, ``<list_name>_ann.txt``, and in IJB's
    ``meta`` folder; a data set that has such a name may also be given as one ``.bin`` file."""
    picture_weight: Literal["equal", "norm"] = "equal"
    """How pictures count in a template: all alike, or by the length of their embedding."""
    columns: list[str] = Field(default=[])
    """Columns a manifest must have."""
    people: People = People()
    """Who is for training, who is tested."""
    subset: Selection = Selection()
    """Rows of the data the protocol knows of at all; who comes first is counted among these."""
    enrol: Selection = Selection()
    """What goes into the gallery."""
    probe: Selection = Selection()
    """What is searched with; an enrolled picture is never a probe."""
    strangers: Literal["leave out", "keep"] = "leave out"
    """What becomes of probes whose person is not enrolled; kept ones make the search an open set."""
    expected: dict[str, int] = Field(default={})
    """Published counts, for example ``probes: 24000``, set beside what the data gave."""
    published: dict[str, dict[str, float]] = Field(default={})
    """Published rank-1 in percent: method -> absolute yaw -> figure."""
    published_accuracy: dict[str, float] = Field(default={})
    """Published accuracy over folds in percent: method -> figure."""
    published_tar: dict[str, dict[str, float]] = Field(default={})
    """Published true accept rate in percent: method -> false accept rate -> figure."""
    published_eer_hter: dict[str, tuple[float, float]] = Field(default={})
    """Published error in percent: method -> (EER on dev, HTER on eval)."""
    published_source: str = ""
    """Where the published figures stand."""
    variants: dict[str, dict[str, Any]] = Field(default={})
    """Further protocols of this file: name -> the keys in which they differ; published figures and counts are never
    taken over."""


def protocol_names() -> list[str]:
    """Return the names of the protocols that come with the package."""
    return sorted(_shipped())


def load_definition(name: str | Path) -> Definition:
    """Read a protocol by name, or a protocol file of one's own.

    Raises:
        ConfigError: If there is none of that name, or the file is malformed.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return check_config(Definition, read_yaml(path), str(path))
    shipped = _shipped()
    if str(name) not in shipped:
        raise ConfigError(f"unknown protocol {str(name)!r}", cure=near_names(str(name), shipped))
    path = shipped[str(name)]
    values = read_yaml(path)
    variants = values.pop("variants", {})
    if str(name) != values["name"]:
        rule = {key: value for key, value in values.items() if not key.startswith(("published", "expected"))}
        values = _merge(rule, {"name": str(name), **variants[str(name)]})
    return check_config(Definition, values, str(path))


@cache
def _shipped() -> dict[str, Path]:
    """Return protocol name -> the file that defines it."""
    found = {}
    for path in sorted(_FOLDER.glob("*.yaml")):
        values = read_yaml(path)
        found.update(dict.fromkeys((values["name"], *values.get("variants", {})), path))
    return found


def _merge(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with the keys of ``change`` laid over it, mappings merged key by key."""
    merged = dict(base)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if both else value
    return merged
