"""What to train on, how large, with which losses, for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from pifr.backbones.config import BackboneConfig
from pifr.core.config import Config
from pifr.core.device import Precision


class DataConfig(Config):
    """Pictures, and which of them show one moment."""

    manifest: Path = Path("manifest.csv")
    """Manifest of square pictures, CSV or Parquet; only ``path`` and ``subject`` are needed."""
    unlabelled: Path | None = None
    """Manifest of further pictures whose people are not known; they serve the generation path and the discriminator."""
    split: str | None = "train"
    """Rows of this split train; None takes all rows."""
    grid_split: str | None = "val"
    """Sample grids show people of this split where there is one, and training people else."""
    size_px: int = Field(default=64, ge=16)
    """Side of the pictures; a power of two."""
    sitting_columns: tuple[str, ...] = ("session", "recording", "illumination", "expression")
    """Two pictures of one person that agree in all of these columns (those that exist) show one moment: the paired
    loss may compare them pixel by pixel."""
    use_yaw: bool = True
    """Use yaw where it is known: as a head of the pose encoder, and to let other people lend their pose."""
    same_yaw_degrees: float = Field(default=4.0, ge=0)
    """Pictures whose yaws differ by no more than this are seen from one side."""

    @model_validator(mode="after")
    def _power_of_two(self) -> Self:
        if self.size_px & (self.size_px - 1):
            raise ValueError(f"size_px must be a power of two, found {self.size_px}")
        return self


class PairsConfig(Config):
    """Which (source, driver) pairs make a batch; the rest of the batch pairs two people."""

    same_sitting: float = Field(default=0.65, ge=0, le=1)
    """Share of pairs whose driver is another view of the source's own sitting, where there is one."""
    same_picture: float = Field(default=0.05, ge=0, le=1)
    """Share of pairs whose driver is the source picture itself: plain reconstruction."""
    driver_elsewhere: float = Field(default=0.7, ge=0, le=1)
    """Share of the pairs of one sitting whose driver is not the true view itself but another picture of that person
    from that side, in other light or of another day: the pose code then can't carry the light. Needs known yaw."""
    frontal_source: float = Field(default=0.7, ge=0, le=1)
    """Share of pairs whose source is within 30 degrees of frontal, where yaw is known: it is what users will turn."""
    generation: float = Field(default=0.25, ge=0, le=1)
    """Size of the generation path's batch as a share of ``batch_size``; comes on top of it."""
    framing_tolerance: float = Field(default=0.05, ge=0, le=0.25)
    """How far a true view may be moved to where the generated face lies before the two are compared, as a share of the
    side: pictures are cut by landmarks that are a little off, and what can't be foreseen blurs. 0 moves none."""

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.same_sitting + self.same_picture > 1:
            raise ValueError("same_sitting and same_picture must not exceed 1 together")
        return self


GeneratorName = Literal["ipgan", "drgan", "crgan"]


class ModelConfig(Config):
    """Sizes. A layer at r x r pixels has ``min(channel_max, channel_base / r)`` channels."""

    generator: GeneratorName = "ipgan"
    """Whose networks these are; filled in by training from the key ``generator``. It travels with the weights."""
    generator_channel_base: int = Field(default=2048, ge=32)
    """Width of the generator."""
    encoder_channel_base: int = Field(default=1024, ge=32)
    """Width of the identity encoder."""
    discriminator_channel_base: int = Field(default=1024, ge=32)
    """Width of the discriminator."""
    pose_channel_base: int = Field(default=512, ge=32)
    """Width of the pose encoder."""
    channel_max: int = Field(default=256, ge=8)
    """No layer is wider."""
    identity_dim: int = Field(default=256, ge=2)
    """Length F of the identity code; a recogniser that serves as encoder brings its own."""
    identity_backbone: BackboneConfig | None = None
    """Shape of the recogniser that serves as identity encoder; filled in by training, see ``identity.role``."""
    pose_dim: int = Field(default=16, ge=1)
    """Length P of the pose code."""
    style_dim: int = Field(default=256, ge=8)
    """Width of the mapping that turns both codes into styles."""
    appearance_flow: bool = False
    """IP-GAN's generator also says where in the photograph each pixel is seen, so that fine detail is carried over
    instead of being drawn from the code; see ``ipgan.appearance_flow``."""
    view_step_degrees: float = Field(default=15.0, gt=0)
    """DR-GAN and CR-GAN learn views as classes: yaws that round to one multiple of this are one view."""
    view_yaws_degrees: tuple[float, ...] = ()
    """Yaw of each view; filled in by training from the known yaws."""
    noise_dim: int = Field(default=0, ge=0)
    """Length of DR-GAN's noise code; filled in by training."""


class IdentityConfig(Config):
    """Where identity comes from, and who else watches over it."""

    recognizer: Path | None = None
    """Run folder of a recogniser trained by ``pifr train-recognizer`` on pictures of the same alignment."""
    role: Literal["loss", "encoder", "fine-tuned encoder"] = "loss"
    """What the recogniser does. loss: the encoder is trained jointly, and the recogniser only compares the faces made
    with the true ones. encoder: its embedding is the identity code, frozen. fine-tuned encoder: so, and trained on."""

    @model_validator(mode="after")
    def _encoder_needs_recognizer(self) -> Self:
        if self.recognizer is None and self.role != "loss":
            raise ValueError(f"role {self.role!r} needs identity.recognizer")
        return self


