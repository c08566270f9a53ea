"""``pifr export``: a trained recogniser as one file for other runtimes."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from pifr.core.errors import ConfigError


@click.command()
@click.argument("run")
@click.option("--onnx", type=click.Path(), help="ONNX file to write; the extra 'onnx' is needed.")
@click.option("--torch-export", type=click.Path(), help="torch.export archive to write, ending in .pt2.")
@click.option("--data", help="Manifest whose first pictures are compared on; else smooth random ones.")
def export(run: str, onnx: str | None, torch_export: str | None, data: str | None) -> None:
    """Write a trained recogniser as ONNX or torch.export.

    RUN is a run folder of 'pifr train-recognizer' (its best checkpoint, else its last; RUN@last for the last). The
    file takes any batch size and holds the input spec. It is compared with torch, and kept only if they agree. Yaw
    for a DREAM block is estimated inside the file.

    \b
    Examples:
      pifr export runs/00001-train-recognizer-ir18 --onnx face.onnx
      pifr export runs/00001-train-recognizer-ir18 --onnx face.onnx --torch-export face.pt2 --data faces/manifest.csv
      pifr benchmark --data faces/manifest.csv --embedder onnx:face.onnx
    """
    if onnx is None and torch_export is None:
        raise ConfigError("nothing to write", cure="give --onnx FILE, --torch-export FILE, or both")
    from pifr.data.manifest import read_manifest
    from pifr.recognition.export import export_recognizer

    pictures = read_manifest(data) if data is not None else None
    onnx_path, archive_path = (Path(name) if name is not None else None for name in (onnx, torch_export))
    for result in export_recognizer(run, onnx_path, archive_path, pictures):
        click.echo(result.table())
