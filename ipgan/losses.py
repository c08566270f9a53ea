"""Every loss term as a pure function, float32 in, scalar out, with where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def adversarial_generator(fake_scores: Tensor) -> Tensor:
    """Non-saturating generator loss ``softplus(-D(x'))`` (Goodfellow et al., NIPS 2014) of scores ``(B,)``."""
    return F.softplus(-fake_scores).mean()


def adversarial_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Logistic discriminator loss ``softplus(-D(x)) + softplus(D(x'))`` of scores ``(B,)`` and ``(C,)``."""
    return F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()


def r1_penalty(score: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """R1: mean over samples of ``|grad D(x)|^2 / 2``, x real (Mescheder et al., ICML 2018, equation 9).

    One squared norm a sample, in float32 whatever the rest runs in. CR-GAN's code took one norm over the whole batch,
    which ties the samples together.

    Args:
        score: Images -> scores ``(B,)``.
        images: ``(B, 3, S, S)`` real pictures.
    """
    images = images.detach().float().requires_grad_(True)
    (gradient,) = torch.autograd.grad(score(images).sum(), images, create_graph=True)
    return 0.5 * gradient.square().sum(dim=(1, 2, 3)).mean()


def gradient_penalty(score: Callable[[Tensor], Tensor], real: Tensor, made: Tensor) -> Tensor:
    """WGAN-GP: mean over samples of ``(|grad D(x)| - 1)^2`` between real and made (Gulrajani et al., NIPS 2017).

    In float32 whatever the rest runs in. Each sample has a place of its own between *its* real picture and its made
    one, and a norm of its own. CR-GAN's code drew one place for the batch, took one norm over the whole batch, and
    in one branch a real picture that the discriminator was not shown.

    Args:
        score: Images -> scores ``(B,)``.
        real: ``(B, 3, S, S)`` real pictures, those that the discriminator is trained on.
        made: ``(B, 3, S, S)`` generated ones.
    """
    share = torch.rand(len(real), 1, 1, 1, device=real.device)
    between = torch.lerp(real.detach().float(), made.detach().float(), share).requires_grad_(True)
    (gradient,) = torch.autograd.grad(score(between).sum(), between, create_graph=True)
    norm = (gradient.square().sum(dim=(1, 2, 3)) + 1e-12).sqrt()
    return (norm - 1).square().mean()


def margin_softmax(codes: Tensor, people: Tensor, labels: Tensor, margin: float = 0.2, scale: float = 24.0) -> Tensor:
    """Cosine-margin softmax, CosFace (Wang et al., CVPR 2018, equation 4).

    Args:
        codes: ``(B, F)`` unit norm.
        people: ``(K, F)`` one direction a person, any norm.
        labels: ``(B,)`` int64, which person each code is of.
        margin: Subtracted from the true person's cosine.
        scale: Sharpness of the softmax.
    """
    if not len(codes):
        return people.sum() * 0.0
    cosine = codes @ F.normalize(people, dim=1).T
    return F.cross_entropy(scale * (cosine - margin * F.one_hot(labels, len(people))), labels)


def identity_cosine(codes: Tensor, wanted: Tensor) -> Tensor:
    """Mean of ``1 - cos`` between unit codes ``(B, F)``: the identity asked for must be read off the face made."""
    return 1 - (codes * wanted).sum(dim=1).mean()


def identity_feature(features: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of feature maps, each relative to the size of what is wanted.

    Identity compared on a feature layer matters most in the family's ablations (CAPG-GAN, CVPR 2018, table 4).

    Args:
        features: Maps ``(B, C, H, W)`` of the generated faces.
        wanted: The same maps of the true views; no gradient flows into them.
    """
    terms = []
    for mine, true in zip(features, wanted, strict=True):
        true = true.detach().float()
        terms.append((mine.float() - true).abs().mean() / true.abs().mean().clamp_min(1e-6))
    return torch.stack(terms).mean()


def pose_recovery(poses: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of pose codes ``(B, P)``: the pose asked for must be read off the face made."""
    return (poses - wanted).abs().mean()


def reconstruction(images: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Asymmetric reconstruction (Bao et al., CVPR 2018), with L1 in place of L2, which blurs less.

    Args:
        images: ``(B, 3, S, S)`` generated faces.
        targets: ``(B, 3, S, S)`` the drivers.
        weights: ``(B,)`` lambda: 1 where source and driver show one person, less otherwise.
    """
    return ((images - targets).abs().mean(dim=(1, 2, 3)) * weights).mean()


def paired(images: Tensor, targets: Tensor, scales: int = 3) -> Tensor:
    """L1 to the true view at several scales, plus L1 of the gradients at full size, which keeps edges sharp.

    Args:
        images: ``(B, 3, S, S)`` generated faces.
        targets: ``(B, 3, S, S)`` the true views of the same moment.
        scales: Full size, half, quarter, ...
    """
    if not len(images):
        return images.sum()
    difference = images - targets
    edges = (difference[..., 1:] - difference[..., :-1]).abs().mean()
    edges = edges + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    terms = []
    for scale in range(scales):
        terms.append((F.avg_pool2d(difference, 2**scale) if scale else difference).abs().mean())
    return torch.stack(terms).mean() + 0.5 * edges


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) from N(0, I), summed over P, averaged over B; both ``(B, P)``."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean()


def yaw_error(predicted: Tensor, yaw: Tensor) -> Tensor:
    """Mean absolute yaw error where yaw is known; 0 if it is known nowhere.

    Args:
        predicted: ``(B,)`` in units of 90 degrees.
        yaw: ``(B,)`` in units of 90 degrees, NaN where unknown.
    """
    known = torch.isfinite(yaw)
    difference = (predicted - torch.where(known, yaw, predicted.detach())).abs()
    return difference.sum() / known.sum().clamp_min(1)
