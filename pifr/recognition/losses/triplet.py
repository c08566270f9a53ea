"""Triplet loss with semi-hard mining.

References:
    F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet: A Unified Embedding for Face Recognition and Clustering", CVPR
    2015: equation 3 (hinge on squared distances of unit embeddings), equation 4 (semi-hard negatives).
"""

from __future__ import annotations

from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import TripletMarginMiner

from pifr.core.errors import ConfigError
from pifr.recognition.losses.base import LOSSES, MetricLoss


@LOSSES.register("triplet")
def triplet(people: int, embedding_dim: int, margin: float | None = None) -> MetricLoss:
    """Build FaceNet's loss: all anchor-positive pairs, negatives farther than the positive but within ``margin``.

    ``margin`` is a squared distance of unit vectors, by default 0.2. The loss has no parameters.
    """
    margin = 0.2 if margin is None else margin
    if not 0 < margin < 4:
        raise ConfigError("the margin of triplet is a squared distance in (0, 4)", where="loss.margin", found=margin)
    distance = LpDistance(normalize_embeddings=True, p=2, power=2)
    miner = TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=distance)
    return MetricLoss(TripletMarginLoss(margin=margin, distance=distance), people, miner)
