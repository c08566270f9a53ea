"""AgeDB-30 and others as folders with one pair a line, and as .bin files under their own names."""

import pickle
import shutil

import numpy as np
import pytest

from pifr.core.errors import DataError
from pifr.evaluation import Measure, evaluate, load_protocol

QUICK = Measure(rounds=20)


@pytest.fixture
def agedb(rendered, tmp_path):
    """Forty numbered pictures of ten people, beside a list of ten same and ten different pairs in turn."""
    root = tmp_path / "agedb"
    (root / "agedb_30_112x112").mkdir(parents=True)
    rows = rendered.table.groupby("subject")
    number, lines = 0, []
    paths = {name: [rendered.folder / path for path in of["path"]] for name, of in rows}
    names = sorted(paths)
    for i in range(10):
        same = (paths[names[i]][2], paths[names[i]][4])
        other = (paths[names[i]][1], paths[names[i + 1]][5])
        for label, pair in ((1, same), (0, other)):
            for path in pair:
                shutil.copy(path, root / "agedb_30_112x112" / f"{number}.png")
                number += 1
            lines.append((label, f"{number - 2}.png", f"{number - 1}.png"))
    return root, lines


@pytest.mark.parametrize("ending", ["_ann.txt", "_pair.txt"])
def test_agedb_folders_list_a_pair_a_line(agedb, small, ending):
    root, lines = agedb
    order = [0, 1, 2] if ending == "_ann.txt" else [1, 2, 0]
    (root / f"agedb_30{ending}").write_text("\n".join(" ".join(str(line[k]) for k in order) for line in lines))
    applied = load_protocol("agedb-30", root)
    np.testing.assert_array_equal(applied.folds, np.repeat(np.arange(1, 11), 2))  # runs of the list in its order
    subjects = applied.subjects[applied.pairs]
    np.testing.assert_array_equal(subjects[:, 0] == subjects[:, 1], [label == 1 for label, *_ in lines])
    assert applied.notes == ["20 pairs, the published protocol has 6,000"]
    assert evaluate(root, [small], "agedb-30", measure=QUICK).systems[0].overall.mated == 10


def test_a_bin_of_a_named_data_set_has_its_published_figures(agedb, small, tmp_path):
    root, lines = agedb
    pictures = [(root / "agedb_30_112x112" / name).read_bytes() for _, *pair in lines for name in pair]
    (tmp_path / "agedb_30.bin").write_bytes(pickle.dumps((pictures, [label == 1 for label, *_ in lines])))
    result = evaluate(tmp_path / "agedb_30.bin", [small], "agedb-30", measure=QUICK)
    assert (result.systems[0].overall.mated, result.systems[0].overall.nonmated) == (10, 10)
    assert "ArcFace R50 (CASIA)" in result.protocol["published_accuracy"]
    assert load_protocol("agedb-30", tmp_path / "agedb_30.bin", template="arcface-112").data.template == "arcface-112"


def test_aligned_copies_may_be_png_and_bring_their_template(agedb, rendered, tmp_path):
    root, lines = agedb
    for path in (root / "agedb_30_112x112").iterdir():
        path.rename(path.with_suffix(".jpg"))
    listed = [(label, a.replace("png", "jpg"), b.replace("png", "jpg")) for label, a, b in lines]
    (root / "agedb_30_ann.txt").write_text("\n".join(f"{label} {a} {b}" for label, a, b in listed))
    aligned = tmp_path / "aligned"
    aligned.mkdir()
    for number, path in enumerate(sorted((root / "agedb_30_112x112").iterdir())):
        shutil.copy(path, aligned / f"{path.stem}.png")
        if number == 0:
            (aligned / "manifest.csv").write_text(f"path,subject,template\n{path.stem}.png,x,crop:1,2,3\n".replace(
                "crop:1,2,3", '"crop:1,2,3"'))  # fmt: skip
    applied = load_protocol("agedb-30", root, pictures=aligned)
    assert set(applied.data.table["path"].str[-4:]) == {".png"}
    assert applied.data.folder == aligned
    assert applied.data.template == "crop:1,2,3"
    next(aligned.glob("1?.png")).unlink()
    with pytest.raises(DataError, match="1 of 40 pictures named by pairs are missing"):
        load_protocol("agedb-30", root, pictures=aligned)


@pytest.mark.parametrize(
    ("text", "message"),
    [("1 0.png\n", "line 1: a line names two pictures and 1 or 0, found 1 0.png"),
     ("0.png 1.png yes\n", "line 1: a line names two pictures and 1 or 0"), ("\n", "the list is empty"),
     ("1 0.png 1.png\n0 0.png 0.png\n", "two people here, but one person"),
     ("1 0.png 0.png\n0 0.png 2.png\n", "pair 1: a pair compares a picture with itself, found 0.png"),
     (None, r"there is no agedb_30_ann\.txt or agedb_30_pair\.txt or agedb_30_pairs\.txt")],
)  # fmt: skip
def test_a_wrong_list_is_one_line(agedb, text, message):
    root, _ = agedb
    if text is not None:
        (root / "agedb_30_ann.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        load_protocol("agedb-30", root)
