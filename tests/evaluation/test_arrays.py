"""Figures straight from arrays: equal to the benchmark's own, and every mistake one line."""

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pifr.core.errors import ConfigError, DataError
from pifr.evaluation import Measure, cosine_scores, evaluate, identification, verification

QUICK = Measure(rounds=50)


def people_and_scores(seed=0, people=20, pictures=3):
    """Unit vectors scattered round a direction a person."""
    rng = np.random.default_rng(seed)
    names = np.repeat([f"p{i:02d}" for i in range(people)], pictures)
    vectors = np.repeat(rng.normal(size=(people, 16)), pictures, axis=0) + rng.normal(0, 0.9, (len(names), 16))
    return names, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_verification_equals_the_benchmark_on_the_same_scores(rendered, small):
    result = evaluate(rendered, [small], measure=QUICK)
    table, system = result.scores.select(result.scores.search), result.systems[0]
    names = np.array(table.people)[table.person]
    found = verification(
        table.scores["small"], table.mated, first=names[table.probe], second=names[table.reference], measure=QUICK
    )  # fmt: skip
    for key in ("eer_percent", "eer_interval", "auc_percent", "tar_at_far", "mated_comparisons"):
        assert found.to_dict()[key] == system.overall.to_dict()[key]


def test_verification_agrees_with_scikit_learn():
    names, vectors = people_and_scores()
    first, second = np.triu_indices(len(names), 1)
    scores, mated = (vectors[first] * vectors[second]).sum(axis=1), names[first] == names[second]
    found = verification(scores, mated)
    assert found.figures.auc == pytest.approx(roc_auc_score(mated, scores.astype(np.float32)), abs=1e-9)
    assert found.figures.eer_interval.percent() is None  # nobody is named, so nobody can be drawn
    assert found.to_dict()["people"] == 0


def test_results_have_a_table_a_dictionary_and_a_file(tmp_path):
    found = verification(
        np.array([0.9, 0.8, 0.7, 0.3, 0.2, 0.1]), np.array([1, 1, 1, 0, 0, 0]), first=list("abcabc"),
        second=list("abcbca"), folds=np.array([1, 2, 1, 2, 1, 2]), measure=QUICK,
    )  # fmt: skip
    table = found.table().set_index("figure")
    assert table.loc["EER", "%"] == "0.0"
    assert table.loc["TAR@FAR 0.01", "%"] == "too few impostors"
    assert table.loc["accuracy", "%"] == "100.00"
    saved = json.loads(found.save(tmp_path / "v.json").read_text())
    assert saved == found.to_dict()
    assert saved["accuracy_percent"] == 100


def test_identification_equals_a_count():
    names, vectors = people_and_scores()
    enrolled = np.arange(len(names)) % 3 == 0
    groups = np.where(np.arange((~enrolled).sum()) % 2 == 0, 45, 5)
    found = identification(vectors[~enrolled], names[~enrolled], vectors[enrolled] * 7, names[enrolled],
                           groups=groups, measure=QUICK)  # fmt: skip
    best = names[enrolled][(vectors[~enrolled] @ vectors[enrolled].T).argmax(axis=1)]
    hits = best == names[~enrolled]
    assert 0.2 < hits.mean() < 1
    assert found.overall.rank[1] == pytest.approx(hits.mean())
    assert list(found.groups) == ["5", "45"]  # in the order of the numbers
    assert found.groups["45"].rank[1] == pytest.approx(hits[groups == 45].mean())
    assert found.open_set is None
    np.testing.assert_array_equal(found.ranks == 1, hits)


