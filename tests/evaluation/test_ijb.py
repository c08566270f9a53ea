"""IJB's templates on a small tree in its own layout, against sums written out here, media by media."""

import shutil

import numpy as np
import pytest

from pifr.core.errors import ConfigError, DataError
from pifr.data.pictures import read_picture
from pifr.evaluation import Measure, evaluate, load_protocol, read_result
from pifr.evaluation.protocols import load_definition
from pifr.evaluation.protocols.ijb import read_ijb_pictures
from pifr.evaluation.protocols.pairs import load_pairs
from pifr.evaluation.protocols.templates import Templates, pool

QUICK = Measure(rounds=20)
# Template -> (medium of each of its pictures, which yaws): a photograph, a video of two frames, both.
KINDS = {0: ([7], [3]), 1: ([8, 8], [2, 4]), 2: ([9, 9, 5], [1, 5, 3]), 3: ([4], [6])}


@pytest.fixture(scope="module")
def ijb(rendered, tmp_path_factory):
    """Twelve people with four templates each: the first enrolled, in G1 or G2, the others searched with."""
    root = tmp_path_factory.mktemp("IJBC")
    (root / "meta").mkdir()
    (root / "loose_crop").mkdir()
    faces, galleries, probes, marks = [], {"G1": [], "G2": []}, [], []
    for person, (_, rows) in enumerate(rendered.table.groupby("subject")):
        paths = [rendered.folder / path for path in rows["path"]]
        for kind, (media, yaws) in KINDS.items():
            template = 100 * (person + 1) + kind
            for medium, yaw in zip(media, yaws, strict=True):
                name = f"{len(faces) + 1}.png"
                shutil.copy(paths[yaw], root / "loose_crop" / name)
                faces.append(f"{name} {template} {medium}")
                marks.append(f"{name} 20 25 44 25 32 38 22 48 42 48 0.99")
            if kind == 0:
                galleries["G1" if person < 7 else "G2"].append(f"{template},{person}")
            else:
                probes.append(f"{template},{person}")
    pairs = [f"{100 * (a + 1)} {100 * (b + 1) + kind} {int(a == b)}" for a in range(12) for b in range(12)
             for kind in (1, 2, 3) if a == b or (a + b) % 3 == 0]  # fmt: skip
    write = {
        "face_tid_mid.txt": faces, "template_pair_label.txt": pairs, "name_5pts_score.txt": marks,
        "1N_probe_mixed.csv": ["TEMPLATE_ID,SUBJECT_ID", *probes],
        **{f"1N_gallery_{name}.csv": ["TEMPLATE_ID,SUBJECT_ID", *lines] for name, lines in galleries.items()},
    }  # fmt: skip
    for name, lines in write.items():
        (root / "meta" / f"ijbc_{name}").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def copy(ijb, tmp_path):
    return shutil.copytree(ijb, tmp_path / "IJBC")


def templates_by_hand(root, embed):
    """Template -> vector: mean of the pictures of each medium, sum over media, unit length; one picture at a time."""
    media = {}
    for line in (root / "meta" / "ijbc_face_tid_mid.txt").read_text().splitlines():
        name, template, medium = line.split()
        vector = embed(read_picture(root / "loose_crop" / name)[None])[0].astype(float)
        media.setdefault(int(template), {}).setdefault(medium, []).append(vector / np.linalg.norm(vector))
    made = {}
    for template, of_medium in media.items():
        total = sum(sum(vectors) / len(vectors) for vectors in of_medium.values())
        made[template] = total / np.linalg.norm(total)
    return made


def test_one_to_one_scores_equal_a_sum_by_hand(ijb, small):
    result = evaluate(ijb, [small], "ijbc", measure=QUICK)
    made = templates_by_hand(ijb, small)
    lines = [line.split() for line in (ijb / "meta" / "ijbc_template_pair_label.txt").read_text().splitlines()]
    expected = [made[int(a)] @ made[int(b)] for a, b, _ in lines]
    np.testing.assert_allclose(result.scores.scores["small"], expected, atol=2e-6)
    np.testing.assert_array_equal(result.scores.mated, [label == "1" for *_, label in lines])
    assert result.protocol["notes"] == [f"{len(lines):,} pairs, the published protocol has 15,658,489"]
    assert result.systems[0].overall.people == 12
    assert result.systems[0].overall.rank == {}


