"""``pifr data twin``."""

from __future__ import annotations

from pathlib import Path

import rich_click as click


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the pictures and manifest.")
@click.option("--people", default="337", show_default=True, help="The first N, or a choice such as 201-337 or 1,5-9.")
@click.option("--sessions", help="Sessions such as 1,2.  [default: 1,2,3,4]")
@click.option("--recordings", help="Recordings of a session; 1 is neutral in each.  [default: 1,2,3]")
@click.option("--cameras", help="Cameras such as 05_1,19_0.  [default: all 15]")
@click.option("--lights", help="Lights 00 to 19, for example 00,07.  [default: all 20]")
@click.option("--free", type=int, metavar="N", help="Instead of the room: a training set of N other people.")
@click.option("--per-person", default=20, show_default=True, help="With --free: pictures of each person.")
@click.option("--max-yaw", default=90.0, show_default=True, help="With --free: largest yaw in degrees.")
@click.option("--max-pitch", default=20.0, show_default=True, help="With --free: largest pitch in degrees.")
@click.option("--size", default=128, show_default=True, help="Side of the pictures in pixels, 32 to 512.")
@click.option("--samples", default=2, show_default=True, help="Rays a pixel along each side.")
@click.option("--seed", default=0, show_default=True, help="Another seed gives other people.")
@click.option("--extra", help="Ground truth for each view: any of depth,normals,mask.")
@click.option("--format", "picture_format", default="png", show_default=True, help="png or jpg.")
@click.option("--workers", type=int, help="Worker processes.  [default: one a core]")
def twin(out: Path, people: str, sessions: str | None, recordings: str | None, cameras: str | None, lights: str | None,
         free: int | None, per_person: int, max_yaw: float, max_pitch: float, size: int, samples: int, seed: int,
         extra: str | None, picture_format: str, workers: int | None) -> None:  # fmt: skip
    """Render people who do not exist, photographed as Multi-PIE photographed its own.

    Folders and file names are Multi-PIE's; manifest.parquet adds true angles, landmarks and who the person is.
    Who came to which session follows Multi-PIE's attendance. Interrupted? Run it again: finished pictures stay.

    \b
    Examples:
      pifr data twin --people 40 --sessions 1,2 --lights 00,07 --size 64 --out twin
      pifr data twin --people 201-337 --recordings 1 --size 64 --workers 8 --out setting2
      pifr data twin --free 500 --per-person 20 --size 64 --format jpg --out training
    """
    import os

    from pifr.core.config import check_config
    from pifr.twin import TwinConfig, render_twin

    values: dict[str, object] = {
        "people": people, "size_px": size, "samples_per_side": samples, "seed": seed, "picture_format": picture_format,
    }  # fmt: skip
    lists = {"sessions": sessions, "recordings": recordings, "cameras": cameras, "lights": lights, "extra": extra}
    values |= {key: [part.strip() for part in text.split(",")] for key, text in lists.items() if text is not None}
    if free is not None:
        values["free"] = {
            "people": free, "pictures_per_person": per_person,
            "max_yaw_degrees": max_yaw, "max_pitch_degrees": max_pitch,
        }  # fmt: skip
    config = check_config(TwinConfig, values, "pifr data twin")
    manifest = render_twin(config, out, os.cpu_count() or 1 if workers is None else workers)
    click.echo(f"{out / 'manifest.parquet'}: {len(manifest.subjects)} people, {len(manifest)} pictures")
