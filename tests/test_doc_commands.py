"""The commands in blocks of pages, recipes and README are commands: options exist, none is missing, none left over.

Commands of scripts, ``python benchmarks/...``, are looked for in sentences too, where most of them stand.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
from collections.abc import Callable, Iterator
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
    """Yield the commands of indented and fenced blocks and comments; continued lines joined.

    Of the commands in sentences those of scripts alone.
    """
    joined = re.sub(r"\\\n#?\s*", " ", text)
    for line in joined.splitlines():
        found = re.match(r"(?:    |#   )?((?:pifr |ipgan |python benchmarks/).*)", line)
        if found:
            yield re.split(r"\s+#\s|\s+\(the same", found[1])[0]
    for python, words in re.findall(r"`(?:\w+=\S+ )?(python )?(benchmarks/\w+\.py[^`]*)`", text):
        options = words.split()
        # A bare name tells of the script; it has to exist, no more.
        yield " ".join(["python", *options, *([] if python or options[1:] else ["..."])])


def faults(words: list[str]) -> str | None:
    """Return what is wrong with a command line; None where nothing is. Files need not exist."""
    return faults_of_script(words[1], words[2:]) if words[0] == "python" else faults_of_tool(words)


def or_placeholder(kind: Callable[[str], object]) -> Callable[[str], object]:
    """Return a type of options that lets capitals stand for a value, as in ``--steps STEPS``."""
    return lambda text: text if text.isupper() else kind(text)


def faults_of_script(script: str, rest: list[str]) -> str | None:
    """Return what is wrong with a command line of a script; one without ``parser()`` has to exist, no more."""
    if not (ROOT / script).is_file():
        return "there is no such script"
    if "--help" in rest or "--list" in rest or "..." in rest:
        return None
    module = importlib.import_module(script.removesuffix(".py").replace("/", "."))
    if not hasattr(module, "parser"):
        return None
    parser = module.parser()
    parser.allow_abbrev = False
    for kind in (int, float):
        parser.register("type", kind, or_placeholder(kind))
    with contextlib.redirect_stderr(io.StringIO()) as told:
        try:
            parser.parse_args(rest)
        except SystemExit:
            return told.getvalue().strip().splitlines()[-1]
    return None


def faults_of_tool(words: list[str]) -> str | None:
    """Return what is wrong with a command line of ``pifr`` or ``ipgan``."""
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


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("python benchmarks/nothing.py", "no such script"),
        ("python benchmarks/pose_gap.py --confg FILE", "unrecognized arguments: --confg FILE"),
        ("python benchmarks/pose_gap.py --peop 1,2,3", "unrecognized arguments"),
        ("python benchmarks/pose_gap.py --steps few", "invalid"),
        ("python benchmarks/cfp_tree.py people.csv --pairs 7", "required: out"),
        ("python benchmarks/mixing.py", "required: people, --out"),
    ],
)
def test_a_wrong_command_of_a_script_is_found(command: str, found: str) -> None:
    assert found in str(faults(shlex.split(command)))


def test_commands_of_scripts_are_found_in_blocks_sentences_and_comments() -> None:
    text = (
        "    python benchmarks/a.py --b \\\n        --c 1\n"
        "Made by `OMP_NUM_THREADS=N python benchmarks/d.py\n--e 2`.\n"
        "#   python benchmarks/f.py --g  # why\n"
        "See `benchmarks/h.py`.\n"
    )
    assert [" ".join(shlex.split(line)) for line in shown_commands(text)] == [
        "python benchmarks/a.py --b --c 1", "python benchmarks/f.py --g", "python benchmarks/d.py --e 2",
        "python benchmarks/h.py ...",
    ]  # fmt: skip


def test_a_capital_word_stands_for_a_number() -> None:
    assert faults(shlex.split("python benchmarks/pose_gap.py --steps STEPS --width W")) is None
