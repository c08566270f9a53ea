"""What the generators that learn views as classes share: views found in the data, and none without known yaws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ipgan.config import ModelConfig, TrainConfig
from ipgan.methods.method import Faces, Method
from ipgan.methods.view_codes import Views, views_of
from ipgan.views import view_yaws
from pifr.core.errors import ConfigError

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

    Weights that were trained before keep their views, which the pictures' mean yaws need only lie near.

    Args:
        config: The recipe.
        model: Its sizes; with views where trained weights bring some.
        data: The training pictures.
        lengths: Further sizes to set.

    Raises:
        DataError: If fewer than two views are known.
        ConfigError: If the pictures show other views than the weights know.
    """
    yaws = view_yaws(data.yaw_degrees, model.view_step_degrees, config.augmentation.flip, data.manifest.name)
    if model.view_yaws_degrees:
        _require_same_views(model, yaws, config, data.manifest.name)
        yaws = model.view_yaws_degrees
    found = {"generator": config.generator, "view_yaws_degrees": yaws, "pose_dim": len(yaws)}
    return model.model_copy(update=found | lengths)


def _require_same_views(model: ModelConfig, yaws: tuple[float, ...], config: TrainConfig, name: str) -> None:
    """Refuse pictures whose views are not, one by one, within half a step of those that trained weights know."""
    its = model.view_yaws_degrees
    pairs = zip(its, yaws, strict=False)
    if len(its) != len(yaws) or any(abs(one - other) >= model.view_step_degrees / 2 for one, other in pairs):
        known, shown = (", ".join(f"{yaw:g}" for yaw in views) for views in (its, yaws))
        raise ConfigError(
            "the weights to start from know other views", where=f"start_from={config.start_from}",
            found=f"{known} for {shown} degrees in {name}",
            cure="train on pictures of those views alone and of each of them, or leave start_from out",
        )  # fmt: skip
