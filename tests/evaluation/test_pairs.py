"""Protocols of pairs, each on a small tree in its own layout made of rendered people.

What a protocol means is computed a second time here, from the text of its own files.
"""

import itertools
import pickle
import re

import numpy as np
import pandas as pd
import pytest

from pifr.core.errors import ConfigError, DataError
from pifr.data.pictures import read_picture
from pifr.evaluation import Measure, evaluate, load_protocol, read_result
from pifr.evaluation.protocols.pairs import Pair, people_from_pairs

QUICK = Measure(rounds=20)


def vectors_of(small, paths):
    vectors = small(np.stack([read_picture(path) for path in paths]))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def accuracy_by_text(scores, labels, folds):
    """LFW's rule in words: the best threshold of the other folds, half-way between scores, lowest of equals.

    At the ends it lies just outside all scores: where it is best to accept nobody, a higher score is still accepted.
    """
    scores, found = scores.astype(float), []
    for fold in sorted(set(folds)):
        rest, here = folds != fold, folds == fold
        ordered = np.sort(scores[rest])
        middles = (ordered[1:] + ordered[:-1]) / 2
        candidates = [np.nextafter(ordered[0], -np.inf), *middles, np.nextafter(ordered[-1], np.inf)]
        right = [np.mean((scores[rest] >= t) == labels[rest]) for t in candidates]
        found.append(np.mean((scores[here] >= candidates[int(np.argmax(right))]) == labels[here]))
    return found


@pytest.fixture(scope="module")
def people(rendered):
    """Person -> paths from left to right profile."""
    return {name: [rendered.folder / path for path in rows["path"]] for name, rows in rendered.table.groupby("subject")}


@pytest.fixture(scope="module")
def cfp(people, tmp_path_factory):
    """CFP's own layout: 12 people, 3 frontal and 2 profile pictures each, 3 splits of 4 people."""
    root = tmp_path_factory.mktemp("cfp")
    lists = {"F": [], "P": []}
    for name, paths in people.items():
        for side, folder, chosen in (("F", "frontal", paths[2:5]), ("P", "profile", [paths[0], paths[-1]])):
            for number, path in enumerate(chosen, start=1):
                place = root / "Data" / "Images" / name / folder / f"{number:02d}.jpg"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(path.read_bytes())
                lists[side].append(f"../Data/Images/{name}/{folder}/{number:02d}.jpg")
    protocol = root / "Protocol"
    protocol.mkdir()
    for side, paths in lists.items():
        (protocol / f"Pair_list_{side}.txt").write_text("".join(f"{i} {p}\n" for i, p in enumerate(paths, 1)))
    rng = np.random.default_rng(0)
    for kind, size in (("FF", 3), ("FP", 2)):
        for split in range(3):
            folder = protocol / "Split" / kind / f"{split + 1:02d}"
            folder.mkdir(parents=True)
            group = range(4 * split, 4 * split + 4)
            same = [(3 * p + 1, size * p + 2) for p in group] + [(3 * p + 3, size * p + 1) for p in group]
            other = [(3 * p + rng.integers(1, 4), size * q + rng.integers(1, size + 1)) for p in group for q in group
                     if p != q]  # fmt: skip
            (folder / "same.txt").write_text("".join(f"{a},{b}\n" for a, b in same))
            (folder / "diff.txt").write_text("".join(f"{a},{b}\n" for a, b in other))
    return root


