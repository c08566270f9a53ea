"""Backbones by name: pictures in, embeddings out. One architecture a file; trained ones are read from run folders."""

from pifr.backbones import iresnet, light_cnn, mobilefacenet, vgg
from pifr.backbones.config import BackboneConfig, DreamConfig
from pifr.backbones.cost import BackboneCost, backbone_cost
from pifr.backbones.dream import DreamBackbone
from pifr.backbones.feature_tap import FeatureTap
from pifr.backbones.registry import BACKBONES, build_backbone, create_backbone, list_backbones
from pifr.backbones.stored import BEST_FOLDER, KIND, StoredBackbone, find_checkpoint, load_backbone

__all__ = [
    "BACKBONES",
    "BEST_FOLDER",
    "KIND",
    "BackboneConfig",
    "BackboneCost",
    "DreamBackbone",
    "DreamConfig",
    "FeatureTap",
    "StoredBackbone",
    "backbone_cost",
    "build_backbone",
    "create_backbone",
    "find_checkpoint",
    "iresnet",
    "light_cnn",
    "list_backbones",
    "load_backbone",
    "mobilefacenet",
    "vgg",
]
