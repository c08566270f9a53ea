"""Recognition: backbones, metric losses, one training loop, and embedders by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pifr.core.late import late_names

if TYPE_CHECKING:
    from pifr.backbones import create_backbone, list_backbones
    from pifr.recognition.config import RecognizerConfig
    from pifr.recognition.embedders import Embedder, Embeddings, embed_manifest, load_embedder
    from pifr.recognition.losses import create_loss, list_losses
    from pifr.recognition.result import RecognizerResult
    from pifr.recognition.training import train_recognizer

_HOMES = {
    "create_backbone": "pifr.backbones",
    "list_backbones": "pifr.backbones",
    "create_loss": "pifr.recognition.losses",
    "list_losses": "pifr.recognition.losses",
    "RecognizerConfig": "pifr.recognition.config",
    "RecognizerResult": "pifr.recognition.result",
    "train_recognizer": "pifr.recognition.training",
    "Embedder": "pifr.recognition.embedders",
    "Embeddings": "pifr.recognition.embedders",
    "embed_manifest": "pifr.recognition.embedders",
    "load_embedder": "pifr.recognition.embedders",
}
__all__ = [
    "Embedder",
    "Embeddings",
    "RecognizerConfig",
    "RecognizerResult",
    "create_backbone",
    "create_loss",
    "embed_manifest",
    "list_backbones",
    "list_losses",
    "load_embedder",
    "train_recognizer",
]

__getattr__ = late_names(__name__, _HOMES)
