"""``pifr augment``: one photograph a person -> a multi-view set, checked picture by picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from pifr.core.commandline import device_option, set_option
from pifr.core.errors import ConfigError

if TYPE_CHECKING:
    from pifr.augment.config import AugmentConfig
    from pifr.augment.engines import Engine
    from pifr.augment.tools import ToolNames

_KINDS = ("like", "imitate")
_OPTION_OF = {"picture_format": "--format"}
"""Options that are not called as their value is."""


@click.command()
@click.argument("manifest")
@click.option("--out", required=True, help="Folder for pictures/, rejected/, sheets/ and manifest.csv.")
@click.option("--method", type=click.Choice(["ipgan", "headmodel", "flip", "none"]), default="ipgan",
              show_default=True, help="What makes the views; none: the sources alone, a baseline.")  # fmt: skip
@click.option("--model", help="Generator of the method ipgan: a run folder of 'ipgan train'.")
@click.option("--target", default="uniform", show_default=True,
              help="Yaws to reach: uniform, like:MANIFEST, imitate:MANIFEST, or a list as in --yaws.")  # fmt: skip
@click.option("--yaws", help="Views to make, in degrees: --yaws=-60,-30,30,60 (positive: nose to the right).")
@click.option("--per-person", type=int, help="Pictures each person is brought up to, real ones included.")
@click.option("--limit", type=int, help="Most views in all; everybody's first before anybody's second.")
@click.option("--ignore-real", is_flag=True, help="Real pictures do not count towards the target.")
@click.option("--sources", type=int, default=1, show_default=True, help="Sources a person, best first.")
@click.option("--fuse", type=int, default=1, show_default=True, help="Pictures averaged to one source.")
@click.option("--max-source-yaw", type=float, default=30.0, show_default=True, help="No source is turned farther.")
@click.option("--split", help="Use only this split of the manifest, for example train.")
@click.option("--judge", help="Embedder that checks identity (see pifr benchmark --help).")
@click.option("--fmr", type=float, default=1e-3, show_default=True,
              help="False match rate of the identity check, set on impostor pairs among the sources.")  # fmt: skip
@click.option("--min-cosine", type=float, help="An identity threshold of your own, instead of --fmr.")
@click.option("--max-yaw-error", type=float, default=20.0, show_default=True, help="Reject views turned otherwise.")
@click.option("--retries", type=int, default=2, show_default=True, help="Other pose codes tried for a rejected view.")
@click.option("--test-manifest", help="Refuse people who are in this manifest, by name and by the judge.")
@click.option("--format", "picture_format", type=click.Choice(["png", "jpg"]), default="png", show_default=True,
              help="File format of the pictures.")  # fmt: skip
@click.option("--shards", type=float, metavar="MEGABYTES", help="Write webdataset tar files of this size, no folders.")
@click.option("--batch-size", type=int, default=64, show_default=True, help="Views worked on together.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every draw.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
              help="Processes of this machine, or Ray (extra 'ray').")  # fmt: skip
@click.option("--workers", type=int, default=1, show_default=True, help="Processes; each computes on one core.")
@click.option("--ray-address", help="A running Ray cluster; without it Ray is started here.")
@click.option("--shard", default="1/1", show_default=True, metavar="I/N", help="Do only the i-th of n parts.")
@set_option
@device_option
def augment(manifest: str, out: str, **options: Any) -> None:
    """Make multi-view pictures from single views, and keep those that pass the checks.

    Reads MANIFEST (CSV or Parquet, one row a picture), plans what each person lacks of the target, draws it from the
    person's best pictures, checks identity, yaw, sharpness and duplicates, and writes pictures plus a manifest that
    says of each where it came from. Killed? Run it again: it goes on.

    \b
    Examples:
      pifr augment faces.csv --model twin-64 --judge runs/00001-train-recognizer-ir18 --out views
      pifr augment faces.csv --model runs/00000-train-ipgan-tiny-64 --yaws=-60,-30,30,60 --out views
      pifr augment faces.csv --model twin-64 --target imitate:poses.csv --per-person 6 --out views
      pifr augment faces.csv --method flip --out mirrored
    """
    from pathlib import Path

    from pifr.augment import augment
    from pifr.data.manifest import read_manifest

    config, reference = _config(options)
    shard = _shard(options["shard"])
    data = read_manifest(manifest)
    data = data.of_split(options["split"]) if options["split"] else data
    names = _tool_names(options, data)
    engine = _engine(options, names)
    tools = names.load(config.acceptance)
    test = options["test_manifest"]
    result = augment(
        data, tools.method, Path(out), config, reference=read_manifest(reference) if reference else None,
        judge=tools.judge, test=read_manifest(test) if test else None, engine=engine, shard=shard,
        estimator=tools.estimator,
    )  # fmt: skip
    click.echo(result.table())


@click.command()
@click.argument("out")
def augment_merge(out: str) -> None:
    """Join the parts that 'pifr augment --shard i/n' made.

    OUT is the folder they share, or one that the parts' folders were copied into. The last part to finish does this
    by itself where it sees all the others.
    """
    from pathlib import Path

    from pifr.augment.joining import merge

    result = merge(Path(out))
    if result.blocks_missing:
        raise ConfigError(
            "not all blocks are done yet", where=out, found=f"{result.blocks_missing} missing",
            cure="finish the other shards",
        )  # fmt: skip
    click.echo(result.table())


def _config(options: dict[str, Any]) -> tuple[AugmentConfig, str | None]:
    """Return the checked config and the target's manifest, if it names one."""
    from pifr.augment.config import AugmentConfig
    from pifr.core.config import load_config

    target, reference = _target(options)
    keys = {
        "per_person": "per_person", "limit": "limit", "sources": "sources_per_person", "fuse": "fuse",
        "max_source_yaw": "max_source_yaw_degrees", "fmr": "acceptance.fmr",
        "min_cosine": "acceptance.min_identity_cosine", "max_yaw_error": "acceptance.max_yaw_error_degrees",
        "retries": "acceptance.retries", "picture_format": "picture_format", "shards": "shard_megabytes",
        "batch_size": "batch_size", "seed": "seed",
    }  # fmt: skip
    spelled = {
        f"{key}={options[name]}": f"{_OPTION_OF.get(name, '--' + name.replace('_', '-'))} {options[name]}"
        for name, key in keys.items()
        if options[name] is not None
    }
    where = f"--target {options['target']}" if options["yaws"] is None else f"--yaws={options['yaws']}"
    spelled |= dict.fromkeys(target, where)
    overrides = [*spelled, f"count_real={not options['ignore_real']}", *options["overrides"]]
    return load_config(AugmentConfig, overrides=overrides, spelled=spelled), reference


