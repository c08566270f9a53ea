"""IJB-B and IJB-C in the layout that their evaluators pass on: a folder ``meta`` of lists beside the pictures.

``meta/ijbc_face_tid_mid.txt`` has a line ``picture template medium`` for every face. Pairs stand in
``ijbc_template_pair_label.txt`` (``template template 1``), galleries and probes in ``ijbc_1N_gallery_G1.csv`` and
``_G2`` (IJB-B: ``S1``, ``S2``) and ``ijbc_1N_probe_mixed.csv``, whose first two columns are template and subject.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pifr.core.errors import DataError
from pifr.data.manifest import LANDMARKS, Manifest, make_manifest
from pifr.evaluation.protocols.definition import Definition
from pifr.evaluation.protocols.pairs import (
    Pair,
    aligned_name,
    expect,
    people_from_pairs,
    picture_folder,
    require_pictures,
)
from pifr.evaluation.protocols.protocol import EVALUATION, Protocol
from pifr.evaluation.protocols.templates import Templates

_GALLERIES = (("G1", "G2"), ("S1", "S2"))


def load_ijb(definition: Definition, source: Path, pictures: Path | None = None, template: str = "") -> Protocol:
    """Read IJB's one-to-one or one-to-many protocol.

    Args:
        definition: Of layout ``ijb-11`` or ``ijb-1n``.
        source: Folder that holds ``meta`` and the pictures.
        pictures: Folder of other copies of the same pictures, for example aligned ones.
        template: Alignment template that the pictures went through.

    Raises:
        DataError: If a file is missing or malformed, a list names an unknown template, or a picture is missing.
    """
    faces = _read_faces(source, definition.list_name)
    subject_of = _read_subjects(source, definition.list_name, required=definition.layout == "ijb-1n")
    if definition.layout == "ijb-11":
        return _one_to_one(definition, source, faces, subject_of, pictures, template)
    return _one_to_many(definition, source, faces, subject_of, pictures, template)


def read_ijb_pictures(source: Path, list_name: str) -> Manifest:
    """Return IJB's pictures with the landmarks of ``meta/<list_name>_name_5pts_score.txt``, ready to be aligned.

    The column ``subject`` holds the template, since that is what a face is listed by.

    Args:
        source: Folder that holds ``meta`` and ``loose_crop``.
        list_name: ``ijbb`` or ``ijbc``.
    """
    faces = _read_faces(source, list_name)
    path = expect(source, f"meta/{list_name}_name_5pts_score.txt")
    columns = [f"{point}_{axis}" for point in LANDMARKS for axis in "xy"]
    points = _table(path, ["path", *columns, "score"])
    if points["path"].tolist() != faces["path"].tolist():
        raise DataError("the landmarks are of other pictures than the templates", where=path)
    folder = picture_folder(source, points["path"].tolist())
    return make_manifest(points.assign(subject=faces["template"].astype(str)), folder, str(source))


def _one_to_one(
    definition: Definition, source: Path, faces: pd.DataFrame, subject_of: dict[int, str], pictures: Path | None,
    template: str,
) -> Protocol:  # fmt: skip
    path = expect(source, f"meta/{definition.list_name}_template_pair_label.txt")
    listed = _table(path, ["first", "second", "same"])
    numbers = _integers(listed, ["first", "second", "same"], path)
    same = numbers[:, 2] == 1
    if same.all() or not same.any():
        raise DataError("a verification needs pairs of one person and pairs of two", where=path)
    used = np.unique(numbers[:, :2])
    subjects = _subjects_of_pairs(used, numbers, same, subject_of, path)
    made = _templates(used, subjects, np.full(len(used), ""), faces, path, definition)
    pairs = np.searchsorted(used, numbers[:, :2])
    data = _pictures(source, faces, made, subjects, pictures, template)
    return Protocol(
        definition, data, enrolment=np.unique(pairs[:, 0]), probes=np.unique(pairs[:, 1]),
        part=np.full(len(used), EVALUATION), pairs=pairs[:, ::-1], templates=made,
        notes=_count_notes(definition, pairs=len(pairs)),
    )  # fmt: skip


def _one_to_many(
    definition: Definition, source: Path, faces: pd.DataFrame, subject_of: dict[int, str], pictures: Path | None,
    template: str,
) -> Protocol:  # fmt: skip
    gallery_of = {
        number: name for name in _gallery_names(source, definition.list_name)
        for number in _read_list(source, f"{definition.list_name}_1N_gallery_{name}.csv")
    }  # fmt: skip
    probes = np.array(sorted(_read_list(source, f"{definition.list_name}_1N_probe_mixed.csv")))
    both = sorted(set(gallery_of) & set(probes.tolist()))
    if both:
        raise DataError(f"{len(both)} templates are in a gallery and among the probes", where=source,
                        found=f"template {both[0]}")  # fmt: skip
    used = np.union1d(np.array(sorted(gallery_of)), probes)
    subjects = np.array([subject_of[number] for number in used.tolist()])
    gallery = np.array([gallery_of.get(number, "") for number in used.tolist()])
    made = _templates(used, subjects, gallery, faces, source, definition)
    enrolled = np.flatnonzero(gallery != "")
    data = _pictures(source, faces, made, subjects, pictures, template)
    return Protocol(
        definition, data, enrolment=enrolled, probes=np.searchsorted(used, probes),
        part=np.full(len(used), EVALUATION), templates=made,
        notes=_count_notes(definition, enrolled=len(enrolled), probes=len(probes)),
    )  # fmt: skip


def _templates(
    used: np.ndarray, subjects: np.ndarray, gallery: np.ndarray, faces: pd.DataFrame, where: Path,
    definition: Definition,
) -> Templates:  # fmt: skip
    """Gather the pictures of the templates in use; a template without pictures is refused by name."""
    member = np.flatnonzero(np.isin(faces["template"], used))
    index = np.searchsorted(used, faces["template"].to_numpy()[member])
    empty = np.setdiff1d(np.arange(len(used)), index)
    if empty.size:
        raise DataError(f"{empty.size} templates have no picture", where=where, found=f"template {used[empty[0]]}",
                        cure=f"is {definition.list_name}_face_tid_mid.txt of the same data set?")  # fmt: skip
    media = faces["medium"].to_numpy()[member]
    return Templates(used.astype(str), subjects, gallery, member, index, media, definition.picture_weight)


def _pictures(
    source: Path, faces: pd.DataFrame, made: Templates, subjects: np.ndarray, pictures: Path | None, template: str
) -> Manifest:
    """Make a manifest of all faces and check that those in use are there."""
    names = faces["path"].astype(str).to_numpy(dtype=object)
    if pictures is None:
        folder = picture_folder(source, names[made.picture[:100]].tolist())
    else:
        folder = Path(pictures)
        names = np.array([aligned_name(folder, name) for name in names], dtype=object)
    require_pictures(folder, np.unique(names[made.picture]).tolist(), source)
    subject = np.full(len(names), "of no template in use", dtype=object)
    subject[made.picture] = subjects[made.template]
    table = pd.DataFrame({"path": names, "subject": subject})
    return make_manifest(table.assign(template=template) if template else table, folder, str(source))


def _subjects_of_pairs(
    used: np.ndarray, numbers: np.ndarray, same: np.ndarray, subject_of: dict[int, str], path: Path
) -> np.ndarray:
    """Return who each template shows: as the 1:N lists say, else templates linked by same pairs are one person."""
    if all(number in subject_of for number in used.tolist()):
        subjects = np.array([subject_of[number] for number in used.tolist()])
    else:
        linked = [Pair(str(first), str(second), True) for first, second in numbers[same, :2].tolist()]
        person = people_from_pairs(linked, str(path))
        subjects = np.array([f"person of template {person.get(str(number), number)}" for number in used.tolist()])
    sides = np.searchsorted(used, numbers[:, :2])
    wrong = np.flatnonzero((subjects[sides[:, 0]] == subjects[sides[:, 1]]) != same)
    if wrong.size:
        raise DataError("the label contradicts the subjects of the templates", where=f"{path}, line {wrong[0] + 1}",
                        found=" ".join(numbers[wrong[0]].astype(str)))  # fmt: skip
    return subjects


def _read_faces(source: Path, list_name: str) -> pd.DataFrame:
    path = expect(source, f"meta/{list_name}_face_tid_mid.txt")
    faces = _table(path, ["path", "template", "medium"])
    numbers = _integers(faces, ["template", "medium"], path)
    return pd.DataFrame({"path": faces["path"], "template": numbers[:, 0], "medium": numbers[:, 1]})


def _read_subjects(source: Path, list_name: str, required: bool) -> dict[int, str]:
    """Return template -> subject from the 1:N lists; nothing where they are absent and not required."""
    names = [f"{list_name}_1N_gallery_{name}.csv" for name in _gallery_names(source, list_name)]
    names.append(f"{list_name}_1N_probe_mixed.csv")
    if not required and not all((source / "meta" / name).is_file() for name in names):
        return {}
    return {number: subject for name in names for number, subject in _read_list(source, name).items()}


def _gallery_names(source: Path, list_name: str) -> tuple[str, str]:
    for names in _GALLERIES:
        if (source / "meta" / f"{list_name}_1N_gallery_{names[0]}.csv").is_file():
            return names
    return _GALLERIES[0]


def _read_list(source: Path, name: str) -> dict[int, str]:
    """Read template -> subject; the file may have a line a picture and further columns."""
    path = expect(source, f"meta/{name}")
    try:
        table = pd.read_csv(path, usecols=[0, 1], dtype=str)
    except (ValueError, OSError) as error:
        raise DataError("a list has the columns template and subject", where=path, found=error) from error
    table.columns = ["template", "subject"]
    numbers = _integers(table, ["template"], path, first_line=2)[:, 0]
    return dict(zip(numbers.tolist(), table["subject"].astype(str), strict=True))


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, sep=r"\s+", header=None, dtype={0: str})
    except (ValueError, OSError) as error:
        raise DataError("can't read the list", where=path, found=error) from error
    if table.shape[1] != len(columns):
        raise DataError(f"a line holds {' '.join(columns)}", where=path, found=f"{table.shape[1]} words")
    return table.set_axis(columns, axis=1)


def _integers(table: pd.DataFrame, columns: list[str], path: Path, first_line: int = 1) -> np.ndarray:
    numbers = table[columns].apply(pd.to_numeric, errors="coerce")
    bad = np.flatnonzero(numbers.isna().any(axis=1))
    if bad.size:
        raise DataError(f"{' and '.join(columns)} are whole numbers", where=f"{path}, line {bad[0] + first_line}",
                        found=" ".join(table.iloc[bad[0]].astype(str)))  # fmt: skip
    return numbers.to_numpy(dtype=np.int64)


def _count_notes(definition: Definition, **found: int) -> list[str]:
    return [
        f"{count:,} {name}, the published protocol has {definition.expected[name]:,}"
        for name, count in found.items() if definition.expected.get(name, count) != count
    ]  # fmt: skip
