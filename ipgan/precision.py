"""Which number format the networks compute in."""

from __future__ import annotations

import torch

from pifr.core.device import Precision, gpu_has_bfloat16


def compute_dtype(device: torch.device, precision: Precision) -> torch.dtype:
    """Return the number format for ``precision`` on ``device``.

    ``auto`` takes bfloat16 where the hardware multiplies it: about twice as fast on processors with AVX512-BF16 or
    AMX, and on GPUs since Ampere. Weights, losses and optimizer stay float32 in any case.
    """
    if precision == "auto":
        return torch.bfloat16 if _has_bfloat16(device) else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return gpu_has_bfloat16()
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("amx_tile"))
