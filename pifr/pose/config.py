"""The recipe of a pose estimator."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from pifr.core.config import Config
from pifr.core.device import Precision
from pifr.twin.config import FreeConfig, TwinConfig


class NetworkConfig(Config):
    """The network's shape; stored beside the weights."""

    size_px: int = Field(default=64, ge=32, le=256, multiple_of=16)
    """Side of the input."""
    channels: tuple[int, ...] = Field(default=(24, 40, 80, 128), min_length=2, max_length=6)
    """Channels of the stages; each halves the picture."""


class AugmentationConfig(Config):
    """Random changes of training pictures; real photographs are framed, lit, coded and hidden in other ways."""

    smallest_window: float = Field(default=0.45, gt=0.1, le=1)
    """Side of the smallest window cut out, as a share of the rendered picture's."""
    largest_window: float = Field(default=1.05, gt=0.1, le=2)
    """Side of the largest window; beyond the picture's edge there is its border, or one colour."""
    shift: float = Field(default=0.15, ge=0, lt=0.5)
    """Largest shift along each axis, as a share of the window."""
    towards_face: float = Field(default=0.65, ge=0, le=1)
    """Largest shift towards the face of a turned head, as a share of the margin that the window leaves; it grows with
    the sine of the yaw. A renderer's camera looks at the head's middle, a face detector at the face."""
    roll_degrees: float = Field(default=12.0, ge=0, le=45)
    """Largest turn in the picture's plane; yaw and pitch change with it."""
    stretch: float = Field(default=0.05, ge=0, lt=0.5)
    """Largest relative change of the ratio of width to height."""
    colour: float = Field(default=0.3, ge=0, lt=1)
    """Largest relative change of brightness, contrast and each channel; saturation goes from 0 to 1 + this."""
    gamma: float = Field(default=1.5, ge=1, le=4)
    """Largest exponent, and one over the smallest."""
    grey: float = Field(default=0.15, ge=0, le=1)
    """Probability of a grey picture."""
    blur: float = Field(default=0.25, ge=0, le=1)
    """Probability of losing detail by going down to a half or a third of the size and up again."""
    noise: float = Field(default=0.04, ge=0, le=0.5)
    """Largest standard deviation of sensor noise, as a share of white; the square of a uniform draw scales it."""
    compression: float = Field(default=0.3, ge=0, le=1)
    """Probability of coarse quantisation of 8 x 8 cosine blocks, as JPEG does it."""
    background: float = Field(default=0.2, ge=0, le=1)
    """Probability that all outside an ellipse round the face comes from another picture or is one colour."""
    curtain: float = Field(default=0.25, ge=0, le=1)
    """Probability that streaks hide one side of the picture up to an edge, as hair and hats do."""
    patch: float = Field(default=0.15, ge=0, le=1)
    """Probability of a rectangle of one colour somewhere."""


class PoseConfig(Config):
    """One pose estimator: rendered people, network and training."""

    folder: str = "twin-pose"
    """Folder of the rendered training set; what is missing of it is rendered first."""
    twin: TwinConfig = TwinConfig(size_px=96, picture_format="jpg", free=FreeConfig(field_scale=1.5))
    """What to render; must be a free set, framed wider than the network's input will be."""
    workers: int | None = Field(default=None, ge=1)
    """Processes that render; null takes one a core."""
    test_people: int = Field(default=100, ge=1)
    """The last so many people are never learned from; the estimator is judged on them."""
    network: NetworkConfig = NetworkConfig()
    """Shape."""
    augmentation: AugmentationConfig = AugmentationConfig()
    """Random changes."""
    steps: int = Field(default=3000, ge=1)
    """Training steps."""
    batch_size: int = Field(default=64, ge=2)
    """Pictures a step."""
    lr: float = Field(default=2e-3, gt=0)
    """Highest learning rate; it rises over a twentieth of the steps, then falls to zero along half a cosine."""
    weight_decay: float = Field(default=0.02, ge=0)
    """AdamW's decay of kernels."""
    precision: Precision = "auto"
    """Number format of the forward pass."""
    seed: int = Field(default=0, ge=0)
    """Of weights, batches and random changes."""
    status_every: int = Field(default=50, ge=1)
    """Steps between lines in history.jsonl."""
    checkpoint_every: int = Field(default=250, ge=1)
    """Steps between checkpoints."""

    @model_validator(mode="after")
    def _usable_set(self) -> Self:
        if self.twin.free is None:
            raise ValueError("twin.free must be given: poses are learned from a free set")
        if self.test_people >= self.twin.free.people:
            raise ValueError(f"test_people must be fewer than the {self.twin.free.people} people of the set")
        if self.augmentation.smallest_window > self.augmentation.largest_window:
            raise ValueError("augmentation.smallest_window must not exceed largest_window")
        return self
