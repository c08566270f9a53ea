"""``pifr search build``: embed a gallery and write a search index."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from pifr.core.commandline import device_option
from pifr.core.errors import DataError


@click.command()
@click.option("--data", required=True, help="Manifest of the pictures to enrol.")
@click.option("--split", help="Use only this split of the manifest.")
@click.option("--embedder", required=True, help="Run folder, dlib, hdlbp:FOLDER, ... (see pifr benchmark --help).")
@click.option("--kind", type=click.Choice(["flat", "flat16", "hnsw", "ivfpq"]), default="flat", show_default=True,
              help="Exact at 4 or 2 bytes a number, a graph, or compressed lists.")  # fmt: skip
@click.option("--out", required=True, type=click.Path(), help="Folder for the index; replaced if it is one.")
@click.option("--flip-fusion", is_flag=True, help="Add the embedding of the mirrored picture to each embedding.")
@click.option("--no-cache", is_flag=True, help="Compute every embedding anew.")
@device_option
def build(data: str, split: str | None, embedder: str, kind: str, out: str, flip_fusion: bool, no_cache: bool,
          device: str) -> None:  # fmt: skip
    """Embed a gallery and write a search index.

    Every picture is enrolled as one template. Pictures that give no embedding are refused by name: a person who
    was to be enrolled and is not would never be found.

    \b
    Example:
      pifr search build --data staff.csv --embedder runs/00001-train-recognizer-ir18 --kind ivfpq --out gallery
    """
    from pifr.core.config import check_config
    from pifr.data.manifest import read_manifest
    from pifr.evaluation.index import IndexConfig, build_index, refuse_foreign_folder
    from pifr.recognition.embedders import embed_manifest, load_embedder
    from pifr.recognition.embedding_cache import open_cache

    refuse_foreign_folder(Path(out))
    manifest = read_manifest(data)
    manifest = manifest.of_split(split) if split else manifest
    model = load_embedder(embedder, device)
    with open_cache(not no_cache) as cache:
        found = embed_manifest(model, manifest, flip_fusion=flip_fusion, cache=cache)
    if found.failed.any():
        bad = manifest.table["path"][found.failed]
        raise DataError(f"{len(bad)} of {len(manifest)} pictures gave no embedding", where=bad.iloc[0],
                        cure="replace them or drop their rows")  # fmt: skip
    about = {"name": embedder, "sha256": model.sha256, "flip_fusion": flip_fusion,
             "subjects": manifest.table["subject"].tolist()}  # fmt: skip
    index = build_index(found.vectors, manifest.table["path"].tolist(), check_config(IndexConfig, {"kind": kind}, kind),
                        embedder=about)  # fmt: skip
    index.save(Path(out))
    click.echo(
        f"{len(index):,} templates of {len(manifest.subjects):,} people, {index.record.bytes / 2**20:.1f} MiB: {out}"
    )
