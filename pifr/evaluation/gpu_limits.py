"""What FAISS can't do on a GPU, checked before an index is built on the CPU only to be refused.

The limits are those of FAISS's own GPU code (``GpuIndexIVFPQ::verifyPQSettings_``, ``IVFPQ::isSupportedPQCodeLength``
and ``getMaxKSelection``); a build with cuVS takes somewhat more.
"""

from __future__ import annotations

from typing import Any

from pifr.core.errors import ConfigError

MOST_SELECTED = 2048
"""Answers of a search, and lists it looks into."""
CODE_BYTES = (1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96)
"""Lengths of a code; those from 56 on need tables in half precision."""
_BITS = 8


def default_code_bytes(dims: int, on_gpu: bool) -> int:
    """Return the bytes a vector: an eighth of its width, on a GPU the longest below that which it takes."""
    eighth = max(1, dims // 8)
    if not on_gpu:
        return eighth
    return max(length for length in CODE_BYTES if length <= eighth and dims % length == 0)


def check_codes(index: Any, probed_lists: int, device: str) -> None:
    """Refuse an IVF-PQ index that FAISS would not bring to a GPU.

    Args:
        index: The index on the CPU, perhaps still empty.
        probed_lists: Lists looked into in a search.
        device: For the message.

    Raises:
        ConfigError: If its codes, or the lists looked into, are beyond the GPU's limits.
    """
    where, length, bits = f"--device {device}", int(index.pq.M), int(index.pq.nbits)
    if bits != _BITS:
        raise ConfigError(
            f"FAISS on a GPU takes codes of {_BITS} bits only", where=where, found=bits,
            cure=f"learn them from at least {2**_BITS} vectors, take the kind flat, or search on the CPU",
        )  # fmt: skip
    if length not in CODE_BYTES:
        raise ConfigError(
            f"FAISS on a GPU takes no codes of {length} bytes", where=where,
            cure=f"take code_bytes of {', '.join(map(str, CODE_BYTES))}, or search on the CPU",
        )  # fmt: skip
    lists = min(probed_lists, int(index.nlist))
    if lists > MOST_SELECTED:
        raise ConfigError(f"FAISS on a GPU looks into {MOST_SELECTED:,} lists at most", where=where, found=lists,
                          cure="lower probed_lists, or search on the CPU")  # fmt: skip


def check_answers(k: int, device: str) -> None:
    """Refuse a search for more answers than FAISS selects on a GPU.

    Raises:
        ConfigError: If they are more.
    """
    if k > MOST_SELECTED:
        raise ConfigError(f"FAISS on a GPU gives {MOST_SELECTED:,} answers at most", where=f"--device {device}",
                          found=k, cure="ask for fewer, or search on the CPU")  # fmt: skip
