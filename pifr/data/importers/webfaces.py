"""Import MS-Celeb-1M and CASIA-WebFace as folders, one a person, known by how the folders are named.

* MS-Celeb-1M (Guo et al., ECCV 2016): ``m.0107_f/...jpg``; the folder is the person's Freebase id. Names are read from
  ``Top1M_MidList.Name.tsv`` (``m.0107_f <tab> "Name"@en``) where it lies in or beside the folder.
* CASIA-WebFace (Yi et al., 2014): ``0000045/001.jpg``; seven digits a person, names are not part of the set.
"""

from __future__ import annotations

import re
from pathlib import Path

from pifr.core.errors import DataError
from pifr.data.importers import ImportResult
from pifr.data.importers.folder import import_folder
from pifr.data.manifest import make_manifest

MS_CELEB_PERSON = re.compile(r"m\.[0-9a-z_]+")
CASIA_PERSON = re.compile(r"\d{7}")
_NAMES = "Top1M_MidList.Name.tsv"
_NAME_LINE = re.compile(r"(m\.[0-9a-z_]+)\s+\"(.*)\"@([a-z-]+)")


def import_ms_celeb(source: Path) -> ImportResult:
    """Read folders named by Freebase id.

    Raises:
        DataError: If no folder of pictures is named so.
    """
    result = _import_named(source, MS_CELEB_PERSON, "MS-Celeb-1M", "m.0107_f/picture.jpg")
    names = _read_names(Path(source))
    if not names:
        return ImportResult(result.manifest, [*result.notes, f"no {_NAMES}: people have no names"], result.failures)
    table = result.manifest.table
    table = table.assign(name=[names.get(subject, "") for subject in table["subject"]])
    manifest = make_manifest(table, result.manifest.folder, result.manifest.name)
    return ImportResult(manifest, result.notes, result.failures)


def import_casia(source: Path) -> ImportResult:
    """Read folders named by seven digits.

    Raises:
        DataError: If no folder of pictures is named so.
    """
    return _import_named(source, CASIA_PERSON, "CASIA-WebFace", "0000045/001.jpg")


def _import_named(source: Path, person: re.Pattern[str], title: str, example: str) -> ImportResult:
    result = import_folder(source)
    table = result.manifest.table
    fits = table["subject"].map(lambda name: person.fullmatch(name) is not None).to_numpy(dtype=bool)
    if not fits.any():
        raise DataError(f"no folder is named like {title}", where=source, cure=f"the layout is {example}")
    notes = list(result.notes)
    if not fits.all():
        others = sorted(set(table["subject"][~fits]))
        notes.append(f"warning: {(~fits).sum()} pictures in folders not named like {title} were left out, "
                     f"{others[0]!r} first")  # fmt: skip
    manifest = result.manifest.select(fits)
    made = make_manifest(manifest.table.assign(kind="real"), manifest.folder, manifest.name)
    return ImportResult(made, notes, result.failures)


def _read_names(source: Path) -> dict[str, str]:
    """Return Freebase id -> name, the English one where there is one."""
    names: dict[str, str] = {}
    for path in (source / _NAMES, source.resolve().parent / _NAMES):
        if not path.is_file():
            continue
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                match = _NAME_LINE.match(line)
                if match and (match[3] == "en" or match[1] not in names):
                    names[match[1]] = match[2]
        break
    return names
