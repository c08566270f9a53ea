"""A GPU whose memory is full, as one line with the cure."""

from __future__ import annotations

import re
import sys

from pifr.core.errors import PifrError

_ASKED = re.compile(r"Tried to allocate ([\d.]+ \w+)")
_FREE = re.compile(r"of which ([\d.]+ \w+) is free")
# What the driver says where not even a context finds room; the allocator's own error has a class.
_BY_THE_DRIVER = "CUDA error: out of memory"


def full_gpu(error: BaseException) -> PifrError | None:
    """Return what to tell the user if ``error`` says that the GPU's memory is full; None for other errors.

    torch is looked for, not imported: without it no GPU was used.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(error, RuntimeError):
        return None
    text = str(error)
    if not isinstance(error, torch.OutOfMemoryError) and _BY_THE_DRIVER not in text:
        return None
    asked, free = _ASKED.search(text), _FREE.search(text)
    return PifrError(
        "the GPU's memory is full",
        found=f"{free[1]} free where {asked[1]} were asked for" if asked and free else None,
        cure="use a smaller batch size, in training more accumulate (batch.accumulate, optimizer.accumulate), "
        "or fewer processes on this GPU",
    )