class LossConfig(Config):
    """Weight of every term of IP-GAN; 0 removes it. Formulas and sources: ``ipgan.losses``."""

    adversarial: float = Field(default=0.1, ge=0)
    """Realness, non-saturating."""
    r1: float = Field(default=1.0, ge=0)
    """Gradient penalty on real pictures (gamma)."""
    identity_margin: float = Field(default=0.03, ge=0)
    """Cosine-margin softmax over the training people, on the identity encoder."""
    identity_cosine: float = Field(default=0.5, ge=0)
    """Recovery of the identity code from the generated face."""
    identity_feature: float = Field(default=1.0, ge=0)
    """Identity encoder's features of the generated face against those of the true view, where it exists."""
    identity_view: float = Field(default=0.2, ge=0)
    """One identity code from whatever side a head is seen: the source's code against the true view's."""
    recognizer_cosine: float = Field(default=0.5, ge=0)
    """The recogniser's embedding of the generated face against that of the true view, or of the source."""
    recognizer_feature: float = Field(default=1.0, ge=0)
    """The recogniser's features of the generated face against those of the true view, where it exists."""
    pose_recovery: float = Field(default=0.2, ge=0)
    """Recovery of the pose code from the generated face."""
    reconstruction: float = Field(default=1.0, ge=0)
    """Pixels of the generated face against the driver's."""
    reconstruction_other: float = Field(default=0.1, ge=0, le=1)
    """The reconstruction's factor where source and driver are two people."""
    paired: float = Field(default=5.0, ge=0)
    """Pixels of the generated face against the true view of the same sitting, at three scales, and their gradients."""
    drawn: float = Field(default=2.0, ge=0)
    """As ``paired``, for what is drawn from the codes alone, where ``model.appearance_flow`` adds the photograph."""
    carried: float = Field(default=2.0, ge=0)
    """Likewise for the photograph as the flow carries it, trusted or not."""
    kl: float = Field(default=0.003, ge=0)
    """Distance of the pose posterior from N(0, I)."""
    yaw: float = Field(default=1.0, ge=0)
    """Linear yaw head on the pose code, where yaw is known."""


class DRGANConfig(Config):
    """DR-GAN's own sizes and weights (Tran et al., CVPR 2017); read where ``generator`` is drgan."""

    identity_dim: int = Field(default=320, ge=2)
    """Length of the identity code f."""
    noise_dim: int = Field(default=50, ge=0)
    """Length of the noise code z, which stands for what is neither identity nor view."""
    pictures: int = Field(default=2, ge=1)
    """Pictures n of a person that are fused in a step; 1 trains the single-image model."""
    identity: float = Field(default=1.0, ge=0)
    """Identity head: the generator is to be taken for the person, the discriminator tells people and fakes apart."""
    view: float = Field(default=1.0, ge=0)
    """View head of the discriminator, for both sides."""
    own_view: float = Field(default=1.0, ge=0)
    """View encoder, which reads the view of pictures to imitate; it touches no other network."""
    confidence_dropout: float = Field(default=0.3, ge=0, lt=1)
    """Share of pictures left out of a fusion, so that any number of pictures can be fused."""
    discriminator_every: int = Field(default=1, ge=1)
    """The discriminator learns every so many steps; the paper's late phase has 4 generator steps to one."""
    discriminator_first: int = Field(default=0, ge=0)
    """So many steps at the start teach the discriminator alone, from real pictures; the paper has none."""


class CRGANConfig(Config):
    """CR-GAN's own sizes and weights (Tian et al., IJCAI 2018, and its code); read where ``generator`` is crgan."""

    identity_dim: int = Field(default=119, ge=2)
    """Length of the latent code z."""
    realness: float = Field(default=1.0, ge=0)
    """Wasserstein score, for both sides."""
    penalty: float = Field(default=10.0, ge=0)
    """Gradient penalty."""
    view: float = Field(default=1.0, ge=0)
    """View head of the discriminator, for both sides."""
    reconstruction: float = Field(default=4.0, ge=0)
    """L1 to the other view of the same moment, summed over colours."""
    encoder_view: float = Field(default=0.01, ge=0)
    """View head of the encoder."""
    fake_share: float = Field(default=0.5, ge=0, le=1)
    """How often the second path encodes a generated face in place of a real one."""


