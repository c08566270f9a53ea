"""``pifr benchmark``: any embedder against a protocol, pose by pose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from pifr.core.commandline import device_option
from pifr.core.errors import ConfigError

if TYPE_CHECKING:
    from pifr.data.manifest import Manifest


@click.command()
@click.option(
    "--data", help="Manifest (CSV or Parquet), a folder in Multi-PIE's layout, or what --list says the protocol needs."
)
@click.option("--protocol", default="posegrid", show_default=True,
              help="Protocol by name (see --list), multipie with --setting, or a YAML file of your own.")  # fmt: skip
@click.option("--setting", type=click.Choice(["1", "2"]), help="Setting of the protocol multipie.")
@click.option("--split", help="Use only this split of the manifest, for example test.")
@click.option("--embedder", "embedders", multiple=True,
              help="Run folder of 'pifr train-recognizer', dlib, hdlbp, hdlbp:FOLDER, onnx:model.onnx or "
                   "python:package.module:callable; repeatable.")  # fmt: skip
@click.option("--name", "names", multiple=True, help="Name in tables, one for each --embedder in turn.")
@click.option("--flip-fusion", is_flag=True, help="Add the embedding of the mirrored picture to each embedding.")
@click.option("--frontalise", metavar="MODEL",
              help="Also measure each embedder on probes turned to the front by this 'ipgan train' run; where the "
                   "order of a pair says nothing, on both of its pictures.")  # fmt: skip
@click.option("--frontalise-from", "frontalise_from_degrees", type=click.FloatRange(min=0, max=90), metavar="DEGREES",
              help="Turn probes that the generator sees at this yaw or more; 0 turns all.  [default: 10]")  # fmt: skip
@click.option("--frontalise-fuse", is_flag=True,
              help="Add the embedding of the turned probe as it is to that of its frontal view.")  # fmt: skip
@click.option("--generated", help="Manifest of 'pifr augment', for the protocol preservation.")
@click.option("--no-cache", is_flag=True, help="Compute every embedding anew.")
@click.option("--by", multiple=True, help="Also report by this column, for example illumination; repeatable.")
@click.option("--pictures", type=click.Path(), help="Folder of aligned copies of the pictures that a protocol lists.")
@click.option("--template", help="Alignment of the pictures that a protocol lists, for example arcface-112.")
@click.option("--train-people", type=click.IntRange(min=0),
              help="People kept for training, where the data has fewer than the protocol expects.")  # fmt: skip
@click.option("--allow-training-people", is_flag=True, help="Go on although an embedder was trained on test people.")
@click.option("--bootstrap", "rounds", type=click.IntRange(min=2), default=1000, show_default=True,
              help="Rounds of the bootstrap over people behind each interval.")  # fmt: skip
@click.option("--bin-degrees", type=click.FloatRange(min=1, max=90), default=15.0, show_default=True,
              help="A probe belongs to the nearest multiple of this yaw.")  # fmt: skip
@click.option("--batch-size", type=click.IntRange(min=1), default=128, show_default=True,
              help="Pictures embedded at once.")  # fmt: skip
@click.option("--max-score-rows", type=click.IntRange(min=1), default=10_000_000, show_default=True,
              help="Comparisons held in memory, about 120 bytes each; more are streamed in fixed memory.")  # fmt: skip
@click.option("--keep-scores", is_flag=True, help="Write every score of a streamed benchmark into --out too.")
@click.option("--out", type=click.Path(), help="Folder for scores, tables and report.html.")
@click.option("--json", "json_file", type=click.Path(), help="Write the figures as JSON to this file.")
@click.option("--list", "list_", is_flag=True, help="Explain every protocol: what it measures, needs and comes from.")
@device_option
def benchmark(data: str | None, protocol: str, setting: str | None, split: str | None, embedders: tuple[str, ...],
              names: tuple[str, ...], flip_fusion: bool, by: tuple[str, ...], pictures: str | None,
              template: str | None, train_people: int | None,
              allow_training_people: bool, rounds: int, bin_degrees: float, batch_size: int, out: str | None,
              json_file: str | None, list_: bool, frontalise: str | None,
              frontalise_from_degrees: float | None, frontalise_fuse: bool, generated: str | None, no_cache: bool,
              max_score_rows: int, keep_scores: bool, device: str) -> None:  # fmt: skip
    """Measure any embedder, pose by pose.

    Enrols and searches as the protocol says and prints rank-1 by absolute yaw with 95 % intervals over people.
    With --out it keeps every score (or a summary of more than --max-score-rows), all tables and one HTML report.

    \b
    Examples:
      pifr benchmark --list
      pifr benchmark --data faces.csv --split test --embedder runs/00001-train-recognizer-ir18 --out bench
      pifr benchmark --protocol multipie --setting 2 --data multipie/ --embedder python:mine:embed --json out.json
      pifr benchmark --data faces.csv --embedder dlib --frontalise runs/00000-train-ipgan-tiny-64
      pifr benchmark --protocol preservation --data faces.csv --generated views/manifest.csv --embedder dlib
    """
    from pifr.cli.benchmark_preservation import PROTOCOL, benchmark_preservation, check_options, search_only_options
    from pifr.cli.benchmark_systems import refuse_foreign_folder, systems
    from pifr.core.files import write_json
    from pifr.evaluation import Measure, evaluate, load_protocol
    from pifr.recognition.embedding_cache import open_cache

    if list_:
        from pifr.evaluation.protocols.explain import explain_all

        click.echo(explain_all())
        return
    if data is None:
        raise ConfigError("name the pictures to test on", where="--data", cure="give a manifest or a folder")
    how_turned = ["--frontalise-from"] * (frontalise_from_degrees is not None) + ["--frontalise-fuse"] * frontalise_fuse
    check_options(protocol, generated, frontalise, how_turned, search_only_options())
    if out:
        refuse_foreign_folder(Path(out))
    measure = Measure(rounds=rounds, bin_degrees=bin_degrees)
    if protocol == PROTOCOL:
        loaded, called = systems(embedders, names, None, device)
        benchmark_preservation(data, generated, split, loaded, called, measure, out, json_file, no_cache, flip_fusion,
                               batch_size, device, allow_training_people)  # fmt: skip
        return
    protocol = _full_name(protocol, setting)
    source = _read(data, protocol, split)
    applied = load_protocol(protocol, source, train_people, pictures=pictures, template=template)
    loaded, called = systems(embedders, names, frontalise, device, frontalise_from_degrees, frontalise_fuse)
    with open_cache(not no_cache) as cache:
        result = evaluate(
            applied.data, loaded, applied, Path(out) if out else None, names=called, flip_fusion=flip_fusion, by=by,
            allow_training_people=allow_training_people, batch_size=batch_size, measure=measure, cache=cache,
            max_score_rows=max_score_rows, keep_scores=keep_scores,
        )  # fmt: skip
    if out:
        from pifr.report import write_report

        write_report(result, Path(out) / "report.html")
    if json_file:
        write_json(Path(json_file), result.to_dict())
    for note in result.protocol["notes"]:
        click.echo(f"note: {note}", err=True)
    click.echo(result.table().to_string(index=False))
    if by:
        click.echo(result.spread_table().to_string(index=False))
    if out:
        click.echo(f"report: {Path(out) / 'report.html'}")


def _read(data: str, protocol: str, split: str | None) -> Manifest | Path:
    """Read a manifest, or the names of the files under a Multi-PIE folder; leave the files of pairs to the protocol."""
    from pifr.cli.data.import_any import say_left_out
    from pifr.core.progress import say
    from pifr.data.importers.multipie import import_multipie
    from pifr.data.manifest import read_manifest
    from pifr.evaluation.protocols import load_definition

    if load_definition(protocol).layout != "search":
        if split:
            raise ConfigError(f"{protocol} takes every pair of its file", where="--split", found=repr(split))
        return Path(data)
    if not Path(data).is_dir():
        manifest = read_manifest(data)
    else:
        found = import_multipie(Path(data))
        manifest = found.manifest
        for note in found.notes:
            say(f"note: {note}")
        say_left_out(found.failures)
        if found.failures:
            say(f"{len(found.failures)} pictures left out")
    return manifest.of_split(split) if split else manifest


def _full_name(protocol: str, setting: str | None) -> str:
    if protocol != "multipie":
        if setting:
            raise ConfigError("only the protocol multipie has settings", where="--setting", found=protocol)
        return protocol
    if setting is None:
        raise ConfigError("the protocol multipie has two settings", cure="add --setting 1 or --setting 2")
    return f"multipie-setting-{setting}"
