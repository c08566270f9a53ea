"""The recipe of a recogniser."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from pifr.backbones.config import BackboneConfig
from pifr.core.config import Config
from pifr.core.device import TrainingPrecision
from pifr.recognition.sections import FineTuningConfig, HeadConfig, MixingConfig, OnTheFlyConfig

_LOSSES_OF_PAIRS = ("triplet", "multi_similarity", "supcon")
"""They learn from two pictures of one person in a batch."""


class RecognizerData(Config):
    """Which pictures teach and which judge."""

    manifest: str
    """Manifest of real (or rendered) pictures."""
    extra: tuple[str, ...] = ()
    """Further manifests to learn from, for example generated views; rows marked as rejected are left out."""
    train_split: str | None = "train"
    """Split to learn from; null takes every row that is not in the validation split."""
    validation_split: str | None = "val"
    """Split whose people choose the best checkpoint; none of them may be in the training set."""


class LossConfig(Config):
    """The metric loss. A null parameter takes the paper's value; one that the loss does not know is refused."""

    name: str = "cosface"
    """softmax, cosface, arcface, subcenter_arcface, adaface (these have class centres), triplet, multi_similarity or
    supcon (these compare pairs)."""
    margin: float | None = None
    """Radians for arcface and subcenter_arcface (0.5), cosine for cosface (0.35), both for adaface (0.4), squared
    distance for triplet (0.2)."""
    scale: float | None = None
    """Factor s on the cosines; null derives it from the number of people: 8 for 32, 20 for 300, 64 for many."""
    sub_centers: int | None = None
    """subcenter_arcface: centres a person (3)."""
    concentration: float | None = None
    """adaface: h, how soon a long or short embedding changes the margin (0.333)."""
    length_momentum: float | None = None
    """adaface: share that the running mean and spread of the lengths keep at each step (0.99)."""
    positive_scale: float | None = None
    """multi_similarity: alpha on pairs of one person (2)."""
    negative_scale: float | None = None
    """multi_similarity: beta on pairs of two people (50)."""
    threshold: float | None = None
    """multi_similarity: lambda, the cosine that both turn about (0.5)."""
    mining_margin: float | None = None
    """multi_similarity: epsilon, pairs this much easier than the hardest of the other kind are left out (0.1)."""
    temperature: float | None = None
    """supcon: what the cosines are divided by (0.1)."""

    def parameters(self) -> dict[str, float | int | None]:
        """Return all but the name, as :func:`pifr.recognition.losses.create_loss` takes them."""
        return self.model_dump(exclude={"name"})


class BatchConfig(Config):
    """Who is in a batch, over all processes together."""

    people: int = Field(default=24, ge=2)
    """People a batch."""
    pictures: int = Field(default=2, ge=1)
    """Pictures a person."""
    accumulate: int = Field(default=1, ge=1)
    """Parts a process computes one after the other before a step; people must divide by processes x accumulate."""
    generated_share: float | None = Field(default=0.5, ge=0, le=1)
    """Share of generated pictures where there are any; null draws from all pictures of a person alike."""


class OptimizationConfig(Config):
    """How the weights move."""

    name: str = Field(default="sgd", pattern="^(sgd|adamw)$")
    """sgd (Nesterov momentum 0.9) or adamw."""
    lr: float = Field(default=0.1, gt=0)
    """Highest learning rate; about 0.1 for sgd and 1e-3 for adamw."""
    warmup_steps: int = Field(default=50, ge=0)
    """Steps of linear rise."""
    schedule: Literal["cosine", "poly", "constant"] = "cosine"
    """What follows: half a cosine down to zero, a power of what is left, or the rate as it is."""
    poly_power: float = Field(default=2.0, gt=0)
    """The power of poly."""
    ema_half_life_steps: float = Field(default=0.0, ge=0)
    """Validate and keep a running average of the weights in which one so old counts half; 0 is off."""
    weight_decay: float = Field(default=5e-4, ge=0)
    """Decay of convolution, linear and class weights; biases, batch norms and PReLUs have none."""
    clip_norm: float = Field(default=5.0, gt=0)
    """Longest gradient, over all weights together."""
    max_skipped: int = Field(default=20, ge=1)
    """Give up after this many steps in a row whose gradient was not finite."""


