"""``pifr benchmark --protocol preservation``: generated views against their sources and against everybody else."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rich_click as click
from click.core import ParameterSource
from click.globals import get_current_context

from pifr.core.errors import ConfigError

if TYPE_CHECKING:
    from pifr.evaluation import Measure, PreservationResult
    from pifr.evaluation.preservation import YawEstimator
    from pifr.recognition import Embedder

PROTOCOL = "preservation"
_SEARCH_ONLY = ("setting", "by", "pictures", "template", "train_people", "max_score_rows", "keep_scores")
"""Options, as the command's arguments are called, that this protocol has no use for."""


def check_options(
    protocol: str, generated: str | None, frontalise: str | None, how_turned: Sequence[str] = (),
    search_only: Sequence[str] = (),
) -> None:  # fmt: skip
    """Refuse options that do not go with the protocol or with each other, before anything is read.

    Args:
        protocol: Its name.
        generated: Manifest of views, or None.
        frontalise: The generator that turns probes, or None.
        how_turned: Names of the options given that say how it turns them.
        search_only: Names of the options given that views are not measured by.
    """
    if protocol != PROTOCOL and generated is not None:
        raise ConfigError("only the protocol preservation takes views", where="--generated", found=protocol)
    if protocol == PROTOCOL and (frontalise is not None or how_turned):
        where = "--frontalise" if frontalise is not None else how_turned[0]
        raise ConfigError("the protocol preservation embeds views as they are", where=where)
    if protocol == PROTOCOL and search_only:
        where = search_only[0]
        raise ConfigError(f"the protocol {PROTOCOL} does not take this option", where=where, cure="leave it out")
    if frontalise is None and how_turned:
        raise ConfigError("nothing turns the probes", where=how_turned[0], cure="name a generator by --frontalise")
    if protocol == PROTOCOL and generated is None:
        raise ConfigError("name the generated views", where="--generated", cure="the manifest that pifr augment wrote")


def search_only_options() -> list[str]:
    """Return the names of those options on the command line that the protocol preservation has no use for."""
    context = get_current_context()
    given = [name for name in _SEARCH_ONLY if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    return [f"--{name.replace('_', '-')}" for name in given]


def benchmark_preservation(
    data: str, generated: str | None, split: str | None, embedders: Sequence[Embedder], names: Sequence[str],
    measure: Measure, out: str | None, json_file: str | None, no_cache: bool = False, flip_fusion: bool = False,
    batch_size: int = 128, device: str = "auto", allow_training_people: bool = False,
) -> PreservationResult:  # fmt: skip
    """Measure, print, and write what was asked for; see :func:`~pifr.evaluation.measure_preservation`."""
    from pifr.core.files import write_json
    from pifr.data.manifest import read_manifest
    from pifr.evaluation.preservation import measure_preservation
    from pifr.recognition.embedding_cache import open_cache

    real, views = read_manifest(data), read_manifest(str(generated))
    if split:
        real = real.of_split(split)
        views = views.of_split(split) if "split" in views.table else views
    with open_cache(not no_cache) as cache:
        result = measure_preservation(
            real, views, embedders, names=names, measure=measure, flip_fusion=flip_fusion, batch_size=batch_size,
            allow_training_people=allow_training_people, cache=cache,
            estimate_yaw=None if "yaw_measured" in views.table else yaw_estimator(device),
        )  # fmt: skip
    if out:
        from pifr.report import write_report

        result.save(Path(out))
        write_report([], Path(out) / "report.html", preservation=[result])
    if json_file:
        write_json(Path(json_file), result.to_dict())
    for note in result.protocol["notes"]:
        click.echo(f"note: {note}", err=True)
    click.echo(result.table().to_string(index=False))
    for system in result.systems:
        if system.note:
            click.echo(f"note: {system.name}: {system.note}", err=True)
    if out:
        click.echo(f"report: {Path(out) / 'report.html'}")
    return result


def yaw_estimator(device: str) -> YawEstimator | None:
    """Return the shipped pose estimator as a function of pixels; None, and one line, where it is not there."""
    from pifr.core.errors import PifrError
    from pifr.core.progress import say

    try:
        estimate_pose = importlib.import_module("pifr.pose").estimate_pose
    except (ImportError, AttributeError):
        say("note: there is no pose estimator here, so the yaw error is not measured")
        return None

    def estimate(pixels: np.ndarray) -> np.ndarray:
        return np.asarray(estimate_pose(pixels, device=device).yaw_degrees)

    try:
        estimate(np.zeros((1, 64, 64, 3), np.uint8))
    except PifrError as error:
        say(f"note: the yaw error is not measured: {error}")
        return None
    return estimate
