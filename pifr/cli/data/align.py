"""``pifr data align``."""

from __future__ import annotations

from pathlib import Path

import rich_click as click


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder for pictures and manifest.csv.")
@click.option(
    "--template", default="arcface-112", show_default=True,
    help="arcface-112 (five landmarks), crop:X,Y,SIDE (one box, source pixels), crop:center, "
    "or crops:NAME (one box a yaw; NAME is london-v1 or a YAML file).",
)  # fmt: skip
@click.option("--size", "size_px", default=112, show_default=True, help="Side of the squares in pixels.")
@click.option(
    "--without-landmarks", default="error", show_default=True, metavar="POLICY",
    help="Pictures that lack landmarks: error, drop, or the crop to use for them (crop, crop:X,Y,SIDE, crops:NAME).",
)  # fmt: skip
def align(manifest: Path, out: Path, template: str, size_px: int, without_landmarks: str) -> None:
    """Cut the faces of MANIFEST out as aligned squares.

    The template's id is stored in the new manifest's column template, and models refuse pictures of another
    one. A call that was broken off goes on where it stopped.

    \b
    Examples:
      pifr data align faces.csv --out aligned
      pifr data align faces.csv --size 64 --without-landmarks crop:40,60,150 --out aligned
      pifr data align london/index.csv --template crops:london-v1 --size 64 --out london64
    """
    from pifr.core.progress import say
    from pifr.data.align import align_manifest
    from pifr.data.manifest import read_manifest

    result = align_manifest(read_manifest(manifest), template, out, size_px, without_landmarks)
    counts = result.to_dict()
    methods = ", ".join(f"{count} by {method}" for method, count in counts["aligned_by"].items())
    say(f"{counts['pictures']} pictures at {size_px} px, {methods}; {counts['dropped']} dropped, "
        f"{counts['done_before']} done before")  # fmt: skip
    click.echo(result.manifest.name)
