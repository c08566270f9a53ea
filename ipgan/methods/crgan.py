"""CR-GAN: a second path draws from the whole latent space, so that the code of an unseen face is no strange place.

Reference:
    Y. Tian, X. Peng, L. Zhao, S. Zhang, D. N. Metaxas, "CR-GAN: Learning Complete Representations for Multi-view
    Generation", IJCAI 2018, section 3, and its code (train.py), whose bugs are mended. Layers are this house's; see
    docs/generators.md for what else differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ipgan import losses
from ipgan.config import ModelConfig, TrainConfig
from ipgan.diff_augment import augment_for_discriminator
from ipgan.freezing import frozen
from ipgan.methods.method import METHODS, Adversary, Faces, Stage, Terms
from ipgan.methods.view_codes import Views, asked, view_loss
from ipgan.methods.view_method import ViewMethod, with_views
from ipgan.methods.view_networks import CodeEncoder, HeadedDiscriminator, View, ViewGenerator
from ipgan.registration import register
from ipgan.rotation import Rotation

if TYPE_CHECKING:
    from ipgan.batch import Batch
    from ipgan.networks import Networks
    from ipgan.training_data import TrainingData

_PRIOR_STD = 3**-0.5
"""Standard deviation of the prior U(-1, 1) of a code's entries."""


class Encoding(NamedTuple):
    """What the encoder says of a batch.

    Attributes:
        code: ``(B, F)``, the latent code z.
        view: The view head.
    """

    code: Tensor
    view: View


class ViewingEncoder(CodeEncoder):
    """The encoder x -> (v, z).

    Args:
        config: Sizes.
        size_px: Side of the pictures.
    """

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__(config, size_px, others=config.pose_dim)

    def forward(self, images: Tensor) -> Encoding:
        """Encode ``(B, 3, S, S)``."""
        code, logits = self.read(images)
        return Encoding(code, View(logits))


class CRGANRotation(Rotation):
    """One encoder for identity and view, and the generator; codes have no norm.

    Args:
        config: Sizes.
        size_px: Side of the pictures.
    """

    unit_codes = False

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__(config)
        self.identity_encoder: ViewingEncoder = ViewingEncoder(config, size_px)
        self.generator = ViewGenerator(config, size_px, code_gain=1 / _PRIOR_STD)

    def pose_encoder(self, images: Tensor) -> View:
        """Read the views of ``(B, 3, S, S)`` off the encoder's view head."""
        view: View = self.identity_encoder(images).view
        return view

    def centre(self, images: Tensor) -> None:
        """Tell fresh codes apart, spread as the prior is."""
        self.identity_encoder.centre(images, spread=_PRIOR_STD)