@pytest.mark.parametrize("kind", ["FF", "FP"])
def test_cfp_equals_a_reading_of_its_own_files(cfp, small, kind):
    found = evaluate(cfp, [small], f"cfp-{kind.lower()}", measure=QUICK)
    read = {side: [line.split()[1] for line in (cfp / "Protocol" / f"Pair_list_{side}.txt").open()] for side in "FP"}
    scores, labels, folds = [], [], []
    for fold in range(1, 4):
        for name, same in (("same", True), ("diff", False)):
            for line in (cfp / "Protocol" / "Split" / kind / f"{fold:02d}" / f"{name}.txt").open():
                a, b = (int(n) - 1 for n in line.split(","))
                pair = [cfp / "Protocol" / read["F"][a], cfp / "Protocol" / read[kind[1]][b]]
                left, right = vectors_of(small, pair)
                scores.append(left @ right)
                labels.append(same)
                folds.append(fold)
    system = found.systems[0]
    expected = accuracy_by_text(np.array(scores), np.array(labels), np.array(folds))
    np.testing.assert_allclose(system.folds.accuracy, expected)
    assert (system.overall.mated, system.overall.nonmated) == (24, 36)
    assert found.protocol["notes"] == ["60 pairs, the published protocol has 7,000"]
    assert system.overall.rank == {}
    assert "accuracy %" in found.table()


def test_cfp_that_is_not_as_published_is_refused(cfp, people, tmp_path, small):
    with pytest.raises(DataError, match=r"not the promised layout: there is no Protocol/Pair_list_F\.txt"):
        load_protocol("cfp-fp", tmp_path)
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(cfp, copy)
    (copy / "Protocol" / "Split" / "FP" / "02" / "same.txt").write_text("1,999\n")
    with pytest.raises(DataError, match=r"same\.txt, line 1: no such picture in the list, found 999"):
        load_protocol("cfp-fp", copy)
    (copy / "Protocol" / "Split" / "FP" / "02" / "same.txt").write_text("1;2\n")
    with pytest.raises(DataError, match="two numbers separated by a comma, found 1;2"):
        load_protocol("cfp-fp", copy)
    shutil.rmtree(copy / "Data" / "Images" / "003")
    with pytest.raises(DataError, match="pictures named by pairs are missing, this one first"):
        load_protocol("cfp-ff", copy)


