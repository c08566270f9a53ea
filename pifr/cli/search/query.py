"""``pifr search query``: find who is on pictures."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from pifr.core.commandline import device_option
from pifr.core.errors import CheckpointError


@click.command()
@click.argument("index")
@click.option("--data", required=True, help="Manifest of the pictures to search with.")
@click.option("--top", default=5, show_default=True, type=click.IntRange(min=1), help="Templates wanted a picture.")
@click.option("--json", "json_file", type=click.Path(), help="Write all answers as JSON to this file.")
@click.option("--no-cache", is_flag=True, help="Compute every embedding anew.")
@device_option
def query(index: str, data: str, top: int, json_file: str | None, no_cache: bool, device: str) -> None:
    """Find who is on pictures.

    INDEX is a folder of 'pifr search build'; pictures are embedded as its gallery was, by the very same weights.

    \b
    Example:
      pifr search query gallery --data visitors.csv --top 3 --json answers.json
    """
    import pandas as pd

    from pifr.core.files import write_json
    from pifr.core.progress import say
    from pifr.data.manifest import read_manifest
    from pifr.evaluation.index import SearchIndex
    from pifr.recognition.embedders import embed_manifest, load_embedder
    from pifr.recognition.embedding_cache import open_cache

    gallery, manifest = SearchIndex.load(Path(index)), read_manifest(data)
    about = gallery.embedder
    model = load_embedder(about["name"], device)
    if model.sha256 != about["sha256"]:
        raise CheckpointError("the weights are not those the gallery was embedded with", where=about["name"],
                              cure="build the index anew")  # fmt: skip
    with open_cache(not no_cache) as cache:
        found = embed_manifest(model, manifest, flip_fusion=about["flip_fusion"], cache=cache)
    names = manifest.table["path"][~found.failed].tolist()
    scores, rows = gallery.search(found.vectors[~found.failed], top, names)
    answers = [
        {"picture": name, "rank": rank + 1, "person": about["subjects"][row], "template": gallery.names[row],
         "cosine": round(float(score), 6)}
        for name, *found_here in zip(names, scores, rows, strict=True)
        for rank, (score, row) in enumerate(zip(*found_here, strict=True)) if row >= 0
    ]  # fmt: skip
    for name in manifest.table["path"][found.failed]:
        say(f"warning: {name}: no embedding, so no answer")
    if json_file:
        write_json(Path(json_file), {"index": index, "answers": answers})
    click.echo(pd.DataFrame(answers).to_string(index=False))