@METHODS.register("crgan")
class CRGAN(ViewMethod):
    """CR-GAN. It needs known yaws, and sittings for the pixels that hold identity; it knows no people."""

    @staticmethod
    def sized(config: TrainConfig, model: ModelConfig, data: TrainingData) -> ModelConfig:
        """Fill in the views and the length of the code; raises DataError without known yaws."""
        return with_views(config, model, data, identity_dim=config.crgan.identity_dim)

    @staticmethod
    def pixel_weight(config: TrainConfig) -> float:
        """Return the weight of the second path's L1."""
        return config.crgan.reconstruction

    @staticmethod
    def rotation(model: ModelConfig, size_px: int) -> Rotation:
        """Build encoder and generator."""
        return CRGANRotation(model, size_px)

    @staticmethod
    def adversary(model: ModelConfig, size_px: int, people: int) -> Adversary:
        """Build the discriminator: one score, and one class a view."""
        return Adversary(HeadedDiscriminator(model, size_px, hidden=128, first=1, normalise=False))

    @property
    def weights(self) -> Mapping[str, float]:
        """The recipe's section ``crgan``; both sides have terms of their own names."""
        own = self.config.crgan
        return {
            "realness": own.realness, "view": own.view, "reconstruction": own.reconstruction,
            "fake_reconstruction": own.reconstruction, "encoder_view": own.encoder_view,
            "wasserstein": own.realness, "penalty": own.penalty, "real_view": own.view,
        }  # fmt: skip

    def stage(self, step: int) -> Stage:
        """Both sides learn in every step; steps with fakes are spread evenly, alike on all processes."""
        share = self.config.crgan.fake_share
        return Stage(penalise=self.config.crgan.penalty > 0, fakes=int((step + 1) * share) > int(step * share))

    def rotation_terms(self, networks: Networks, batch: Batch, dtype: torch.dtype, stage: Stage) -> tuple[Terms, Faces]:
        """Generation path ``G(v1, z)``, z from the prior; reconstruction path ``G(v2, E(x1))``, or of a fake.

        In a share ``fake_share`` of the steps the second path encodes the face just drawn: the encoder then learns what
        the generator can draw, and the generator does not learn from it. The two reconstructions have names of their
        own: a fake is the harder to draw again the more fakes differ, so the one rises while the other falls.
        """
        rotation = networks.rotation
        assert isinstance(rotation, CRGANRotation)
        first, second = self.views(batch.source_yaw), self.views(batch.yaw)
        prior = torch.rand(len(batch), self.model.identity_dim, device=batch.source.device) * 2 - 1
        if stage.fakes:
            born = rotation.generator(prior, first.codes, dtype)
            encoding = rotation.identity_encoder(born.detach().to(dtype))
            with frozen(rotation.generator):
                again = rotation.generator(encoding.code, first.codes, dtype)
            pixels = {"fake_reconstruction": colour_sum_l1(again, born.detach())}
            read, drawn = asked(first.codes), first.codes
        else:
            encoding = rotation.identity_encoder(batch.source.to(dtype))
            codes, views = torch.cat([prior, encoding.code]), torch.cat([first.codes, second.codes])
            born, again = rotation.generator(codes, views, dtype).chunk(2)
            mine, true = again[batch.paired], batch.target[batch.paired]
            true = register(true, mine.detach(), self.config.pairs.framing_tolerance)
            pixels = {"reconstruction": colour_sum_l1(mine, true)}
            read, drawn = first, second.codes

        made, judge = torch.cat([born, again]), networks.adversary.discriminator
        with frozen(judge):
            seen = augment_for_discriminator(made, self.config.augmentation.discriminator)
            scores, view = judge(seen.to(dtype))
        terms = {
            "realness": -both_paths(scores.mean()),
            "view": both_paths(view_loss(view, asked(torch.cat([first.codes, drawn])))),
            "encoder_view": view_loss(encoding.view.logits, read),
            **pixels,
        }
        return terms, Faces(made.detach())

    def discriminator_terms(
        self, networks: Networks, batch: Batch, faces: Faces, dtype: torch.dtype, stage: Stage
    ) -> Terms:
        """Wasserstein distance, view head on real pictures, and gradient penalty, of both paths.

        The first path's real pictures are the sources, the second's the targets, in the penalty as in the distance.
        """
        judge, kinds = networks.adversary.discriminator, self.config.augmentation.discriminator
        real = augment_for_discriminator(torch.cat([batch.source, batch.target]), kinds)
        made = augment_for_discriminator(faces.made, kinds)
        first, second = self.views(batch.source_yaw), self.views(batch.yaw)
        views = Views(torch.cat([first.codes, second.codes]), torch.cat([first.known, second.known]))
        scores, view = judge(real.to(dtype))
        made_scores, _ = judge(made.to(dtype))
        terms = {
            "wasserstein": both_paths(made_scores.mean() - scores.mean()),
            "real_view": both_paths(view_loss(view, views)),
        }
        if stage.penalise:
            terms["penalty"] = both_paths(losses.gradient_penalty(lambda x: judge(x)[0][:, 0], real, made))
        return terms


def both_paths(mean: Tensor) -> Tensor:
    """Turn a mean over both paths' pictures into the sum of the paths' means, which the paper adds up."""
    return 2 * mean


def colour_sum_l1(images: Tensor, targets: Tensor) -> Tensor:
    """L1 of ``(B, 3, S, S)`` summed over colours, averaged over pixels; 0 of no pictures (CR-GAN's train.py)."""
    if not len(images):
        return images.sum()
    return (images - targets).abs().sum(dim=1).mean()
