"""``pifr train-baseline``: a classical recogniser, for scale."""

from __future__ import annotations

from pathlib import Path

import rich_click as click


@click.command()
@click.argument("kind", type=click.Choice(["hdlbp"]))
@click.option("--data", required=True, help="Manifest of the pictures to learn from.")
@click.option("--split", help="Use only this split of the manifest, for example train.")
@click.option("--out", required=True, type=click.Path(), help="Folder for the baseline; replaced if it is one.")
@click.option("--pca-dims", type=click.IntRange(min=1), default=400, show_default=True,
              help="Principal components kept.")  # fmt: skip
@click.option("--lda/--no-lda", default=True, show_default=True, help="LDA after PCA, or whitening.")
@click.option("--max-pictures", type=click.IntRange(min=1), default=8000, show_default=True,
              help="Pictures learned from; bounds the memory.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Seed of the draw of pictures and of the PCA.")
def train_baseline(kind: str, data: str, split: str | None, out: str, pca_dims: int, lda: bool, max_pictures: int,
                   seed: int) -> None:  # fmt: skip
    """Train a classical baseline, for scale beside a network.

    hdlbp counts local binary patterns around landmarks at five scales and projects them by PCA and LDA (Chen et al.,
    "Blessing of Dimensionality", CVPR 2013). It needs no GPU and minutes at most.

    \b
    Examples:
      pifr train-baseline hdlbp --data faces/manifest.csv --split train --out baselines/hdlbp
      pifr benchmark --data faces/manifest.csv --split test --embedder hdlbp:baselines/hdlbp --embedder hdlbp
    """
    from pifr.core.config import check_config
    from pifr.data.manifest import read_manifest
    from pifr.recognition.hdlbp.config import ProjectionConfig
    from pifr.recognition.hdlbp.embedder import refuse_foreign_folder
    from pifr.recognition.hdlbp.training import train_hdlbp

    folder = Path(out)
    refuse_foreign_folder(folder)
    values = {"pca_dims": pca_dims, "lda": lda, "max_pictures": max_pictures, "seed": seed}
    config = check_config(ProjectionConfig, values, f"pifr train-baseline {kind}")
    manifest = read_manifest(data)
    click.echo(train_hdlbp(manifest.of_split(split) if split else manifest, folder, projection=config).table())
