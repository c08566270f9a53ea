"""Judges: recognisers made elsewhere, for measuring what our own training can't have bent in its favour.

Importing this package registers their names; the packages behind them are imported when one is loaded.
"""

from __future__ import annotations

from pifr.core.errors import ConfigError
from pifr.recognition.embedders import EMBEDDERS, Embedder


@EMBEDDERS.register("dlib")
def load_dlib(rest: str, device: str) -> Embedder:
    """Load dlib's face network; it runs on the CPU.

    Raises:
        ConfigError: If something follows the name.
    """
    if rest:
        raise ConfigError("dlib takes nothing after its name", found=repr(f"dlib:{rest}"))
    from pifr.recognition.judges.dlib_resnet import DlibEmbedder

    return DlibEmbedder()


@EMBEDDERS.register("onnx")
def load_onnx(path: str, device: str) -> Embedder:
    """Load ``onnx:model.onnx``."""
    from pifr.recognition.judges.onnx_model import OnnxEmbedder

    return OnnxEmbedder(path, device)