@pytest.fixture
def lfw(people, tmp_path):
    """LFW's layout: two folds of four same and four different pairs."""
    names = [f"Person_{name}" for name in people]
    for name, paths in zip(names, people.values(), strict=True):
        folder = tmp_path / "lfw-deepfunneled" / name
        folder.mkdir(parents=True)
        for number, path in enumerate(paths, start=1):
            (folder / f"{name}_{number:04d}.jpg").write_bytes(path.read_bytes())
    lines = ["2\t4"]
    for fold in range(2):
        group = names[6 * fold : 6 * fold + 6]
        lines += [f"{name}\t3\t5" for name in group[:4]]
        lines += [f"{group[i]}\t4\t{group[i + 2]}\t3" for i in range(4)]
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_lfw_equals_a_reading_of_its_own_file(lfw, small):
    system = evaluate(lfw, [small], "lfw", measure=QUICK).systems[0]
    scores, labels, folds = [], [], []
    for number, line in enumerate((lfw / "pairs.txt").read_text().splitlines()[1:]):
        words = line.split("\t")
        if len(words) == 3:
            sides = [(words[0], words[1]), (words[0], words[2])]
        else:
            sides = [(words[0], words[1]), (words[2], words[3])]
        files = [lfw / "lfw-deepfunneled" / n / f"{n}_{int(i):04d}.jpg" for n, i in sides]
        left, right = vectors_of(small, files)
        scores.append(left @ right)
        labels.append(len(words) == 3)
        folds.append(number // 8)
    expected = accuracy_by_text(np.array(scores), np.array(labels), np.array(folds))
    np.testing.assert_allclose(system.folds.accuracy, expected)


def test_folds_survive_the_files(lfw, small, tmp_path):
    result = evaluate(lfw, [small], "lfw", out=tmp_path / "bench", measure=QUICK)
    again = read_result(tmp_path / "bench")
    assert again.to_dict() == result.to_dict()
    assert again.systems[0].folds.mean == result.systems[0].folds.mean


@pytest.mark.parametrize(
    ("text", "message"),
    [("Someone 1 2\n", "first line holds the numbers"), ("2 4\nPerson_001 1 2\n", "are promised, found 1 lines"),
     ("1\nPerson_001 1\nPerson_001 1 Person_002 1\n", "line 2: a line names a person and two numbers"),
     ("1\nPerson_001 1 99\nPerson_001 1 Person_002 1\n", "1 of 3 pictures named by pairs are missing")],
)  # fmt: skip
def test_malformed_lfw_files_are_refused(lfw, text, message):
    (lfw / "pairs.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        load_protocol("lfw", lfw)


def test_cplfw_pairs_are_two_lines_and_cut_into_runs(people, tmp_path, small):
    (tmp_path / "images").mkdir()
    names = list(people)
    for name, paths in people.items():
        for number, path in enumerate(paths[2:5], start=1):
            (tmp_path / "images" / f"{name}_{number}.jpg").write_bytes(path.read_bytes())
    same = [(f"{name}_1.jpg", f"{name}_3.jpg") for name in names[:10]]
    other = [(f"{names[i]}_2.jpg", f"{names[i + 1]}_2.jpg") for i in range(10)]
    lines = [f"{picture} {label}" for pairs, label in ((same, 1), (other, 0)) for pair in pairs for picture in pair]
    (tmp_path / "pairs_CPLFW.txt").write_text("\n".join(lines))
    applied = load_protocol("cplfw", tmp_path)
    assert applied.folds.tolist() == [*range(1, 11), *range(1, 11)]
    assert evaluate(tmp_path, [small], "cplfw", measure=QUICK).systems[0].overall.mated == 10
    (tmp_path / "pairs_CPLFW.txt").write_text("\n".join([*lines[:2], f"{names[0]}_1.jpg 1", f"{names[1]}_1.jpg 0"]))
    with pytest.raises(DataError, match="line 3: the two lines of a pair disagree, found 1 and 0"):
        load_protocol("cplfw", tmp_path)
    (tmp_path / "pairs_CPLFW.txt").write_text("\n".join([*lines[20:22], f"{names[0]}_1.jpg 1", f"{names[1]}_1.jpg 1"]))
    with pytest.raises(DataError, match="label of a pair contradicts its file names"):
        load_protocol("cplfw", tmp_path)


def write_bin(path, people, protocol=2):
    """InsightFace's form: (encoded pictures two a pair, labels)."""
    names = list(people)
    pictures, labels = [], []
    for i in range(10):
        pictures += [people[names[i]][2].read_bytes(), people[names[i]][4].read_bytes()]
        pictures += [people[names[i]][3].read_bytes(), people[names[i + 1]][3].read_bytes()]
        labels += [True, False]
    path.write_bytes(pickle.dumps((pictures, labels), protocol=protocol))


@pytest.mark.parametrize("protocol", [2, 4])
def test_bin_files_are_read_without_running_them(people, tmp_path, small, protocol):
    write_bin(tmp_path / "x.bin", people, protocol)
    found = evaluate(tmp_path / "x.bin", [small], "bin", measure=QUICK)
    assert (found.systems[0].overall.mated, found.systems[0].overall.nonmated) == (10, 10)
    assert len(found.systems[0].folds.accuracy) == 10
    assert len(found.scores.pictures) == 10 * 2 + 11  # the pictures that come twice are kept once


class Harmful:
    def __reduce__(self):
        return (exec, ("raise SystemExit('ran')",))


@pytest.mark.parametrize(
    ("content", "message"),
    [(pickle.dumps(Harmful()), "asks for more than data and was not opened, found builtins.exec"),
     (b"not a pickle", r"not a \.bin file"), (pickle.dumps(([b"x"], [True])), "two pictures a label"),
     (pickle.dumps(([b"GIF89a..", b"GIF89a.."], [True])), "neither JPEG nor PNG")],
)  # fmt: skip
def test_bad_bin_files_are_refused(tmp_path, content, message):
    (tmp_path / "x.bin").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_protocol("bin", tmp_path / "x.bin")


def test_a_users_own_pairs(people, tmp_path, small):
    names = list(people)
    rows = [{"first": people[n][3], "second": people[n][2], "same": 1, "fold": 1 + i % 2} for i, n in enumerate(names)]
    rows += [{"first": people[a][3], "second": people[b][3], "same": 0, "fold": 1 + i % 2}
             for i, (a, b) in enumerate(itertools.pairwise(names))]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "pairs.csv", index=False)
    system = evaluate(tmp_path / "pairs.csv", [small], "pairs", measure=QUICK).systems[0]
    assert (system.overall.mated, system.overall.nonmated) == (12, 11)
    pd.DataFrame(rows).drop(columns="fold").to_csv(tmp_path / "pairs.csv", index=False)
    assert evaluate(tmp_path / "pairs.csv", [small], "pairs", measure=QUICK).systems[0].folds is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("first,second\na,b\n", "no column 'same'"), ("first,second,same\na,b,maybe\n", "row 1: 'same' is 1 or 0"),
     ("first,second,same\na,b,1\n", "pairs of one person and pairs of two"),
     ("first,second,same\na,b,1\nc,d,0\n", "4 of 4 pictures named by pairs are missing"),
     ("first,second,same\na,b,1\nb,c,1\na,c,0\n", "pair 3: two people here, but one person by the other pairs")],
)  # fmt: skip
def test_a_users_mistakes_are_named(tmp_path, text, message):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(DataError, match=re.escape(message)):
        load_protocol("pairs", tmp_path / "pairs.csv")


