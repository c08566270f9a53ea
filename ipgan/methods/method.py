"""What a way to train a generator has to say; the training loop asks nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from ipgan.config import AugmentationConfig, ModelConfig, TrainConfig
from ipgan.recognizer import Recognizer
from ipgan.rotation import Rotation
from pifr.core.registry import Registry

if TYPE_CHECKING:
    from ipgan.batch import Batch
    from ipgan.networks import Networks
    from ipgan.training_data import TrainingData

Terms = dict[str, Tensor]


class Adversary(nn.Module):
    """What serves training alone. Weights outside the discriminator are trained on the generator's side.

    Attributes:
        people: One direction a training person, ``(K, F)``, where the method has such.

    Args:
        discriminator: Tells real pictures from generated ones.
        people: See above.
    """

    def __init__(self, discriminator: nn.Module, people: Tensor | None = None) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.people = None if people is None else nn.Parameter(people)


@dataclass(frozen=True)
class Stage:
    """What is trained at one step.

    Attributes:
        adversary: The discriminator learns.
        penalise: Its gradient penalty is due.
        warmup: Pairs alone.
        coarse: Faces are drawn at half size.
        settled: The encoders rest.
        fakes: CR-GAN's second path encodes generated faces in place of real ones.
    """

    adversary: bool = True
    penalise: bool = False
    warmup: bool = False
    coarse: bool = False
    settled: bool = False
    fakes: bool = False


@dataclass(frozen=True)
class Faces:
    """What a step made, for the discriminator's turn; nothing here carries a graph.

    Attributes:
        made: ``(C, 3, S, S)`` in the order that the method's own discriminator terms expect.
    """

    made: Tensor


FacesT = TypeVar("FacesT", bound=Faces)


class Method(ABC, Generic[FacesT]):
    """One generator: its networks, what it needs of the data, and what each side of the game minimises.

    Attributes:
        config: The recipe.
        model: Sizes of the networks, complete.
        companions: Further pictures of each source's person that a step needs.
        erases_pose: Whether the pose is taken out of identity codes in closed form; see :mod:`ipgan.erasure`.
        needs_views: Whether it can't be trained without known yaws.

    Args:
        config: The recipe.
        model: The recipe's sizes; a recogniser that serves as encoder may have changed them.
        data: The training pictures.
        recognizer: Compares the faces made with the true ones; None where the recipe names none.
    """

    companions: int = 0
    erases_pose: bool = False
    needs_views: bool = False

    def __init__(
        self, config: TrainConfig, model: ModelConfig, data: TrainingData, recognizer: Recognizer | None = None
    ) -> None:
        self.config, self.recognizer = config, recognizer
        self.model = self.sized(config, model, data)

    @staticmethod
    @abstractmethod
    def sized(config: TrainConfig, model: ModelConfig, data: TrainingData) -> ModelConfig:
        """Return the sizes with all that follows from recipe and pictures filled in.

        Raises:
            DataError: If the pictures lack what this generator can't be trained without.
        """

    @staticmethod
    def pixel_weight(config: TrainConfig) -> float:
        """Return the weight of the loss that compares pixels with another view of one moment; 0 if there is none."""
        return 0.0

    @staticmethod
    @abstractmethod
    def rotation(model: ModelConfig, size_px: int) -> Rotation:
        """Build the networks of inference with fresh weights."""

    @staticmethod
    @abstractmethod
    def adversary(model: ModelConfig, size_px: int, people: int) -> Adversary:
        """Build what serves training alone, for so many training people."""

    @property
    def augmentation(self) -> AugmentationConfig:
        """How pictures are changed before this generator sees them."""
        return self.config.augmentation

    @property
    @abstractmethod
    def weights(self) -> Mapping[str, float]:
        """Weight of every term of both sides."""

    @abstractmethod
    def stage(self, step: int) -> Stage:
        """Return what is trained at a step."""

    @abstractmethod
    def rotation_terms(
        self, networks: Networks, batch: Batch, dtype: torch.dtype, stage: Stage
    ) -> tuple[Terms, FacesT]:
        """Compute the terms of encoders and generator.

        Args:
            networks: Trained networks.
            batch: B pairs.
            dtype: Number format of the networks.
            stage: What is trained by now.

        Returns:
            Unweighted terms by name, and the faces made.
        """

    @abstractmethod
    def discriminator_terms(
        self, networks: Networks, batch: Batch, faces: FacesT, dtype: torch.dtype, stage: Stage
    ) -> Terms:
        """Compute the terms of the discriminator on real pictures and on the faces just made.

        Args:
            networks: Trained networks.
            batch: The real pictures.
            faces: The generated ones.
            dtype: Number format of the discriminator; gradient penalties are computed in float32.
            stage: What is trained by now.
        """


METHODS: Registry[type[Method[Any]]] = Registry("generator")


def weighted_sum(terms: Terms, weights: Mapping[str, float]) -> Tensor:
    """Add ``terms`` up, each times its weight."""
    return torch.stack([weights[name] * term for name, term in terms.items()]).sum()
