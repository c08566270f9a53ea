"""Backbones by name: pictures in, embeddings out. One architecture a file."""

from pifr.recognition.backbones import iresnet, light_cnn
from pifr.recognition.backbones.registry import BACKBONES, create_backbone, list_backbones

__all__ = ["BACKBONES", "create_backbone", "iresnet", "light_cnn", "list_backbones"]
