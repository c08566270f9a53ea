"""The record of where a result came from: versions, machine, command, commit, data."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

_PACKAGES = (
    "pifr-toolkit", "torch", "torchvision", "numpy", "pandas", "scikit-learn", "pillow", "faiss-cpu", "faiss-gpu",
    "pytorch-metric-learning", "safetensors", "anny", "embreex", "dlib-bin",
)  # fmt: skip


def environment_record(data_fingerprint: str | None = None) -> dict[str, Any]:
    """Describe this process and machine as JSON-ready values.

    Args:
        data_fingerprint: Fingerprint of the input manifest, where there is one.
    """
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "git_commit": git_commit(),
        "data_fingerprint": data_fingerprint,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpus": _gpus(),
        "versions": _versions(),
    }


def git_commit() -> str | None:
    """Return the commit of the checkout this package runs from, ``-dirty`` appended if changed; None outside git."""
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        described = subprocess.run(
            ["git", "-C", here, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            names = [line.partition(":")[2].strip() for line in stream if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()


def _gpus() -> list[str]:
    # Only ask torch when it is already loaded: a record must not cost seconds of import.
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