def test_strangers_count_in_the_open_set_alone(tmp_path):
    names, vectors = people_and_scores()
    enrolled = (np.arange(len(names)) % 3 == 0) & (names < "p15")
    found = identification(vectors[~enrolled], names[~enrolled], vectors[enrolled], names[enrolled], measure=QUICK)
    scores = vectors[~enrolled] @ vectors[enrolled].T
    known = names[~enrolled] < "p15"
    hits = names[enrolled][scores.argmax(axis=1)] == names[~enrolled]
    assert found.overall.rank[1] == pytest.approx(hits[known].mean())
    # 15 strangers' searches; one of them may be answered at FPIR 0.1.
    threshold = np.sort(scores[~known].max(axis=1))[-2]
    expected = np.mean(hits[known] & (scores[known].max(axis=1) > threshold))
    by_fpir = {rate["fpir"]: rate for rate in found.to_dict()["open_set"]["rates"]}
    assert by_fpir[0.1]["dir_percent"] == pytest.approx(100 * expected, abs=1e-3)
    assert by_fpir[0.01]["dir_percent"] is None
    assert found.to_dict()["open_set"]["galleries"][""] == {
        "people": 15, "probes_of_enrolled": 30, "probes_of_strangers": 15,
    }  # fmt: skip
    assert json.loads(found.save(tmp_path / "i.json").read_text()) == found.to_dict()
    assert list(found.table().columns) == ["group", "probes", "people", "rank-1 %", "rank-5 %", "EER %"]


GOOD = (np.array([0.9, 0.1, 0.2]), np.array([True, False, False]))


@pytest.mark.parametrize(
    ("scores", "mated", "options", "message"),
    [([0.9, 0.8], [True, True], {}, "comparisons of one person and of two, found mated comparisons only"),
     ([0.9, 0.8], [False, False], {}, "found non-mated comparisons only"),
     ([0.5, 0.5], [True, False], {}, "same score, so nobody can be told apart, found 0.5"),
     ([0.5, 0.500005], [True, False], {}, "same score, so nobody can be told apart, found 0.5"),
     ([0.5, np.nan], [True, False], {}, "comparison 2: a score is not a finite number, found nan"),
     ([0.5], [True, False], {}, "two lists of one length"),
     ([0.5, 0.1], [True, False], {"first": ["a", "a"]}, "of both sides, or of neither"),
     ([0.5, 0.1], [True, False], {"first": ["a", "a"], "second": ["a", "a"]}, "comparison 2: mated contradicts"),
     ([0.5, 0.1], [True, False], {"first": ["a"], "second": ["a"]}, "every comparison names two people"),
     ([0.5, 0.1], [True, False], {"folds": np.array([1])}, "folds must be as many as scores")],
)  # fmt: skip
def test_mistakes_in_scores_are_one_line(scores, mated, options, message):
    with pytest.raises(DataError, match=message):
        verification(np.array(scores), np.array(mated), **options)


@pytest.mark.parametrize(
    ("probes", "gallery", "names", "message"),
    [(np.eye(3), np.ones((3, 2)), "abc", "different width, found 3 and 2; embed both with one embedder"),
     (np.eye(3), np.eye(3), "xyz", "not one probe shows an enrolled person"),
     (np.eye(3), np.eye(3), "ab", r"embeddings are \(N, D\), with one name each, found \(3, 3\) and 2 names"),
     (np.zeros((3, 3)), np.eye(3), "abc", "probes row 1"), (np.eye(3) * np.nan, np.eye(3), "abc", "probes row 1")],
)  # fmt: skip
def test_mistakes_in_embeddings_are_one_line(probes, gallery, names, message):
    with np.errstate(invalid="ignore"), pytest.raises(DataError, match=message):
        identification(probes, list(names), gallery, list("abc"))


def test_cosines_of_pairs_need_one_width():
    np.testing.assert_allclose(cosine_scores(np.eye(2) * 3, np.array([[1.0, 0], [1, 1]])), [1, 2**-0.5], rtol=1e-6)
    with pytest.raises(DataError, match=r"differ in width, found \(2, 2\) and \(2, 3\)"):
        cosine_scores(np.eye(2), np.ones((2, 3)))


def test_people_to_draw_from_are_refused_where_scores_have_none() -> None:
    with pytest.raises(ConfigError, match="drawn_from"):
        verification(np.array([0.9, 0.1]), np.array([True, False]), measure=Measure(drawn_from=("a", "b")))