class TransformConfig(Config):
    """Random changes of training pictures; a probability or strength of 0 switches one off."""

    flip: float = Field(default=0.5, ge=0, le=1)
    """Probability of a mirror image."""
    brightness: float = Field(default=0.2, ge=0, lt=1)
    """Largest relative change of brightness."""
    contrast: float = Field(default=0.2, ge=0, lt=1)
    """Largest relative change of contrast."""
    saturation: float = Field(default=0.2, ge=0, le=1)
    """Largest relative change of saturation."""
    shift: float = Field(default=0.06, ge=0, lt=0.5)
    """Largest shift along each axis, as a share of the side."""
    scale: float = Field(default=0.08, ge=0, lt=0.5)
    """Largest relative change of size."""
    rotation_degrees: float = Field(default=5.0, ge=0, le=45)
    """Largest turn in the picture's plane."""
    blur: float = Field(default=0.1, ge=0, le=1)
    """Probability of losing detail by going down to half the size and up again."""
    erase: float = Field(default=0.0, ge=0, le=1)
    """Probability of a grey square, a quarter to a half of the side, that hides part of the face."""


class IntervalConfig(Config):
    """How often, in steps."""

    status: int = Field(default=20, ge=1)
    """A line in history.jsonl."""
    validation: int = Field(default=200, ge=1)
    """Validation, and a new best checkpoint if it is better; also after the last step."""
    checkpoint: int = Field(default=200, ge=1)
    """A checkpoint to resume from; also after the last step."""
    keep_last: int = Field(default=2, ge=1)
    """How many of those stay on disk."""
    keep_best: int = Field(default=1, ge=1)
    """How many of the best by validation stay: one in best/, and from 2 on all of them in top/."""


class RecognizerConfig(Config):
    """One recogniser: data, network, loss and training."""

    data: RecognizerData
    """Pictures."""
    name: str = Field(default="", pattern=r"^[\w.-]*$")
    """Appended to the run folder's name; empty takes the backbone's name."""
    size_px: int = 64
    """Side of the input: 64 to 224, a multiple of 16."""
    steps: int = Field(default=400, ge=1)
    """Training steps."""
    seed: int = 0
    """Seed of weights, batches and changes."""
    precision: TrainingPrecision = "auto"
    """auto (bfloat16 on a GPU that has it), float32, bfloat16 or float16; the loss is float32 in any case."""
    compile: bool = False
    """Compile the backbone with torch.compile, which costs a minute or so at the start: for long runs."""
    channels_last: bool = True
    """Keep pictures as height x width x channels in memory; false keeps channel planes."""
    backbone: BackboneConfig = BackboneConfig()
    """The network."""
    loss: LossConfig = LossConfig()
    """The metric loss."""
    batch: BatchConfig = BatchConfig()
    """Who is in a batch."""
    optimization: OptimizationConfig = OptimizationConfig()
    """How the weights move."""
    mixing: MixingConfig = MixingConfig()
    """How generated pictures count."""
    on_the_fly: OnTheFlyConfig | None = None
    """Views generated inside the training step; null generates none."""
    head: HeadConfig = HeadConfig()
    """Where the class centres live."""
    fine_tuning: FineTuningConfig = FineTuningConfig()
    """Starting from given weights."""
    transforms: TransformConfig = TransformConfig()
    """Random changes of training pictures."""
    intervals: IntervalConfig = IntervalConfig()
    """How often things happen."""

    @model_validator(mode="after")
    def _pairs_need_a_second_picture(self) -> Self:
        if self.loss.name in _LOSSES_OF_PAIRS and self.batch.pictures < 2:
            raise ValueError(
                f"the {self.loss.name} loss needs batch.pictures of 2 or more, or there is no pair of one person"
            )
        return self

    @model_validator(mode="after")
    def _sections_fit_each_other(self) -> Self:
        views = self.on_the_fly
        if views is not None and self.batch.generated_share == 0:
            raise ValueError("on_the_fly has no place in a batch with batch.generated_share=0")
        if views is not None and views.min_cosine is not None and not (views.judge or self.fine_tuning.initial):
            raise ValueError("on_the_fly.min_cosine needs on_the_fly.judge, or fine_tuning.initial, to measure it")
        if self.compile and self.mixing.separate_statistics:
            raise ValueError("compile and mixing.separate_statistics exclude each other")
        if self.head.sharded and self.loss.name not in ("cosface", "arcface"):
            raise ValueError(f"head.sharded knows cosface and arcface, not {self.loss.name}")
        if self.head.sharded and self.precision == "float16":
            raise ValueError("head.sharded needs precision bfloat16 or float32")
        return self