def test_one_to_many_equals_a_search_by_hand(ijb, small, tmp_path):
    result = evaluate(ijb, [small], "ijbc-1n", tmp_path, measure=QUICK)
    made = templates_by_hand(ijb, small)
    galleries = {"G1": range(7), "G2": range(7, 12)}
    hits, best_of_strangers, own = [], {}, {}
    for name, people in galleries.items():
        best_of_strangers[name], own[name] = [], []
        for person in range(12):
            for kind in (1, 2, 3):
                scores = [made[100 * (other + 1)] @ made[100 * (person + 1) + kind] for other in people]
                if person in people:
                    first = list(people)[int(np.argmax(scores))] == person
                    hits.append(first)
                    own[name].append((scores[list(people).index(person)], first))
                else:
                    best_of_strangers[name].append(max(scores))
    system = result.systems[0]
    assert system.overall.rank[1] == pytest.approx(np.mean(hits))
    # FPIR 0.1: of 15 strangers' searches in G1 one may be answered, of 21 in G2 two.
    expected = []
    for name, allowed in (("G1", 1), ("G2", 2)):
        threshold = sorted(best_of_strangers[name])[-allowed - 1]
        expected.append(np.mean([first and score > threshold for score, first in own[name]]))
    assert system.open_set.galleries == {"G1": (7, 21, 15), "G2": (5, 15, 21)}
    by_fpir = {each.fpir: each for each in system.open_set.rates}
    assert by_fpir[0.1].rate == pytest.approx(np.mean(expected))
    assert by_fpir[0.1].interval.low <= by_fpir[0.1].rate <= by_fpir[0.1].interval.high
    assert by_fpir[0.001].rate != by_fpir[0.001].rate  # 15 strangers can't say
    assert read_result(tmp_path).to_dict() == result.to_dict()


def test_people_follow_from_pairs_where_the_lists_of_subjects_are_missing(copy, small):
    with_lists = evaluate(copy, [small], "ijbc", measure=QUICK)
    for path in (copy / "meta").glob("*1N*"):
        path.unlink()
    without = evaluate(copy, [small], "ijbc", measure=QUICK)
    np.testing.assert_array_equal(without.scores.mated, with_lists.scores.mated)
    assert without.systems[0].overall.eer == with_lists.systems[0].overall.eer


def test_a_template_is_lost_only_if_all_its_pictures_are(copy, small):
    (copy / "loose_crop" / "2.png").write_bytes(b"broken")  # one of two frames of template 101
    (copy / "loose_crop" / "1.png").write_bytes(b"broken")  # the only picture of template 100
    result = evaluate(copy, [small], "ijbc-1n", measure=QUICK)
    scores, references = result.scores.scores["small"], result.scores.reference
    assert result.systems[0].record["failed_pictures"] == 2
    lost = np.unique(references[np.isnan(scores)])
    assert len(lost) == 1
    assert np.isnan(scores[references == lost[0]]).all()
    assert result.systems[0].overall.failures == 3  # all probes of the person who could not be enrolled


def test_faces_of_templates_not_in_use_need_not_be_there(copy, small):
    with open(copy / "meta" / "ijbc_face_tid_mid.txt", "a") as faces:
        faces.write("99999.png 99999 1\n")
    found = evaluate(copy, [small], "ijbc-1n", measure=QUICK)
    assert found.systems[0].record["failed_pictures"] == 0
    assert found.environment["data_fingerprint"]


