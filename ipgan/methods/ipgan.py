"""IP-GAN: both pathways in one forward pass, term by term (Zeno et al., ICANN 2019; losses are ours, see ipgan.losses).

Transformation path: ``x' = G(E_id(x_s), E_p(x_d))``. Generation path: ``x' = G(f, p)``, f from a prior and p ~ N(0, I).
They share all weights and one batch, so the generator is called once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from ipgan import losses
from ipgan.appearance_flow import Laid, Photograph
from ipgan.config import LossConfig, ModelConfig, TrainConfig
from ipgan.diff_augment import augment_for_discriminator
from ipgan.discriminator import Discriminator
from ipgan.freezing import frozen
from ipgan.generator import Generator
from ipgan.identity_encoder import BackboneIdentity, IdentityEncoder, build_identity_encoder
from ipgan.methods.method import METHODS, Adversary, Faces, Method, Stage, Terms
from ipgan.pose_encoder import PoseEncoder
from ipgan.recognizer import Recognizer
from ipgan.registration import register
from ipgan.rotation import Rotation

if TYPE_CHECKING:
    from ipgan.batch import Batch
    from ipgan.networks import Networks
    from ipgan.training_data import TrainingData


class IPGANRotation(Rotation):
    """Identity encoder, pose encoder and generator; identity codes have unit norm.

    Args:
        config: Sizes.
        size_px: Side of the pictures.
    """

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__(config)
        self.identity_encoder: IdentityEncoder | BackboneIdentity = build_identity_encoder(config, size_px)
        self.pose_encoder: PoseEncoder = PoseEncoder(config, size_px)
        self.generator = Generator(config, size_px)

    def centre(self, images: Tensor) -> None:
        """Tell fresh codes apart; see :meth:`IdentityEncoder.centre`."""
        self.identity_encoder.centre(images)


@dataclass(frozen=True)
class IPGANFaces(Faces):
    """The faces of a step, transformation path first, then generation path.

    Attributes:
        wanted: ``(C, F)`` the identity each was to show.
        unlabelled: ``(U, F)`` codes of the batch's pictures of unknown people.
    """

    wanted: Tensor
    unlabelled: Tensor


@METHODS.register("ipgan")
class IPGAN(Method[IPGANFaces]):
    """The house's generator. It needs people only; yaws and sittings are used where they are known."""

    erases_pose = True

    @staticmethod
    def sized(config: TrainConfig, model: ModelConfig, data: TrainingData) -> ModelConfig:
        """Return ``model`` as it is."""
        return model

    @staticmethod
    def pixel_weight(config: TrainConfig) -> float:
        """Return the weight of the paired loss."""
        return config.losses.paired

    @staticmethod
    def rotation(model: ModelConfig, size_px: int) -> Rotation:
        """Build encoders and generator."""
        return IPGANRotation(model, size_px)

    @staticmethod
    def adversary(model: ModelConfig, size_px: int, people: int) -> Adversary:
        """Build the discriminator, and one direction a person for the margin loss."""
        discriminator = Discriminator(model, size_px)
        return Adversary(discriminator, torch.randn(people, model.identity_dim))

    @property
    def weights(self) -> Mapping[str, float]:
        """The recipe's section ``losses``; the lazy penalty weighs more, since it comes more seldom."""
        penalty = self.config.losses.r1 * self.config.optimizer.r1_every
        return {**self.config.losses.model_dump(), "discriminator": 1.0, "r1": penalty}

    def stage(self, step: int) -> Stage:
        """Pairs alone at first, at half size at the very first; the adversary after that."""
        config = self.config
        warmup = step < config.warmup_steps
        return Stage(
            adversary=not warmup and config.losses.adversarial > 0,
            penalise=config.losses.r1 > 0 and step % config.optimizer.r1_every == 0,
            warmup=warmup, coarse=step < config.coarse_steps,
            settled=step >= config.steps - config.settle_steps,
        )  # fmt: skip

    def rotation_terms(
        self, networks: Networks, batch: Batch, dtype: torch.dtype, stage: Stage
    ) -> tuple[Terms, IPGANFaces]:
        """Compute the terms of encoders and generator, by their names in :class:`ipgan.config.LossConfig`."""
        config = self.config
        weights, pairs = config.losses, len(batch)
        rotation, adversary = networks.rotation, networks.adversary
        assert isinstance(rotation, IPGANRotation)
        assert adversary.people is not None
        encoder, poser = rotation.identity_encoder, rotation.pose_encoder

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
        drawn, laid = _draw(rotation, batch, identity, pose, dtype, stage.coarse)
        made = drawn if laid is None else torch.cat([laid.faces, drawn[pairs:]])
        turned = made[:pairs]
        batch = _registered(batch, turned.detach(), config.pairs.framing_tolerance)

        parts = {} if laid is None else {"drawn": drawn[:pairs], "carried": laid.carried}
        terms = _comparison_with_pictures(batch, turned, parts, weights)
        if weights.identity_margin and not stage.settled:
            known = batch.labels >= 0
            terms["identity_margin"] = losses.margin_softmax(source.code[known], adversary.people, batch.labels[known])
        if weights.kl and not stage.settled:
            terms["kl"] = losses.kl_to_standard_normal(posterior.mean, posterior.log_variance)
        if weights.yaw and not stage.settled:
            terms["yaw"] = losses.yaw_error(poser.yaw_of(posterior.mean), batch.yaw)
        faces = IPGANFaces(made.detach(), identity.detach(), unlabelled)
        if stage.warmup:
            return terms, faces
        with frozen(encoder, poser, adversary.discriminator):
            if weights.identity_cosine or weights.identity_feature or weights.identity_view:
                terms |= _identity_recovery(networks, batch, made, identity, config, dtype, stage.settled)
            if self.recognizer is not None:
                terms |= _recognition(self.recognizer, batch, turned, config, dtype)
            if weights.pose_recovery:
                terms["pose_recovery"] = losses.pose_recovery(poser(made.to(dtype)).mean, pose.detach())
            if stage.adversary:
                seen = augment_for_discriminator(made, config.augmentation.discriminator)
                scores = adversary.discriminator(seen.to(dtype), identity)
                terms["adversarial"] = losses.adversarial_generator(scores)
        return terms, faces

    def discriminator_terms(
        self, networks: Networks, batch: Batch, faces: IPGANFaces, dtype: torch.dtype, stage: Stage
    ) -> Terms:
        """Compute the terms of the discriminator on real targets and on the faces just made."""
        judge, kinds = networks.adversary.discriminator, self.config.augmentation.discriminator
        # A target that shows another person would be matched with the wrong code; its source takes its place.
        mine = batch.same_person[:, None, None, None]
        real, wanted = torch.where(mine, batch.target, batch.source), faces.wanted[: len(batch)]
        if len(batch.unlabelled):
            real, wanted = torch.cat([real, batch.unlabelled]), torch.cat([wanted, faces.unlabelled])
        made = augment_for_discriminator(faces.made, kinds)
        real = augment_for_discriminator(real, kinds)
        fake_scores = judge(made.to(dtype), faces.wanted)
        terms = {"discriminator": losses.adversarial_discriminator(judge(real.to(dtype), wanted), fake_scores)}
        if stage.penalise:
            half = max(1, len(real) // 2)
            terms["r1"] = losses.r1_penalty(lambda images: judge(images, wanted[:half]), real[:half])
        return terms


def _draw(
    rotation: IPGANRotation, batch: Batch, identity: Tensor, pose: Tensor, dtype: torch.dtype, coarse: bool
) -> tuple[Tensor, Laid | None]:
    """Draw all faces from their codes, and lay the sources over those of the transformation path, which come first."""
    generator, pairs = rotation.generator, len(batch)
    assert isinstance(generator, Generator)
    drawn, features = generator.draw(identity, pose, dtype, coarse)
    if generator.flow is None or coarse:
        return drawn, None
    with torch.no_grad():
        seen_from = rotation.pose_encoder(batch.source.to(dtype)).mean
    laid: Laid = generator.flow(drawn[:pairs], features[:pairs], Photograph(batch.source, seen_from))
    return drawn, laid


def _registered(batch: Batch, turned: Tensor, tolerance: float) -> Batch:
    """Move the true views to where the generated faces lie; other people's pictures stay."""
    if tolerance == 0:
        return batch
    target = batch.target.clone()
    target[batch.same_person] = register(target[batch.same_person], turned[batch.same_person], tolerance)
    return replace(batch, target=target)


def _comparison_with_pictures(batch: Batch, turned: Tensor, parts: Mapping[str, Tensor], weights: LossConfig) -> Terms:
    """Compare faces, and by their names the ``parts`` they were made of, with the pictures they should equal."""
    terms: Terms = {}
    for name, images in {"paired": turned, **parts}.items():
        if getattr(weights, name):
            terms[name] = losses.paired(images[batch.paired], batch.target[batch.paired])
    if weights.reconstruction:
        factor = torch.where(batch.same_person, 1.0, weights.reconstruction_other)
        terms["reconstruction"] = losses.reconstruction(turned, batch.target, factor)
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
