"""Backbones by name: pictures in, embeddings out. One architecture a file; trained ones are read from run folders."""

from pifr.backbones import iresnet, light_cnn
from pifr.backbones.config import BackboneConfig
from pifr.backbones.feature_tap import FeatureTap
from pifr.backbones.registry import BACKBONES, create_backbone, list_backbones
from pifr.backbones.stored import BEST_FOLDER, KIND, StoredBackbone, find_checkpoint, load_backbone

__all__ = [
    "BACKBONES",
    "BEST_FOLDER",
    "KIND",
    "BackboneConfig",
    "FeatureTap",
    "StoredBackbone",
    "create_backbone",
    "find_checkpoint",
    "iresnet",
    "light_cnn",
    "list_backbones",
    "load_backbone",
]
