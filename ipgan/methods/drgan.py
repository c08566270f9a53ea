"""DR-GAN: the discriminator recognises people and views, and one code is fused of several pictures.

Reference:
    L. Tran, X. Yin, X. Liu, "Disentangled Representation Learning GAN for Pose-Invariant Face Recognition", CVPR 2017,
    section 3, equations 4 to 7. Layers are this house's; see docs/generators.md for what else differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ipgan.config import AugmentationConfig, ModelConfig, TrainConfig
from ipgan.diff_augment import augment_for_discriminator
from ipgan.freezing import frozen
from ipgan.methods.method import METHODS, Adversary, Faces, Stage, Terms
from ipgan.methods.view_codes import Views, asked, random_views, view_loss
from ipgan.methods.view_method import ViewMethod, with_views
from ipgan.methods.view_networks import CodeEncoder, HeadedDiscriminator, ViewEncoder, ViewGenerator
from ipgan.rotation import Rotation, fused

if TYPE_CHECKING:
    from ipgan.batch import Batch
    from ipgan.networks import Networks
    from ipgan.training_data import TrainingData


_FRESH_OPINION = 0.1
"""Factor on the fresh weights of the head that tells people."""


class Encoding(NamedTuple):
    """What the encoder says of a batch.

    Attributes:
        code: ``(B, F)``.
        confidence: ``(B,)`` in 0..1, how much the picture counts in a fusion.
    """

    code: Tensor
    confidence: Tensor


class ConfidentEncoder(CodeEncoder):
    """The encoder x -> (f, w).

    Args:
        config: Sizes.
        size_px: Side of the pictures.
    """

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__(config, size_px, others=1)

    def forward(self, images: Tensor) -> Encoding:
        """Encode ``(B, 3, S, S)``."""
        code, confidence = self.read(images)
        return Encoding(code, torch.sigmoid(confidence[:, 0]))


class DRGANRotation(Rotation):
    """Encoder with a confidence, generator, and a view encoder for pictures to imitate; codes have no norm.

    Args:
        config: Sizes.
        size_px: Side of the pictures.
    """

    unit_codes = False

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__(config)
        self.identity_encoder: ConfidentEncoder = ConfidentEncoder(config, size_px)
        self.pose_encoder: ViewEncoder = ViewEncoder(config, size_px)
        self.generator = ViewGenerator(config, size_px, code_gain=1.0)

    def confidence(self, encoding: Any) -> Tensor:
        """Return the confidences ``(B,)`` that the encoder has learned to give."""
        confidence: Tensor = encoding.confidence
        return confidence

    def centre(self, images: Tensor) -> None:
        """Tell fresh codes apart, with entries of about 1."""
        self.identity_encoder.centre(images, spread=1.0)


@METHODS.register("drgan")
class DRGAN(ViewMethod):
    """DR-GAN. It needs known yaws; people are classes, so stretched heads, who are nobody, are not used."""

    def __init__(self, config: TrainConfig, model: ModelConfig, data: TrainingData, recognizer: None = None) -> None:
        super().__init__(config, model, data, recognizer)
        self.companions = config.drgan.pictures - 1

    @staticmethod
    def sized(config: TrainConfig, model: ModelConfig, data: TrainingData) -> ModelConfig:
        """Fill in the views and the lengths of the codes; raises DataError without known yaws."""
        own = config.drgan
        return with_views(config, model, data, identity_dim=own.identity_dim, noise_dim=own.noise_dim)

    @staticmethod
    def rotation(model: ModelConfig, size_px: int) -> Rotation:
        """Build encoder, view encoder and generator."""
        return DRGANRotation(model, size_px)

    @staticmethod
    def adversary(model: ModelConfig, size_px: int, people: int) -> Adversary:
        """Build the discriminator: one class a person and one more for fakes, and one a view."""
        judge = HeadedDiscriminator(model, size_px, hidden=model.identity_dim, first=people + 1, normalise=True)
        with torch.no_grad():  # Fresh opinions on hundreds of people are noise that takes hundreds of steps to unlearn.
            judge.first_head.weight.mul_(_FRESH_OPINION)
        return Adversary(judge)

    @property
    def augmentation(self) -> AugmentationConfig:
        """The recipe's, without stretched heads."""
        return self.config.augmentation.model_copy(update={"identity_warp_share": 0.0})

    @property
    def weights(self) -> Mapping[str, float]:
        """The recipe's section ``drgan``; both sides have terms of their own names."""
        own = self.config.drgan
        return {
            "identity": own.identity, "view": own.view, "own_view": own.own_view,
            "real_identity": own.identity, "real_view": own.view, "fake": own.identity,
        }  # fmt: skip

    def stage(self, step: int) -> Stage:
        """The discriminator may go first; then the generator learns every step, the former as often as asked."""
        own = self.config.drgan
        first = step < own.discriminator_first
        return Stage(adversary=first or step % own.discriminator_every == 0, warmup=first)

    def rotation_terms(self, networks: Networks, batch: Batch, dtype: torch.dtype, stage: Stage) -> tuple[Terms, Faces]:
        """Draw every person from each picture alone and from all together, in views asked for at random.

        The paper adds up the 2 (n + 1) terms of a person; here they are averaged, so that n changes no weight.
        """
        rotation = networks.rotation
        assert isinstance(rotation, DRGANRotation)
        pictures, labels, views = self._real(batch)
        own_view = view_loss(rotation.pose_encoder(pictures.to(dtype)).logits, views)
        if stage.warmup:
            return {"own_view": own_view}, Faces(pictures[:0])
        encoding = rotation.identity_encoder(pictures.to(dtype))
        identity = encoding.code
        if self.companions:
            together = (len(batch), 1 + self.companions)
            weights = drop_some(encoding.confidence.view(together), self.config.drgan.confidence_dropout)
            identity = torch.cat([identity, fused(identity.view(*together, -1), weights)])
            labels = torch.cat([labels, batch.labels])
        view = random_views(len(identity), self.centres(identity))
        noise = torch.rand(len(identity), self.model.noise_dim, device=identity.device) * 2 - 1
        made = rotation.generator(identity, view, dtype, noise)

        judge = networks.adversary.discriminator
        with frozen(judge):
            seen = augment_for_discriminator(made, self.config.augmentation.discriminator)
            people, judged_view = judge(seen.to(dtype))
        terms = {
            "identity": F.cross_entropy(people, labels),
            "view": view_loss(judged_view, asked(view)),
            "own_view": own_view,
        }
        return terms, Faces(made.detach())

    def discriminator_terms(
        self, networks: Networks, batch: Batch, faces: Faces, dtype: torch.dtype, stage: Stage
    ) -> Terms:
        """Tell people and views of real pictures, and fakes, where there are any, from all people."""
        judge, kinds = networks.adversary.discriminator, self.config.augmentation.discriminator
        pictures, labels, views = self._real(batch)
        people, view = judge(augment_for_discriminator(pictures, kinds).to(dtype))
        terms = {"real_identity": F.cross_entropy(people, labels), "real_view": view_loss(view, views)}
        if len(faces.made):
            fakes, _ = judge(augment_for_discriminator(faces.made, kinds).to(dtype))
            fake_class = torch.full((len(fakes),), fakes.shape[1] - 1, device=fakes.device)
            terms["fake"] = F.cross_entropy(fakes, fake_class)
        return terms

    def _real(self, batch: Batch) -> tuple[Tensor, Tensor, Views]:
        """Return sources and companions ``(B n, 3, S, S)``, picture by picture of one person, labels and views."""
        pictures = torch.cat([batch.source[:, None], batch.companions], dim=1)
        yaw = torch.cat([batch.source_yaw[:, None], batch.companion_yaw], dim=1)
        labels = batch.labels.repeat_interleave(pictures.shape[1])
        views = self.views(yaw.flatten())
        return pictures.flatten(0, 1).contiguous(memory_format=torch.channels_last), labels, views


def drop_some(confidence: Tensor, share: float) -> Tensor:
    """Set a random share of confidences ``(B, n)`` to 0, but never all of a row: any number can then be fused."""
    kept = torch.rand_like(confidence) >= share
    kept = kept | ~kept.any(dim=1, keepdim=True)
    return confidence * kept
