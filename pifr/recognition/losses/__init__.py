"""Metric losses by name, over pytorch-metric-learning, with its four traps closed."""

from pifr.recognition.losses import adaface, margins, pairs, triplet
from pifr.recognition.losses.base import LOSSES, MetricLoss, create_loss, list_losses, loss_parameters

__all__ = [
    "LOSSES", "MetricLoss", "adaface", "create_loss", "list_losses", "loss_parameters", "margins", "pairs", "triplet",
]  # fmt: skip
