"""``pifr data validate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from pifr.data.validate import ValidationReport

_SHOWN = 50


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--min-pictures", default=2, show_default=True, help="Warn of people with fewer pictures.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Also write every finding to this file.")
@click.option("--all", "show_all", is_flag=True, help=f"Print all findings, not only the first {_SHOWN}.")
def validate(manifest: Path, min_pictures: int, json_path: Path | None, show_all: bool) -> None:
    """Look for everything that is wrong with MANIFEST.

    Decodes every picture: missing and broken files, sizes, grey pictures, duplicates, people with few pictures
    or in two splits, yaws in radians, mixed alignments, landmarks outside the picture. Exit code 1 if there are
    errors, 0 if there are only warnings.

    \b
    Examples:
      pifr data validate faces.csv
      pifr data validate faces.csv --min-pictures 5 --json findings.json
    """
    from pifr.core.files import write_json
    from pifr.data.manifest import read_manifest
    from pifr.data.validate import validate as validate_manifest

    report = validate_manifest(read_manifest(manifest), min_pictures)
    _print(report, len(report.findings) if show_all else _SHOWN)
    if json_path is not None:
        write_json(json_path, report.to_dict())
    if report.errors:
        sys.exit(1)


def _print(report: ValidationReport, shown: int) -> None:
    sizes = ", ".join(f"{size} ({count})" for size, count in list(report.sizes.items())[:5])
    click.echo(f"{report.name}: {report.pictures} pictures of {report.people} people; sizes {sizes or 'none'}")
    for line in report.pose_bars():
        click.echo(f"  {line}")
    if report.unknown_yaw:
        click.echo(f"  no yaw: {report.unknown_yaw}")
    for finding in report.findings[:shown]:
        place = f"row {finding.row}, {finding.file}: " if finding.file else ""
        line = f"{click.style(finding.severity, fg='red' if finding.severity == 'error' else 'yellow')}: "
        click.echo(f"{line}{place}{finding.what}; {finding.cure}")
    if len(report.findings) > shown:
        click.echo(f"... and {len(report.findings) - shown} more: --all prints them, --json writes them")
    click.echo(f"{len(report.errors)} errors, {len(report.warnings)} warnings")
