"""What makes and judges pictures in one process, and the names by which another process opens the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pifr.augment.config import AcceptanceConfig
from pifr.augment.methods import Method, open_method
from pifr.data.spec import InputSpec

if TYPE_CHECKING:
    from pifr.pose import PoseEstimator
    from pifr.recognition import Embedder


@dataclass(frozen=True)
class Tools:
    """Loaded networks.

    Attributes:
        method: Makes the pictures.
        judge: Embeds them; None leaves identity unchecked.
        estimator: Measures their yaw; None leaves it unchecked.
    """

    method: Method
    judge: Embedder | None = None
    estimator: PoseEstimator | None = None


@dataclass(frozen=True)
class ToolNames:
    """How to open the tools; small enough to send to another process or machine.

    Attributes:
        method: See :func:`pifr.augment.methods.open_method`.
        model: Likewise.
        judge: See :func:`pifr.recognition.load_embedder`.
        spec: Size and alignment of the sources.
        device: auto, cpu, cuda or cuda:N.
    """

    method: str
    model: str | None
    judge: str | None
    spec: InputSpec
    device: str = "auto"

    def load(self, config: AcceptanceConfig) -> Tools:
        """Open everything that the checks need."""
        method = open_method(self.method, self.model, self.device, self.spec)
        judge = None
        if self.judge is not None:
            from pifr.recognition import load_embedder

            judge = load_embedder(self.judge, self.device)
        return Tools(method, judge, open_estimator(config, self.device))

    def for_worker(self, rank: int) -> ToolNames:
        """Return the names for one of several workers of a machine: GPUs are dealt out in turn."""
        if self.device not in ("auto", "cuda"):
            return self
        import torch

        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return replace(self, device=f"cuda:{rank % count}") if count else self


def open_estimator(config: AcceptanceConfig, device: str, given: PoseEstimator | None = None) -> PoseEstimator | None:
    """Return the estimator of yaw, where the yaw is checked: the one given, else the shipped one on ``device``."""
    if config.max_yaw_error_degrees is None:
        return None
    if given is not None:
        return given
    from pifr.pose import PoseEstimator

    return PoseEstimator.load(device=device)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread while the block runs.

    The sums of a convolution may be split by the number of threads, so only a fixed number gives the same bytes on
    any machine and with any number of workers; more cores are used by more workers.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
