"""Choosing a device and the number format of the forward pass."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Literal

from pifr.core.errors import DependencyError

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "float32", "bfloat16"]
"""Number format of autocast; ``auto`` is bfloat16 on a GPU that has it and float32 elsewhere."""

TrainingPrecision = Literal["auto", "float32", "bfloat16", "float16"]
"""The same with float16, whose small gradients need a scaled loss; see :func:`gradient_scaler`."""


_CUDA = re.compile(r"cuda(?::(?P<number>\d+))?", re.ASCII)


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called ``name``.

    Args:
        name: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        DependencyError: If a GPU is asked for where there is none, or the name is another device's.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # torch knows more names (mps, meta, xpu), on which nothing here was ever run.
    if name != "cpu":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if gpu_number(name) >= count:
            raise DependencyError(
                f"the device {name!r} is not there", found=f"{count} GPUs", cure="use --device cpu or --device auto"
            )
    return torch.device(name)


def gpu_number(name: str) -> int:
    """Return which GPU ``cuda`` (the first) or ``cuda:N`` names.

    Raises:
        DependencyError: If the name is no GPU's.
    """
    named = _CUDA.fullmatch(name)
    if named is None:
        raise DependencyError("no such device", found=repr(name), cure="use auto, cpu, cuda or cuda:N")
    return int(named["number"] or 0)


def require_compiler(device: torch.device) -> None:
    """Refuse torch.compile where it would fail in the middle of a step.

    Raises:
        DependencyError: If a processor is to run the compiled networks and there is no C++ compiler.
    """
    compiler = os.environ.get("CXX", "g++")
    if device.type == "cpu" and shutil.which(compiler) is None:
        raise DependencyError(
            "compile=true needs a C++ compiler", found=f"no {compiler!r}", cure="install one, or set compile=false"
        )


def gpu_has_bfloat16() -> bool:
    """Tell whether the GPU multiplies bfloat16 itself, as all do since Ampere."""
    import torch

    # By default torch counts emulation too, which older GPUs (V100, T4) have, and which is slower than float32.
    return torch.cuda.is_bf16_supported(including_emulation=False)


def autocast(device: torch.device, precision: TrainingPrecision = "auto") -> torch.autocast:
    """Return the autocast context for forward passes on ``device``.

    Args:
        device: Where the pass runs.
        precision: See :data:`Precision` and :data:`TrainingPrecision`.
    """
    import torch

    wanted = precision != "float32"
    if precision == "auto":
        wanted = device.type == "cuda" and gpu_has_bfloat16()
    dtype = torch.float16 if precision == "float16" else torch.bfloat16
    return torch.autocast(device.type, dtype=dtype, enabled=wanted)


def gradient_scaler(device: torch.device, precision: TrainingPrecision = "auto") -> torch.amp.GradScaler:
    """Return the scaler of the loss that float16 needs; for other formats one that does nothing.

    P. Micikevicius et al., "Mixed Precision Training", ICLR 2018, section 3.2.
    """
    import torch

    return torch.amp.GradScaler(device.type, enabled=precision == "float16")
