"""Contact sheets: each picture beside its source, with what was measured of it, to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pifr.augment.acceptance import ANOTHER_PERSON, OTHER_IDENTITY
from pifr.augment.marking import COMPOSITE, encode_picture, xmp_packet
from pifr.core.files import write_bytes
from pifr.data.pictures import read_picture

_CELL_PX = 72
_TEXT_PX = 26
_GAP_PX = 6
_COLUMNS, _ROWS = 8, 12
_MOST_SHEETS = 4
_WHITE, _BLACK = (255, 255, 255), (20, 20, 20)


def draw_sheets(out: Path, rows: Sequence[Mapping[str, Any]], threshold: float | None = None) -> list[Path]:
    """Draw sheets of accepted and of rejected pictures into ``out/sheets``.

    Where there are more pictures than four sheets hold, every n-th is shown.

    Args:
        out: Folder of the augmentation.
        rows: Its manifest's rows.
        threshold: Cosine of the identity check, to read the others by.

    Returns:
        The sheets, accepted ones first.
    """
    paths = []
    for name, wanted in (("accepted", True), ("rejected", False)):
        chosen = [row for row in rows if bool(row["accepted"]) is wanted]
        shown = _spread(chosen, _COLUMNS * _ROWS * _MOST_SHEETS)
        for number, start in enumerate(range(0, len(shown), _COLUMNS * _ROWS), start=1):
            path = out / "sheets" / f"{name}-{number:03d}.png"
            write_bytes(path, _sheet(out, shown[start : start + _COLUMNS * _ROWS], threshold))
            paths.append(path)
    return paths


def _spread(rows: list[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    if len(rows) <= most:
        return rows
    return [rows[index] for index in np.linspace(0, len(rows) - 1, most).round().astype(int)]


def _sheet(out: Path, rows: Sequence[Mapping[str, Any]], threshold: float | None) -> bytes:
    width, height = 2 * _CELL_PX + _GAP_PX, _CELL_PX + _TEXT_PX + _GAP_PX
    lines = -(-len(rows) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * width + _GAP_PX, lines * height + _GAP_PX), _WHITE)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=10)
    sources: dict[str, Image.Image] = {}
    for index, row in enumerate(rows):
        x = _GAP_PX + index % _COLUMNS * width
        y = _GAP_PX + index // _COLUMNS * height
        source = str(row["source_path"])
        if source not in sources:
            sources[source] = _picture(Path(source))
        sheet.paste(sources[source], (x, y))
        sheet.paste(_picture(out / row["path"]), (x + _CELL_PX, y))
        for number, text in enumerate(captions(row, threshold)):
            draw.text((x, y + _CELL_PX + 12 * number), text[:28], fill=_BLACK, font=font)
    return encode_picture(np.asarray(sheet), "png", xmp_packet(COMPOSITE, {}))


def _picture(path: Path) -> Image.Image:
    return Image.fromarray(read_picture(path)).resize((_CELL_PX, _CELL_PX), Image.Resampling.LANCZOS)


def captions(row: Mapping[str, Any], threshold: float | None) -> tuple[str, str]:
    """Return the two lines below a picture: who, yaw and cosine, and why it was rejected.

    Cosines have three digits, as the threshold has in the result; with two a reject often looks like it reached it.
    """
    yaw = _text(row.get("yaw"), "{:+.0f}")
    measured = _text(row.get("yaw_measured"), " is {:+.0f}")
    cosine = _text(row.get("identity_cosine"), " cos {:.3f}")
    reason = str(row["reject_reason"])
    if reason == OTHER_IDENTITY and threshold is not None:
        reason = f"identity below {threshold:.3f}"
    elif reason == ANOTHER_PERSON:
        reason = f"looks like {row['nearest_other']}"
    return f"{row['subject']} {yaw}{measured}{cosine}", reason


def _text(value: object, form: str) -> str:
    return "" if value is None or (isinstance(value, float) and np.isnan(value)) else form.format(value)
