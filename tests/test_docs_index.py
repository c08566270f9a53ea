"""docs/README.md names every command, and no page shows a command line that the commands would refuse."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ipgan.cli import ipgan_command
from pifr.cli import pifr_command

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = [DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))]


def commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command below a group by its full name."""
    context = click.Context(group)
    for part in group.list_commands(context):
        command = resolved(group, part)
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {part}")
        else:
            yield f"{name} {part}", command


def resolved(group: click.Group, part: str) -> click.Command:
    """Return a command itself; without running, a lazy group hands out stand-ins."""
    context = click.Context(group)
    _name, command, _rest = group.resolve_command(context, [part])
    assert command is not None
    return command


@pytest.fixture(scope="module")
def known() -> dict[str, click.Command]:
    return dict([*commands(pifr_command, "pifr"), *commands(ipgan_command, "ipgan")])


def index() -> dict[str, list[str]]:
    """Return command -> the pages the index names for it."""
    rows = re.findall(
        r"^\| `((?:pifr|ipgan) [^`]+)` \| (.+?) \| .+ \|$", (DOCS / "README.md").read_text(), re.MULTILINE
    )
    return {name: re.findall(r"\]\(([^)]+)\)", pages) for name, pages in rows}


def test_the_index_names_every_command_and_no_other(known: dict[str, click.Command]) -> None:
    named = set(index()) - {"pifr data import"}  # a group that takes a folder where no command is named
    assert named == set(known)


def anchors(page: Path) -> set[str]:
    """Return GitHub's anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_page_of_a_command_shows_it_where_the_index_says() -> None:
    for name, pages in index().items():
        for target in pages:
            path, _, anchor = target.partition("#")
            assert not anchor or anchor in anchors(DOCS / path), target
        shown = "".join((DOCS / target.partition("#")[0]).read_text() for target in pages)
        assert name.removesuffix(" any") in shown, f"{name} is not shown in {pages}"


def command_lines(text: str) -> list[list[str]]:
    """Return the command lines in a page's indented and fenced code, continued lines joined."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    found = [line.strip() for line in lines if re.match(r"(?:    )?(?:pifr|ipgan) ", line)]
    return [shlex.split(line, comments=True) for line in found]


def test_every_command_line_of_the_pages_has_options_that_exist(known: dict[str, click.Command]) -> None:
    checked = 0
    for page in PAGES:
        for words in command_lines(page.read_text()):
            length = next((n for n in (4, 3, 2) if " ".join(words[:n]) in known), None)
            name = " ".join(words[:length])
            if length is None and words[:3] == ["pifr", "data", "import"]:
                name = "pifr data import any"
            assert name in known, f"{page.name}: {' '.join(words)}"
            options = {option for each in known[name].params for option in (*each.opts, *each.secondary_opts)}
            for word in words:
                if re.match(r"--\w", word):
                    assert word.partition("=")[0] in options, f"{page.name}: {' '.join(words)}: {word}"
            checked += 1
    assert checked > 80
