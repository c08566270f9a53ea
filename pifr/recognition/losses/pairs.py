"""Losses over the pairs of a batch: no class centres, so the number of people costs no memory.

References:
    X. Wang et al., "Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning", CVPR 2019: equation
    12 (mining), equation 15 (loss; the threshold of the authors' code is 0.5). P. Khosla et al., "Supervised
    Contrastive Learning", NeurIPS 2020, equation 2 (the sum outside the logarithm), over one view a picture.
"""

from __future__ import annotations

from pytorch_metric_learning.losses import MultiSimilarityLoss, SupConLoss
from pytorch_metric_learning.miners import MultiSimilarityMiner

from pifr.recognition.losses.base import LOSSES, MetricLoss, checked

_ANY = float("inf")


@LOSSES.register("multi_similarity")
def multi_similarity(
    people: int,
    embedding_dim: int,
    positive_scale: float | None = None,
    negative_scale: float | None = None,
    threshold: float | None = None,
    mining_margin: float | None = None,
) -> MetricLoss:
    """Build the multi-similarity loss with its own mining of hard pairs.

    Args:
        people: Number of people, to check labels by.
        embedding_dim: Not used.
        positive_scale: alpha on pairs of one person, by default 2.
        negative_scale: beta on pairs of two, by default 50.
        threshold: lambda, the cosine both scales turn about, by default 0.5.
        mining_margin: epsilon, a cosine, by default 0.1: pairs this much easier than the hardest of the other kind
            are left out.
    """
    name = "multi_similarity"
    loss = MultiSimilarityLoss(
        alpha=checked(name, "positive_scale", positive_scale, 2.0, 1e-6, _ANY, "a factor"),
        beta=checked(name, "negative_scale", negative_scale, 50.0, 1e-6, _ANY, "a factor"),
        base=checked(name, "threshold", threshold, 0.5, -1, 1, "a cosine"),
    )
    miner = MultiSimilarityMiner(epsilon=checked(name, "mining_margin", mining_margin, 0.1, 0, 2, "a cosine"))
    return MetricLoss(loss, people, miner)


@LOSSES.register("supcon")
def supcon(people: int, embedding_dim: int, temperature: float | None = None) -> MetricLoss:
    """Build the supervised contrastive loss over all pairs; ``temperature`` divides cosines, by default 0.1."""
    divisor = checked("supcon", "temperature", temperature, 0.1, 1e-3, _ANY, "a cosine")
    return MetricLoss(SupConLoss(temperature=divisor), people)
