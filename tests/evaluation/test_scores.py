"""The score table: written and read back whole, lean, and clear about what is missing."""

import numpy as np
import pandas as pd
import pytest

from pifr.core.errors import DataError
from pifr.evaluation import ScoreTable, read_scores


def make_table(people=3, seed=0):
    """One enrolled picture (yaw 0) and two probes a person; every probe against every enrolled picture."""
    rng = np.random.default_rng(seed)
    rows = [(f"{p}/{kind}.png", f"person {p}", yaw) for p in range(people) for kind, yaw in
            (("front", 0.0), ("left", -45.0), ("right", 45.0))]  # fmt: skip
    pictures = pd.DataFrame(rows, columns=["path", "subject", "yaw"])
    gallery = np.flatnonzero(pictures["yaw"] == 0)
    probes = np.flatnonzero(pictures["yaw"] != 0)
    probe, reference = np.repeat(probes, len(gallery)), np.tile(gallery, len(probes))
    scores = {"a": rng.normal(size=len(probe)).astype(np.float32), "b": rng.normal(size=len(probe)).astype(np.float32)}
    return ScoreTable(pictures, probe.astype(np.int32), reference.astype(np.int32), np.ones(len(probe), bool), scores)


def as_frame(table):
    """One row a comparison with names, in an order that does not depend on codes."""
    frame = pd.DataFrame({
        "probe": table.column("path"), "reference": table.column("path", "reference"), "mated": table.mated,
        "search": table.search, "yaw": table.column("yaw").astype(float), "person": table.column("subject"),
        **table.scores,
    })  # fmt: skip
    return frame.sort_values(["probe", "reference"], ignore_index=True)


def test_what_is_written_is_read_back(tmp_path):
    table = make_table()
    table.scores["a"][3] = np.nan
    table.save(tmp_path / "scores.parquet")
    pd.testing.assert_frame_equal(as_frame(table), as_frame(read_scores(tmp_path / "scores.parquet")))


def test_chunks_make_no_difference(tmp_path, monkeypatch):
    table = make_table(people=4)
    monkeypatch.setattr("pifr.evaluation.scores._CHUNK_ROWS", 7)
    table.save(tmp_path / "scores.parquet")
    pd.testing.assert_frame_equal(as_frame(table), as_frame(read_scores(tmp_path / "scores.parquet")))


def test_a_selection_reads_back_without_the_pictures_it_left_out(tmp_path):
    table = make_table().select(np.arange(18) < 5)
    table.save(tmp_path / "scores.parquet")
    back = read_scores(tmp_path / "scores.parquet")
    assert len(back) == 5
    assert set(back.pictures["path"]) == set(table.column("path")) | set(table.column("path", "reference"))
    pd.testing.assert_frame_equal(as_frame(table), as_frame(back))


def test_any_tool_can_read_the_file(tmp_path):
    make_table().save(tmp_path / "scores.parquet")
    frame = pd.read_parquet(tmp_path / "scores.parquet")
    assert {"probe", "reference", "mated", "score.a", "probe_subject", "reference_yaw"} <= set(frame.columns)
    assert (frame["mated"] == (frame["probe_subject"].astype(str) == frame["reference_subject"].astype(str))).all()


def test_scores_made_elsewhere_are_read(tmp_path):
    pd.DataFrame({
        "probe": ["a2", "b2"], "reference": ["a1", "a1"], "probe_subject": ["a", "b"],
        "reference_subject": ["a", "a"], "score.other": [0.9, 0.1],
    }).to_parquet(tmp_path / "mine.parquet")  # fmt: skip
    table = read_scores(tmp_path / "mine.parquet")
    assert table.mated.tolist() == [True, False]
    assert table.search.all()
    assert table.systems == ["other"]


def test_failures_lie_below_everything():
    table = make_table()
    table.scores["a"][:2] = np.nan
    floored = table.with_floor("a")
    assert (floored[:2] < np.nanmin(table.scores["a"])).all()
    np.testing.assert_array_equal(floored[2:], table.scores["a"][2:])


def test_all_failed_is_refused():
    table = make_table()
    table.scores["a"][:] = np.nan
    with pytest.raises(DataError, match="not one comparison"):
        table.with_floor("a")


def test_an_unknown_column_names_the_nearest():
    with pytest.raises(DataError, match="did you mean 'yaw'"):
        make_table().column("yam")


@pytest.mark.parametrize(
    ("columns", "message"),
    [({"probe": ["a"]}, "no column 'reference'"),
     ({"probe": ["a"], "reference": ["b"], "probe_subject": ["x"], "reference_subject": ["y"]}, "no column of scores")],
)  # fmt: skip
def test_missing_columns_are_named(tmp_path, columns, message):
    pd.DataFrame(columns).to_parquet(tmp_path / "s.parquet")
    with pytest.raises(DataError, match=message):
        read_scores(tmp_path / "s.parquet")


def test_missing_and_damaged_files_are_one_line(tmp_path):
    with pytest.raises(DataError, match="file not found"):
        read_scores(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="can't read the scores"):
        read_scores(tmp_path / "bad.parquet")
