"""``pifr data align``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import rich_click as click

if TYPE_CHECKING:
    from pifr.data.detect import Detection


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder for pictures and manifest.csv.")
@click.option(
    "--template", default="arcface-112", show_default=True,
    help="arcface-112 (five landmarks), crop:X,Y,SIDE (one box, source pixels), crop:center, "
    "or crops:NAME (one box a yaw; NAME is london-v1, london-twin or a YAML file).",
)  # fmt: skip
@click.option("--size", "size_px", type=click.IntRange(min=1), default=112, show_default=True,
              help="Side of the squares in pixels.")  # fmt: skip
@click.option(
    "--without-landmarks", default="error", show_default=True, metavar="POLICY",
    help="Pictures that lack landmarks: error, drop, or the crop to use for them (crop, crop:X,Y,SIDE, crops:NAME).",
)  # fmt: skip
@click.option("--detector", metavar="NAME", help="Find missing landmarks first: dlib (eyes and nose base) or dlib68 "
              "(all five; not for commercial use). Extra judge.")  # fmt: skip
@click.option("--on-error", type=click.Choice(["stop", "skip"]), default="stop", show_default=True,
              help="With --detector, at a picture that can't be read.")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True,
              help="With --detector, processes that look for faces.")  # fmt: skip
def align(
    manifest: Path, out: Path, template: str, size_px: int, without_landmarks: str, detector: str | None,
    on_error: Literal["stop", "skip"], workers: int,
) -> None:  # fmt: skip
    """Cut the faces of MANIFEST out as aligned squares.

    The template's id is stored in the new manifest's column template, and models refuse pictures of another
    one. A call that was broken off goes on where it stopped. With --detector, pictures without a face are listed in
    failures.csv and left out, unless --without-landmarks names a crop for them; of several faces the large and
    central one is taken, and column face_chosen says so.

    \b
    Examples:
      pifr data align faces.csv --out aligned
      pifr data align faces.csv --size 64 --without-landmarks crop:40,60,150 --out aligned
      pifr data align photographs.csv --detector dlib68 --on-error skip --out aligned
      pifr data align london/index.csv --template crops:london-v1 --size 64 --out london64
    """
    from pifr.core.progress import say
    from pifr.data.align import align_manifest
    from pifr.data.manifest import read_manifest

    data = read_manifest(manifest)
    if detector is None:
        result = align_manifest(data, template, out, size_px, without_landmarks)
    else:
        from pifr.data.detect import align_photographs

        result, detection = align_photographs(
            data, detector, template, out, size_px, without_landmarks, on_error, workers
        )
        say(_failures_of(detection, out))
    counts = result.to_dict()
    methods = ", ".join(f"{count} by {method}" for method, count in counts["aligned_by"].items())
    say(f"{counts['pictures']} pictures at {size_px} px, {methods}; {counts['dropped']} dropped, "
        f"{counts['done_before']} done before")  # fmt: skip
    click.echo(result.manifest.name)


def _failures_of(detection: Detection, out: Path) -> str:
    failed = len(detection.failures)
    line = f"failure to acquire: {failed} of {detection.asked} pictures ({100 * detection.failure_to_acquire:.1f} %)"
    if not failed:
        return line
    return f"{line}, {detection.unreadable} of them can't be read; listed in {out / 'failures.csv'}"
