"""The house's one law: imports point down."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS: dict[str, float] = {
    "pifr.core": 0,
    "pifr.data": 1,
    "pifr.twin": 1,
    "pifr.metrics": 1,
    "pifr.backbones": 1,
    "pifr.pose": 1.5,
    "ipgan": 2,
    "pifr.recognition": 3,
    "pifr.evaluation": 4,
    "pifr.report": 5,
    "pifr.augment": 5,
    "pifr.fidelity": 5,
    "pifr.chain": 6,
    "pifr.cli": 7,
    "ipgan.cli": 7,
    "ipgan.__main__": 7,
}
FORBIDDEN = {("pifr.evaluation", "ipgan"), ("pifr.report", "ipgan")}


def room_of(module: str) -> str | None:
    """Return the longest room name that ``module`` lies in."""
    rooms = [room for room in FLOORS if module == room or module.startswith(f"{room}.")]
    return max(rooms, key=len, default=None)


def imports_of(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.lineno, node.module))
    return found


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def violations(module: str, imports: list[tuple[int, str]]) -> list[str]:
    here = room_of(module)
    if here is None:
        return []
    rows = []
    for line, target in imports:
        there = room_of(target)
        if there and (FLOORS[there] > FLOORS[here] or (here, there) in FORBIDDEN):
            rows.append(f"{module}:{line} imports {target}")
    return rows


@pytest.mark.parametrize("package", ["pifr", "ipgan"])
def test_imports_point_down(package: str) -> None:
    rows = []
    for path in sorted((ROOT / package).rglob("*.py")):
        rows += violations(module_name(path), imports_of(path))
    assert rows == []


def test_the_law_itself_catches_an_import_that_points_up() -> None:
    assert violations("pifr.core.files", [(3, "pifr.data.manifest")]) == [
        "pifr.core.files:3 imports pifr.data.manifest"
    ]
    assert violations("pifr.evaluation.benchmark", [(9, "ipgan")]) != []
    assert violations("pifr.data.split", [(1, "pifr.core.errors")]) == []
