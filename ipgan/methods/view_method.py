"""What the generators that learn views as classes share: views found in the data, and none without known yaws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ipgan.config import ModelConfig, TrainConfig
from ipgan.methods.method import Faces, Method
from ipgan.methods.view_codes import Views, views_of
from ipgan.views import view_yaws

if TYPE_CHECKING:
    from ipgan.training_data import TrainingData


class ViewMethod(Method[Faces]):
    """A generator whose pose code is one view a class."""

    needs_views = True

    def views(self, yaw: Tensor) -> Views:
        """Turn yaws ``(B,)``, in units of 90 degrees, into shares of the views."""
        return views_of(90 * yaw, self.centres(yaw))

    def centres(self, like: Tensor) -> Tensor:
        """Return the yaws of the views in degrees ``(K,)``, where ``like`` lives."""
        return torch.tensor(self.model.view_yaws_degrees, device=like.device)


def with_views(config: TrainConfig, model: ModelConfig, data: TrainingData, **lengths: Any) -> ModelConfig:
    """Fill in whose networks these are, the views of the pictures, and the lengths of the codes.

    Args:
        config: The recipe.
        model: Its sizes.
        data: The training pictures.
        lengths: Further sizes to set.

    Raises:
        DataError: If fewer than two views are known.
    """
    yaws = view_yaws(data.yaw_degrees, model.view_step_degrees, config.augmentation.flip, data.manifest.name)
    found = {"generator": config.generator, "view_yaws_degrees": yaws, "pose_dim": len(yaws)}
    return model.model_copy(update=found | lengths)
