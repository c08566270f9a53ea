"""The classical baseline: high-dimensional local binary patterns at landmarks, PCA and LDA; no network.

D. Chen, X. Cao, F. Wen, J. Sun, "Blessing of Dimensionality: High-dimensional Feature and Its Efficient Compression
for Face Verification", CVPR 2013. Importing this package registers the name ``hdlbp``; scikit-learn is imported in
training only.
"""

from __future__ import annotations

from pathlib import Path

from pifr.core.errors import ConfigError
from pifr.recognition.embedders import EMBEDDERS, Embedder


@EMBEDDERS.register("hdlbp")
def load_hdlbp(rest: str, device: str) -> Embedder:
    """Load ``hdlbp`` (raw features), ``hdlbp:arcface-112`` (raw, at that template's landmarks) or ``hdlbp:FOLDER``.

    It runs on the CPU.

    Raises:
        ConfigError: If what follows the name is neither a folder nor a template with known landmarks.
        CheckpointError: If the folder holds no such baseline.
    """
    from pifr.recognition.hdlbp.embedder import HdlbpEmbedder
    from pifr.recognition.hdlbp.points import TEMPLATES

    if not rest:
        return HdlbpEmbedder.untrained()
    if Path(rest).exists():
        return HdlbpEmbedder.load(Path(rest))
    if rest in TEMPLATES:
        return HdlbpEmbedder.untrained(rest)
    raise ConfigError(
        "no such folder", where=f"hdlbp:{rest}",
        cure=f"name a folder of 'pifr train-baseline hdlbp', or a template: {', '.join(TEMPLATES)}",
    )  # fmt: skip
