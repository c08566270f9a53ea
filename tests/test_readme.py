"""The README's commands, run as a reader would type them, on rendered people and with few steps."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pifr.data.manifest import Manifest

README = Path(__file__).resolve().parents[1] / "README.md"
SHORT = {
    "ipgan train": ["--set", "steps=3", "--set", "batch_size=4", "--set", "tick_steps=1"],
    # Three steps teach no face, so the checks of a view are left out here.
    "pifr augment": [
        "--max-yaw-error",
        "180",
        "--set",
        "acceptance.min_sharpness=null",
        "--set",
        "acceptance.min_difference=null",
    ],
    "pifr train-recognizer": ["--set", "steps=3", "--set", "batch.people=4"],
    "pifr benchmark": ["--bootstrap", "50"],
}
"""What is added to a command so that it takes seconds; nothing else is changed."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def run(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_commands_and_the_python_of_the_readme_work_in_order(rendered: Manifest, tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    rendered.save(tmp_path / "faces" / "manifest.csv")
    (shell,) = blocks("sh")
    for line in shell.strip().splitlines():
        words = shlex.split(line)
        short = SHORT.get(" ".join(words[:2]), [])
        program = [sys.executable, "-m", words[0]]
        run([*program, *words[1:], *short], tmp_path)

    result = json.loads((tmp_path / "bench.json").read_text())
    assert set(result["systems"][0]["rank1_percent_by_abs_yaw"]) >= {"30", "60", "90"}
    assert (tmp_path / "bench" / "report.html").stat().st_size > 10_000

    (python,) = blocks("python")
    assert "EER %" in run([sys.executable, "-c", python], tmp_path)


def test_every_make_target_the_readme_names_exists() -> None:
    named = set(re.findall(r"make (\w+)", README.read_text()))
    targets = set(re.findall(r"^(\w+):", (README.parent / "Makefile").read_text(), re.MULTILINE))
    assert named
    assert named <= targets


def test_every_page_the_readme_links_to_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
