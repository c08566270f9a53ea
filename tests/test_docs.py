"""The documentation's Python, run block by block as a reader would; its output has the shape that the page shows."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from pifr.backbones.registry import BACKBONES
from pifr.data.manifest import Manifest
from pifr.recognition.losses import LOSSES

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"```(python|yaml|csv)(?: file=(\S+))?\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)


def run_page(name: str) -> list[tuple[str, str]]:
    """Run a page's blocks in one namespace; write those that name a file. Return (printed, shown) of each."""
    namespace: dict[str, object] = {"__name__": "page"}
    outputs = []
    for language, file, code, shown in BLOCK.findall((DOCS / name).read_text()):
        if file:
            Path(file).write_text(code)
        elif language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code, f"{name}: {code.splitlines()[0]}", "exec"), namespace)
            outputs.append((printed.getvalue(), shown))
    return outputs


@pytest.mark.parametrize("name", ["evaluation.md", "extending.md"])
def test_the_python_of_a_page_runs_and_prints_what_it_shows(
    name: str, rendered: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered.save(tmp_path / "faces" / "manifest.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pifr.report.maps._MOST_PICTURES", 21)
    for registry in (BACKBONES, LOSSES):  # what a page adds is gone for the tests that follow in this process
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    outputs = run_page(name)
    assert len(outputs) >= 2
    for printed, shown in outputs:
        if shown or printed:
            assert len(printed.splitlines()) == len(shown.splitlines()), printed
            # Words stay, figures may differ with the data.
            assert re.findall(r"[A-Za-z@|-]{3,}", printed.splitlines()[0]) == re.findall(
                r"[A-Za-z@|-]{3,}", shown.splitlines()[0]
            )


def test_every_page_and_picture_the_pages_name_exists() -> None:
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
