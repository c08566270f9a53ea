"""What a step minimises: both pathways in one forward pass, term by term.

Transformation path: ``x' = G(E_id(x_s), E_p(x_d))``. Generation path: ``x' = G(f, p)``, f from a prior and p ~ N(0, I).
They share all weights and one batch, so the generator is called once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ipgan import losses
from ipgan.batch import Batch
from ipgan.config import TrainConfig
from ipgan.diff_augment import augment_for_discriminator
from ipgan.networks import Networks, frozen
from ipgan.recognizer import Recognizer

Terms = dict[str, Tensor]


@dataclass(frozen=True)
class Stage:
    """What is trained at one step.

    Attributes:
        warmup: Pairs alone.
        coarse: Faces are drawn at half size.
        adversary: The discriminator and the generation path take part.
        settled: The encoders rest; see :mod:`ipgan.settling`.
    """

    warmup: bool
    coarse: bool
    adversary: bool
    settled: bool = False

    @classmethod
    def at(cls, step: int, config: TrainConfig) -> Stage:
        """Return the stage of a step."""
        warmup = step < config.warmup_steps
        adversary = not warmup and config.losses.adversarial > 0
        settled = step >= config.steps - config.settle_steps
        return cls(warmup, step < config.coarse_steps, adversary, settled)


@dataclass(frozen=True)
class Faces:
    """What a step made, for the discriminator's turn; nothing here carries a graph.

    Attributes:
        made: ``(B + C, 3, S, S)`` transformation path first, then generation path.
        wanted: ``(B + C, F)`` the identity each was to show.
        unlabelled: ``(U, F)`` codes of the batch's pictures of unknown people.
    """

    made: Tensor
    wanted: Tensor
    unlabelled: Tensor


def rotation_terms(
    networks: Networks, batch: Batch, config: TrainConfig, dtype: torch.dtype, stage: Stage,
    recognizer: Recognizer | None = None,
) -> tuple[Terms, Faces]:  # fmt: skip
    """Compute the terms of encoders and generator.

    Args:
        networks: Trained networks.
        batch: B pairs.
        config: Weights decide which terms are computed at all.
        dtype: Number format of the networks.
        stage: What is trained by now.
        recognizer: Compares the faces made with the true ones; None leaves its terms out.

    Returns:
        Unweighted terms by their names in :class:`ipgan.config.LossConfig`, and the faces made.
    """
    weights, pairs = config.losses, len(batch)
    encoder, poser = networks.rotation.identity_encoder, networks.rotation.pose_encoder
    terms: Terms = {}

    source = encoder(batch.source.to(dtype))
    posterior = poser(batch.driver.to(dtype))
    identity, pose = source.code, posterior.sample()
    unlabelled = identity[:0].detach()
    if stage.adversary and config.pairs.generation > 0:
        count = max(1, round(config.pairs.generation * pairs))
        if len(batch.unlabelled):
            with torch.no_grad():
                unlabelled = encoder(batch.unlabelled.to(dtype)).code
        known = torch.cat([source.code.detach(), unlabelled])
        identity = torch.cat([identity, identity_prior(known, count)])
        pose = torch.cat([pose, torch.randn(count, pose.shape[1], device=pose.device)])
    made = networks.rotation.generator(identity, pose, dtype, coarse=stage.coarse)
    turned = made[:pairs]

    if weights.paired:
        terms["paired"] = losses.paired(turned[batch.paired], batch.target[batch.paired])
    if weights.reconstruction:
        factor = torch.where(batch.same_person, 1.0, weights.reconstruction_other)
        terms["reconstruction"] = losses.reconstruction(turned, batch.target, factor)
    if weights.identity_margin and not stage.settled:
        known = batch.labels >= 0
        terms["identity_margin"] = losses.margin_softmax(
            source.code[known], networks.adversary.people, batch.labels[known]
        )
    if weights.kl and not stage.settled:
        terms["kl"] = losses.kl_to_standard_normal(posterior.mean, posterior.log_variance)
    if weights.yaw and not stage.settled:
        terms["yaw"] = losses.yaw_error(poser.yaw_of(posterior.mean), batch.yaw)
    if stage.warmup:
        return terms, Faces(made.detach(), identity.detach(), unlabelled)
    with frozen(encoder, poser, networks.adversary.discriminator):
        if weights.identity_cosine or weights.identity_feature or weights.identity_view:
            terms |= _identity_recovery(networks, batch, made, identity, config, dtype, stage.settled)
        if recognizer is not None:
            terms |= _recognition(recognizer, batch, turned, config, dtype)
        if weights.pose_recovery:
            terms["pose_recovery"] = losses.pose_recovery(poser(made.to(dtype)).mean, pose.detach())
        if stage.adversary:
            seen = augment_for_discriminator(made, config.augmentation.discriminator)
            scores = networks.adversary.discriminator(seen.to(dtype), identity)
            terms["adversarial"] = losses.adversarial_generator(scores)
    return terms, Faces(made.detach(), identity.detach(), unlabelled)


def discriminator_terms(
    networks: Networks, batch: Batch, faces: Faces, config: TrainConfig, dtype: torch.dtype, penalise: bool
) -> Terms:
    """Compute the terms of the discriminator on real targets and on the faces just made.

    Args:
        networks: Trained networks.
        batch: The real pictures.
        faces: The generated ones.
        config: Weights.
        dtype: Number format of the discriminator; the penalty is computed in float32.
        penalise: Whether the gradient penalty is due.
    """
    judge, kinds = networks.adversary.discriminator, config.augmentation.discriminator
    # A target that shows another person would be matched with the wrong code; its source takes its place.
    mine = batch.same_person[:, None, None, None]
    real, wanted = torch.where(mine, batch.target, batch.source), faces.wanted[: len(batch)]
    if len(batch.unlabelled):
        real, wanted = torch.cat([real, batch.unlabelled]), torch.cat([wanted, faces.unlabelled])
    made = augment_for_discriminator(faces.made, kinds)
    real = augment_for_discriminator(real, kinds)
    fake_scores = judge(made.to(dtype), faces.wanted)
    terms = {"discriminator": losses.adversarial_discriminator(judge(real.to(dtype), wanted), fake_scores)}
    if penalise:
        half = max(1, len(real) // 2)
        terms["r1"] = losses.r1_penalty(lambda images: judge(images, wanted[:half]), real[:half])
    return terms


def identity_prior(codes: Tensor, count: int) -> Tensor:
    """Draw ``(count, F)`` unit codes of people who do not exist: two real codes mixed, and a little noise.

    The sphere that codes live on is far larger than the set of faces, so a plain normal draw would ask the generator
    for people who can't be. Mixtures of real codes stay where faces are.

    Args:
        codes: ``(B, F)`` codes of real pictures.
        count: How many.
    """
    first, second = torch.randint(len(codes), (2, count), device=codes.device)
    share = torch.rand(count, 1, device=codes.device)
    noise = torch.randn(count, codes.shape[1], device=codes.device) * (0.3 / codes.shape[1] ** 0.5)
    return F.normalize(torch.lerp(codes[first], codes[second], share) + noise, dim=1)


def weighted_sum(terms: Terms, weights: dict[str, float]) -> Tensor:
    """Add ``terms`` up, each times its weight."""
    return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


def _identity_recovery(
    networks: Networks, batch: Batch, made: Tensor, wanted: Tensor, config: TrainConfig, dtype: torch.dtype,
    settled: bool,
) -> Terms:  # fmt: skip
    """Read the identity off the faces made: the code, and where the true view is known, the features.

    ``wanted`` carries the graph of the sources' codes: only ``identity_view`` sends a gradient down there.
    """
    encoder, weights = networks.rotation.identity_encoder, config.losses
    terms: Terms = {}
    if weights.identity_cosine or weights.identity_feature:
        found = encoder(made.to(dtype))
    if weights.identity_cosine:
        terms["identity_cosine"] = losses.identity_cosine(found.code, wanted.detach())
    if (weights.identity_feature or weights.identity_view) and bool(batch.paired.any()):
        with torch.no_grad():
            true = encoder(batch.target[batch.paired].to(dtype))
        if weights.identity_feature:
            mine = [features[: len(batch)][batch.paired] for features in found.features]
            terms["identity_feature"] = losses.identity_feature(mine, true.features)
        if weights.identity_view and not settled:
            terms["identity_view"] = losses.identity_cosine(wanted[: len(batch)][batch.paired], true.code)
    return terms


def _recognition(
    recognizer: Recognizer, batch: Batch, turned: Tensor, config: TrainConfig, dtype: torch.dtype
) -> Terms:
    """Compare the faces made with the true views, and with the sources where there is none."""
    weights, terms = config.losses, Terms()
    if not weights.recognizer_cosine and not weights.recognizer_feature:
        return terms
    with torch.no_grad():
        true = recognizer(torch.where(batch.paired[:, None, None, None], batch.target, batch.source), dtype)
    found = recognizer(turned, dtype)
    if weights.recognizer_cosine:
        terms["recognizer_cosine"] = losses.identity_cosine(found.code, true.code)
    if weights.recognizer_feature and bool(batch.paired.any()):
        pairs = ([features[batch.paired] for features in one.features] for one in (found, true))
        terms["recognizer_feature"] = losses.identity_feature(*pairs)
    return terms
