"""Metric losses by name, over pytorch-metric-learning, with its four traps closed."""

from pifr.recognition.losses import margins, triplet
from pifr.recognition.losses.base import LOSSES, MetricLoss, create_loss, list_losses

__all__ = ["LOSSES", "MetricLoss", "create_loss", "list_losses", "margins", "triplet"]
