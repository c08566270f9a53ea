"""The commands in blocks of pages, recipes and README are commands: options exist, none is missing, none left over."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rich_click as click

from ipgan.cli import ipgan_command
from pifr.cli import pifr_command

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "configs").glob("*.yaml"))]
TOOLS: dict[str, click.Command] = {"pifr": pifr_command, "ipgan": ipgan_command}


def shown_commands(text: str) -> Iterator[str]:
    """Yield the commands of indented and fenced blocks and comments, not those in sentences; continued lines joined."""
    joined = re.sub(r"\\\n#?\s*", " ", text)
    for line in joined.splitlines():
        found = re.match(r"(?:    |#   )?((?:pifr|ipgan) .*)", line)
        if found:
            yield re.split(r"\s+#\s|\s+\(the same", found[1])[0]


def faults(words: list[str]) -> str | None:
    """Return what is wrong with a command line; None where nothing is. Files need not exist."""
    command: Any = TOOLS[words[0]]
    context = click.Context(command, info_name=words[0])
    rest = words[1:]
    while hasattr(command, "resolve_command"):  # rich-click has several classes of groups
        if rest[0].startswith("-"):
            return None
        try:
            if "any" in getattr(command, "commands", ()) and rest[0] not in command.commands:
                rest = ["any", *rest]  # pifr data import FOLDER
            _, command, rest = command.resolve_command(context, rest)
        except click.UsageError as error:
            return error.format_message()
        context = click.Context(command, parent=context, info_name=command.name)
    if "--help" in rest or "--list" in rest or "..." in rest:
        return None
    try:
        given, left_over, _ = command.make_parser(context).parse_args(rest)
    except click.UsageError as error:
        return error.format_message()
    if left_over:
        return f"left over: {left_over}"
    missing = [p.name for p in command.params if p.required and not given.get(p.name or "")]
    return f"missing: {missing}" if missing else None


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_command_of_a_page_is_one(page: Path) -> None:
    wrong = [f"{line}: {found}" for line in shown_commands(page.read_text()) if (found := faults(shlex.split(line)))]
    assert not wrong, "\n".join(wrong)


def test_a_wrong_command_is_found() -> None:
    assert faults(["pifr", "data", "twin", "people"]) is not None
    assert faults(["pifr", "data", "twin", "--out", "people", "--nothing", "1"]) is not None
    assert faults(["pifr", "data", "twin", "--size", "64"]) == "missing: ['out']"