@pytest.mark.parametrize(
    ("folds", "message"),
    [("one,two", "row 1: a fold is a whole number from 1, found 'one'"), ("1,0", "row 2: a fold is a whole number"),
     ("1,1.5", "row 2: a fold is a whole number"), ("1,99999", "row 2: a fold is a whole number"),
     ("1,", "row 2: no fold, but other rows have one; number every row or none"), (",2", "row 1: no fold")],
)  # fmt: skip
def test_folds_that_are_no_numbers_are_not_dropped(tmp_path, folds, message):
    first, second = folds.split(",")
    (tmp_path / "pairs.csv").write_text(f"first,second,same,fold\na,b,1,{first}\nc,d,0,{second}\n")
    with pytest.raises(DataError, match=re.escape(message)):
        load_protocol("pairs", tmp_path / "pairs.csv")


@pytest.mark.parametrize(("folds", "expected"), [("1,2", [1, 2]), ("3.0, 2 ", [3, 2]), (",", [0, 0])])
def test_folds_of_a_table(tmp_path, folds, expected):
    for name in "abcd":
        (tmp_path / name).touch()
    first, second = folds.split(",")
    (tmp_path / "pairs.csv").write_text(f"first,second,same,fold\na,b,1,{first}\nc,d,0,{second}\n")
    assert load_protocol("pairs", tmp_path / "pairs.csv").folds.tolist() == expected


def test_people_follow_from_pairs():
    person = people_from_pairs([Pair("a", "b", True), Pair("c", "b", True), Pair("d", "a", False)], "x")
    assert person["a"] == person["b"] == person["c"] != person["d"]


def test_pairs_take_no_manifest_and_no_training_people(rendered):
    with pytest.raises(DataError, match="lfw lists its pictures itself and takes no manifest"):
        load_protocol("lfw", rendered)
    with pytest.raises(ConfigError, match="trains on nobody"):
        load_protocol("lfw", rendered.folder, train_people=3)


def test_gallery_and_probes_of_ones_own(rendered, small):
    yaw = rendered.table["yaw"]
    role = np.select([yaw == 30, yaw == 60], ["gallery", "probe"], "unused")
    data = type(rendered)(rendered.table.assign(role=role), rendered.folder)
    applied = load_protocol("gallery-probe", data)
    assert (yaw[applied.enrolment] == 30).all()
    assert (yaw[applied.probes] == 60).all()
    assert evaluate(data, [small], "gallery-probe", measure=QUICK).systems[0].overall.probes == 12