def _target(options: dict[str, Any]) -> tuple[list[str], str | None]:
    """Return overrides for the target, and the manifest it names."""
    text = options["target"] if options["yaws"] is None else options["yaws"]
    if options["yaws"] is not None and options["target"] != "uniform":
        raise ConfigError("name the poses once", cure="give either --target or --yaws")
    kind, colon, path = text.partition(":")
    if colon and kind in _KINDS and path:
        return [f"target={kind}"], path
    if text == "uniform":
        return ["target=uniform"], None
    try:
        yaws = [float(part) for part in text.split(",")]
    except ValueError as error:
        where = "--target" if options["yaws"] is None else "--yaws"
        cure = "use uniform, like:MANIFEST, imitate:MANIFEST or degrees" if options["yaws"] is None else None
        raise ConfigError(
            "yaws are numbers of degrees separated by commas", where=where, found=repr(text), cure=cure
        ) from error
    return [f"yaws_degrees={yaws}"], None


def _shard(text: str) -> tuple[int, int]:
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise ConfigError("a shard is written i/n with i from 1 to n", where="--shard", found=repr(text))
    return int(part), int(parts)


def _tool_names(options: dict[str, Any], data: Any) -> ToolNames:
    """Name the tools; methods that take any size work at that of the first picture."""
    from pifr.augment.sources import picture_side_px
    from pifr.augment.tools import ToolNames
    from pifr.data.spec import InputSpec

    size_px = picture_side_px(data.paths[0]) if options["method"] != "ipgan" else 64
    spec = InputSpec(size_px=size_px, template=data.template)
    return ToolNames(options["method"], options["model"], options["judge"], spec, options["device"])


def _engine(options: dict[str, Any], names: ToolNames) -> Engine:
    from pifr.augment.engines.in_process import InProcess
    from pifr.augment.engines.local import LocalWorkers
    from pifr.augment.engines.ray import RayWorkers

    if options["workers"] < 1:
        raise ConfigError("at least one worker is needed", where="--workers", found=options["workers"])
    if options["engine"] == "ray":
        return RayWorkers(names, options["workers"], options["ray_address"])
    return InProcess() if options["workers"] == 1 else LocalWorkers(names, options["workers"])
