"""One status line a tick, and the same figures as a history record."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping

import torch
from torch import Tensor

from pifr.core.distributed import mean_over_ranks, names_over_ranks


class Meter:
    """Averages loss terms between ticks and measures speed.

    Args:
        device: Whose memory is reported.
        images: Images seen before.
    """

    def __init__(self, device: torch.device, images: int) -> None:
        self.device, self.images = device, images
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.clock = time.perf_counter()

    def add(self, terms: Mapping[str, Tensor], gradient_norm: float) -> None:
        """Take in one step; terms that come every few steps only are averaged over those."""
        for name, term in {**terms, "gradient_norm": torch.tensor(gradient_norm, device=self.device)}.items():
            self.sums[name] = self.sums[name] + term if name in self.sums else term
            self.counts[name] = self.counts.get(name, 0) + 1

    def tick(self, images: int) -> dict[str, float]:
        """Return the means since the last tick, over all processes that had a term, and start anew.

        Args:
            images: Images seen so far.
        """
        # A process whose shares of the batches had no pair lacks the terms of pairs; all must reduce the same names.
        names, none = names_over_ranks(self.sums), torch.zeros((), device=self.device)
        sums = torch.stack([self.sums.get(name, none).float() for name in names])
        counts = torch.tensor([float(self.counts.get(name, 0)) for name in names], device=self.device)
        totals = mean_over_ranks(torch.stack([sums, counts]))
        means = (totals[0] / totals[1]).tolist()
        now = time.perf_counter()
        record = {
            "images": images,
            "seconds": round(now - self.clock, 2),
            "images_per_second": round((images - self.images) / (now - self.clock), 1),
            "memory_gib": round(_memory_gib(self.device), 2),
            **dict(zip(names, means, strict=True)),
        }
        self.sums, self.counts, self.clock, self.images = {}, {}, now, images
        return record

    @staticmethod
    def line(step: int, steps: int, record: Mapping[str, float]) -> str:
        """Return the status line of a record."""
        fixed = ("images", "seconds", "images_per_second", "memory_gib", "gradient_norm")
        terms = "  ".join(f"{name} {value:.3f}" for name, value in record.items() if name not in fixed)
        return (
            f"step {step}/{steps}  images {record['images'] / 1000:.1f}k  sec/tick {record['seconds']:.1f}  "
            f"img/s {record['images_per_second']:.0f}  mem {record['memory_gib']:.1f}G  {terms}"
        )


def _memory_gib(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / 2**30
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
