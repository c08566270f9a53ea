"""What a reader needs to check or repeat a benchmark: settings, data fingerprint, versions, figures as files."""

from __future__ import annotations

import base64
import json
import shlex
from pathlib import Path
from typing import Any

from pifr.evaluation.results import BenchmarkResult

_DIGITS = 12


def settings(result: BenchmarkResult) -> list[tuple[str, str]]:
    """Return labels and values that stand openly on the page, in the order of reading."""
    protocol, measure = result.protocol, result.measure
    shown = [
        ("protocol", str(protocol.get("name", ""))),
        ("data", str(protocol.get("data", ""))),
        ("data fingerprint", str(result.environment.get("data_fingerprint") or "")),
        *((f"system {system.name}", _system(system.record)) for system in result.systems),
        ("intervals", f"95 %, {measure.rounds:,} bootstrap rounds over people, seed {measure.seed}"),
        ("yaw groups", f"nearest multiple of {measure.bin_degrees:g}°"),
        *_made_by(result.environment),
    ]
    return [(label, value) for label, value in shown if value]


def flat_environment(result: BenchmarkResult) -> list[tuple[str, str]]:
    """Return the environment as labels and values, nested ones in one line."""
    return [(key, _one_line(value)) for key, value in result.environment.items() if value not in (None, "", {}, [])]


def downloads(result: BenchmarkResult) -> list[tuple[str, str]]:
    """Return file names and data URIs of the figures, so that the page alone hands them on."""
    text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False)
    table = result.long_table().to_csv(index=False)
    return [
        ("results.json", _data_uri(text, "application/json")),
        ("results.csv", _data_uri(table, "text/csv")),
    ]


def _made_by(environment: dict[str, Any]) -> list[tuple[str, str]]:
    words = [str(word) for word in environment.get("command") or []]
    versions = environment.get("versions") or {}
    commit = str(environment.get("git_commit") or "")[:_DIGITS]
    pifr = [str(versions.get("pifr-toolkit", "")), f"commit {commit}" if commit else ""]
    machine = [str(environment.get("processor") or ""), f"{environment['cpus']} cores" if "cpus" in environment else ""]
    machine += [str(gpu) for gpu in environment.get("gpus") or []]
    return [
        ("command", shlex.join([*_program(Path(words[0])), *words[1:]]) if words else ""),
        ("measured", str(environment.get("created") or "")),
        ("pifr", ", ".join(part for part in pifr if part)),
        ("machine", ", ".join(part for part in machine if part)),
    ]


def _program(path: Path) -> list[str]:
    """Return what to type for a program: a package that was run by ``python -m`` has no name of its own."""
    return ["python", "-m", path.parent.name] if path.name == "__main__.py" else [path.name]


def _system(record: dict[str, Any]) -> str:
    parts = [str(record.get("embedder", ""))]
    if record.get("sha256"):
        parts.append(f"weights {str(record['sha256'])[:_DIGITS]}")
    if "flip_fusion" in record:
        parts.append("mirror image added" if record["flip_fusion"] else "no mirror image")
    size = (record.get("input") or {}).get("size_px")
    if size:
        parts.append(f"{size} x {size} px, {record['input'].get('template', '')}")
    if record.get("failed_pictures"):
        parts.append(f"{record['failed_pictures']:,} pictures failed")
    return ", ".join(part for part in parts if part)


def _one_line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_one_line(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(str(each) for each in value)
    return str(value)


def _data_uri(text: str, kind: str) -> str:
    return f"data:{kind};base64," + base64.b64encode(text.encode()).decode()
