"""Views generated inside the training step: identity codes computed once, a fresh pose each time, nothing on disk.

What is accepted is measured once too: for every source and every bin of yaw the cosine between the source and its own
view, by a judge.
"""

from __future__ import annotations

import numpy as np
import torch

from ipgan import Rotator
from pifr.core.errors import DataError
from pifr.core.progress import say
from pifr.data.pixels import PixelStore
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.embedders import Embedder, load_embedder
from pifr.recognition.fresh_views import OnTheFly
from pifr.recognition.model import Model
from pifr.recognition.sections import OnTheFlyConfig
from pifr.recognition.source_codes import SourceCodes, ViewCosines, measured
from pifr.recognition.source_pictures import source_rows
from pifr.recognition.trained import TrainedEmbedder
from pifr.recognition.training_data import TrainingData
from pifr.recognition.yaw_odds import YawOdds, bin_odds


def views_of_recipe(
    config: RecognizerConfig, data: TrainingData, store: PixelStore, model: Model, device: torch.device
) -> OnTheFly | None:
    """Open the views of a recipe, or return None where it asks for none; see :func:`open_on_the_fly`.

    Without a judge of its own the weights that the training starts from judge.
    """
    wanted = config.on_the_fly
    if wanted is None:
        return None
    rotator = Rotator.load(wanted.generator, str(device))
    judge: Embedder | None = None
    if wanted.min_cosine is not None:
        judge = load_embedder(wanted.judge, str(device)) if wanted.judge else TrainedEmbedder(
            model.backbone, data.spec, "fine_tuning.initial", model.initial_sha256, device, config.precision
        )  # fmt: skip
    views = open_on_the_fly(wanted, data, store, rotator, judge)
    model.training_mode()
    return views


def open_on_the_fly(
    config: OnTheFlyConfig, data: TrainingData, store: PixelStore, rotator: Rotator, judge: Embedder | None
) -> OnTheFly:
    """Choose sources, compute their codes and measure which poses are accepted.

    Args:
        config: Sources, yaws and check.
        data: The training pictures.
        store: Their pixels.
        rotator: The generator.
        judge: What measures identity, where ``config.min_cosine`` is set.

    Raises:
        DataError: If the generator draws pictures of another size or alignment, never learned such a yaw, nobody has
            a usable source, or no pose of any source is accepted.
    """
    rotator.spec.require_template(data.spec.template, f"{data.train.name} for {rotator.name}")
    if rotator.spec.size_px != data.spec.size_px:
        raise DataError(
            "the generator draws pictures of another size than the recogniser takes", where=rotator.name,
            found=f"{rotator.spec.size_px} and {data.spec.size_px} px", cure="set size_px to the generator's",
        )  # fmt: skip
    largest = config.largest_yaw_degrees
    rotator.poses_for_yaws([-largest, largest])  # refuses what it never learned
    rows = source_rows(data, config)
    if not len(rows):
        raise DataError(
            "nobody has a real picture frontal enough to be turned", where=data.train.name,
            cure=f"raise on_the_fly.max_source_yaw_degrees above {config.max_source_yaw_degrees:g}",
        )  # fmt: skip
    edges = np.linspace(-largest, largest, max(1, round(2 * largest / config.bin_degrees)) + 1)
    odds = np.repeat(bin_odds(edges, config)[None], len(rows), axis=0)
    codes = torch.from_numpy(measured(SourceCodes(rotator), store, rows, "identity and pose codes"))
    told = "no check of identity"
    if config.min_cosine is not None:
        assert judge is not None  # the recipe names one
        cosines = measured(ViewCosines(rotator, judge, (edges[:-1] + edges[1:]) / 2), store, rows, "judging views")
        accepted = cosines >= config.min_cosine
        odds = odds * accepted
        told = f"{100 * accepted.mean():.0f} % of the poses accepted by {judge.name}"
        if not accepted.any():
            raise DataError(
                "no pose of any source is accepted", where="on_the_fly.min_cosine",
                found=f"{config.min_cosine:g}, the best view has {cosines.max():.2f}",
                cure="lower it, or take a better generator",
            )  # fmt: skip
    usable = odds.sum(1) > 0
    left_out = len(data.people) - len(np.unique(data.labels[rows[usable]]))
    say(
        f"views on the fly by {rotator.name}: {int(usable.sum())} sources, {told}"
        + (f"; {left_out} people have no usable source" if left_out else "")
    )
    identity, seen_from = codes[torch.from_numpy(usable)].tensor_split([-rotator.rotation_config.pose_dim], dim=1)
    return OnTheFly(rotator, rows[usable], identity, seen_from, YawOdds(edges, odds[usable]), data.spec)
