"""Which number format the networks compute in, and how the processor's memory is kept."""

from __future__ import annotations

import ctypes
import functools
import sys

import torch

from pifr.core.device import Precision

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def compute_dtype(device: torch.device, precision: Precision) -> torch.dtype:
    """Return the number format for ``precision`` on ``device``.

    ``auto`` takes bfloat16 where the hardware multiplies it: about twice as fast on processors with AVX512-BF16 or
    AMX, and on GPUs since Ampere. Weights, losses and optimizer stay float32 in any case.
    """
    if precision == "auto":
        return torch.bfloat16 if _has_bfloat16(device) else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


@functools.cache
def keep_freed_memory() -> bool:
    """Ask glibc to keep freed blocks instead of giving each back to the kernel and faulting it in again.

    A training step frees and takes hundreds of blocks of a few megabytes; the page faults cost more than the layers
    that use them. Does nothing on other C libraries.

    Returns:
        Whether it was done.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
        return bool(libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)) and bool(libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
    except (OSError, AttributeError):
        return False


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("amx_tile"))