def test_aligned_copies_stand_in_for_the_pictures(ijb, small, tmp_path):
    manifest = read_ijb_pictures(ijb, "ijbc")
    assert (len(manifest), manifest.table["nose_tip_y"][0]) == (84, 38)
    for path in (ijb / "loose_crop").iterdir():
        shutil.copy(path, tmp_path / path.name)
    small.spec = small.spec.model_copy(update={"template": "arcface-112"})
    with pytest.raises(DataError, match="aligned by template 'unaligned', the model was trained on 'arcface-112'"):
        evaluate(ijb, [small], "ijbc", measure=QUICK)
    applied = load_protocol("ijbc", ijb, pictures=tmp_path, template="arcface-112")
    assert evaluate(applied.data, [small], applied, measure=QUICK).systems[0].overall.mated == 36


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [("template_pair_label.txt", "100 101 1", "100 101 0", "line 1: the label contradicts the subjects"),
     ("template_pair_label.txt", "100 101 1", "100 999 1", "1 templates have no picture, found template 999"),
     ("template_pair_label.txt", "100 101 1", "100 x 1", "line 1: first and second and same are whole numbers"),
     ("template_pair_label.txt", " 0\n", " 1\n", "pairs of one person and pairs of two"),
     ("face_tid_mid.txt", "\n", " 3\n", "a line holds path template medium, found 4 words"),
     ("face_tid_mid.txt", "84.png", "gone.png", "1 of 84 pictures named by pairs are missing")],
)  # fmt: skip
def test_a_damaged_list_is_one_line(copy, name, old, new, message):
    path = copy / "meta" / f"ijbc_{name}"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError, match=message):
        load_protocol("ijbc", copy)


def test_another_data_set_and_missing_files_are_named(copy):
    with pytest.raises(DataError, match=r"not the promised layout: there is no meta/ijbb_face_tid_mid\.txt"):
        load_protocol("ijbb", copy)
    (copy / "meta" / "ijbc_1N_gallery_G2.csv").unlink()
    with pytest.raises(DataError, match=r"there is no meta/ijbc_1N_gallery_G2\.csv"):
        load_protocol("ijbc-1n", copy)


def test_an_enrolled_template_among_the_probes_is_refused(copy):
    with (copy / "meta" / "ijbc_1N_probe_mixed.csv").open("a") as file:
        file.write("100,0\n")
    with pytest.raises(DataError, match="1 templates are in a gallery and among the probes, found template 100"):
        load_protocol("ijbc-1n", copy)


def test_a_manifest_names_its_pictures_itself(rendered):
    with pytest.raises(ConfigError, match="--pictures: posegrid reads a manifest"):
        load_protocol("posegrid", rendered, pictures=".")


def test_long_embeddings_count_more_only_by_the_norm():
    vectors = np.array([[10.0, 0.0], [0.0, 1.0]])
    members = (np.array(["t"]), np.array(["p"]), np.array([""]), np.arange(2), np.zeros(2, int), np.array([1, 2]))
    none = np.zeros(2, bool)
    np.testing.assert_allclose(pool(vectors, none, Templates(*members))[0], [[2**-0.5, 2**-0.5]], rtol=1e-6)
    by_norm = pool(vectors, none, Templates(*members, picture_weight="norm"))[0]
    np.testing.assert_allclose(by_norm, [[10 / 101**0.5, 1 / 101**0.5]], rtol=1e-6)


def test_pooling_equals_loops_whatever_the_order():
    rng = np.random.default_rng(0)
    vectors, failed = rng.normal(size=(60, 5)), rng.random(60) < 0.2
    picture = rng.permutation(np.r_[np.arange(60), rng.integers(0, 60, 20)])
    template = np.r_[np.arange(12), rng.integers(0, 12, 68)]
    media = rng.integers(0, 4, 80)
    names = np.arange(12).astype(str)
    made, lost = pool(vectors, failed, Templates(names, names, names, picture, template, media))
    for t in range(12):
        of_medium = {}
        for p, m in zip(picture[template == t], media[template == t], strict=True):
            if not failed[p]:
                of_medium.setdefault(m, []).append(vectors[p] / np.linalg.norm(vectors[p]))
        total = sum(np.mean(each, axis=0) for each in of_medium.values())
        assert lost[t] == (not of_medium)
        np.testing.assert_allclose(made[t], total / np.linalg.norm(total), atol=1e-6)


def test_a_bin_stands_in_only_where_the_data_set_has_one(tmp_path):
    with pytest.raises(DataError, match="file not found"):
        load_pairs(load_definition("agedb-30"), tmp_path / "gone.bin")