class AugmentationConfig(Config):
    """Augmentation for small sets."""

    flip: bool = True
    """Mirror half of the pairs; their yaw changes its sign."""
    identity_warp: float = Field(default=0.08, ge=0, le=0.5)
    """How far heads are stretched, alike in all views of a pair: each stretched head is a new person."""
    identity_warp_share: float = Field(default=0.5, ge=0, le=1)
    """Share of pairs that are stretched and recoloured; the others train the margin loss."""
    colour: float = Field(default=0.15, ge=0, le=1)
    """How far colours are changed, alike in all views of a pair."""
    driver: float = Field(default=0.08, ge=0, le=0.5)
    """How far drivers alone are stretched and recoloured, so that the pose code can't carry the driver's face."""
    discriminator: tuple[str, ...] = ("colour", "translation", "cutout")
    """Differentiable augmentation of all that the discriminator sees."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = set(self.discriminator) - {"colour", "translation", "cutout"}
        if unknown:
            raise ValueError(f"unknown augmentation {sorted(unknown)[0]!r}; use colour, translation, cutout")
        return self


class OptimizerConfig(Config):
    """Adam for both sides."""

    lr: float = Field(default=1.4e-2, gt=0)
    """Learning rate of encoders and generator; large, since equalised layers have weights of about 1."""
    backbone_lr: float = Field(default=1e-4, gt=0)
    """Learning rate of a recogniser that is fine-tuned as encoder; its layers are not equalised."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam's betas for encoders and generator."""
    discriminator_lr: float = Field(default=3e-3, gt=0)
    """Learning rate of the discriminator."""
    discriminator_betas: tuple[float, float] = (0.0, 0.99)
    """Adam's betas for the discriminator: without momentum, which makes the game swing."""
    lr_warmup_steps: int = Field(default=50, ge=0)
    """Steps over which the rates rise from 0."""
    lr_final: float = Field(default=0.1, ge=0, le=1)
    """The rates fall along a cosine to this share of themselves at the last step."""
    r1_every: int = Field(default=16, ge=1)
    """The gradient penalty is computed every so many steps, and weighs as many times more."""
    ema_half_life_images: int = Field(default=2000, ge=0)
    """Half-life of the averaged weights, in images."""
    ema_rampup: float = Field(default=0.1, ge=0, le=1)
    """The half-life is at most this share of the images seen; 0 turns the ramp off."""
    accumulate: int = Field(default=1, ge=1)
    """Micro-batches a step, for batches that do not fit into memory."""
    max_skipped_in_a_row: int = Field(default=10, ge=1)
    """So many steps with non-finite gradients in a row end the run."""


class TrainConfig(Config):
    """One training of the generator."""

    name: str = "ipgan"
    """Goes into the run folder's name."""
    generator: GeneratorName = "ipgan"
    """Which generator, with which losses; see docs/generators.md."""
    data: DataConfig = DataConfig()
    pairs: PairsConfig = PairsConfig()
    start_from: Path | None = None
    """Trained weights to begin with: a run folder, saved weights, or the name of shipped ones such as twin-64."""
    identity: IdentityConfig = IdentityConfig()
    model: ModelConfig = ModelConfig()
    losses: LossConfig = LossConfig()
    drgan: DRGANConfig = DRGANConfig()
    crgan: CRGANConfig = CRGANConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    steps: int = Field(default=2000, ge=1)
    """Training steps."""
    batch_size: int = Field(default=16, ge=2)
    """Pairs a step, over all processes and micro-batches."""
    warmup_steps: int = Field(default=0, ge=0)
    """First steps, on pairs alone: no adversary, no generation path, no recovery of codes. A third cheaper."""
    erase_steps: int = Field(default=500, ge=0)
    """Every so many steps, and at the end, the pose is taken out of identity codes in closed form; 0 never does it."""
    coarse_steps: int = Field(default=0, ge=0)
    """First steps that draw at half size and enlarge; cheaper still."""
    settle_steps: int = Field(default=0, ge=0)
    """Last steps, in which both encoders rest: their codes are cleaned of each other for good, and the generator gets
    used to them. 0 lets the encoders learn to the end."""
    seed: int = 0
    """Seed of everything."""
    precision: Precision = "auto"
    """auto is bfloat16 on a GPU that has it and on CPUs with bfloat16 arithmetic, float32 elsewhere."""
    compile: bool = False
    """Run encoders and generator through torch.compile, which costs minutes at the start: for long runs."""
    tick_steps: int = Field(default=50, ge=1)
    """A status line and a history record every so many steps."""
    grid_steps: int = Field(default=500, ge=0)
    """A sample grid every so many steps, and at the end; 0 draws the last only."""
    checkpoint_steps: int = Field(default=500, ge=1)
    """A checkpoint every so many steps, and at the end."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """Older checkpoints are removed."""

    @model_validator(mode="after")
    def _enough_to_learn(self) -> Self:
        if self.generator != "ipgan":
            if self.model.appearance_flow:
                raise ValueError(f"model.appearance_flow serves generator ipgan alone, found {self.generator}")
            if self.identity.recognizer is not None:
                raise ValueError(f"identity.recognizer serves generator ipgan alone, found {self.generator}")
            return self
        if self.losses.reconstruction == 0 and self.losses.paired == 0 and self.losses.adversarial == 0:
            raise ValueError("reconstruction, paired and adversarial are all 0: nothing would train the generator")
        if self.settle_steps >= self.steps:
            raise ValueError(f"settle_steps must be below steps {self.steps}, found {self.settle_steps}")
        return self
