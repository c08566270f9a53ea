"""The documentation's tables are what the committed JSON files say, and any study's JSON gives its tables."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.readme_tables import main, rewritten
from benchmarks.study.gaps import WIDE_YAWS, Measured
from benchmarks.study.page_tables import read_header, threshold_table
from benchmarks.study.rows import AB, B_TRUE, ORACLE, B, all_rows
from benchmarks.study.settings import StudySettings
from benchmarks.study.steps import RANK1, TAR
from benchmarks.study.study import Outcome
from benchmarks.study.tables import stored_gains, summarise
from pifr.core.errors import DataError
from pifr.core.files import write_json

YAWS = ("0", "15", "30", *WIDE_YAWS)
RATES = {B: 0.2, AB: 0.4, B_TRUE: 0.6, ORACLE: 0.8, "b_ipgan": 0.5, "ab_ipgan": 0.7, "a25_b": 0.25, "a25_b_ipgan": 0.3}
"""Rank-1 of some rows; all others have 0.45. TAR is half of it."""
PAGE = """# Study

<!-- table: whole headline rows=b,b_ipgan,ab_ipgan b="frontal only" -->
typed by hand
<!-- /table -->
<!-- table: whole rank1 -->
<!-- /table -->
<!-- table: whole tar rows=ab,ab_ipgan decimals=2 -->
<!-- /table -->
<!-- table: whole paper_gap -->
<!-- /table -->
<!-- table: whole fair_gap rows=ab_ipgan,ab_frontalised ab_ipgan="views by `us`" -->
<!-- /table -->
<!-- table: whole change rows=ab_ipgan -->
<!-- /table -->
<!-- table: whole change_tar rows=ab_ipgan -->
<!-- /table -->
<!-- table: whole difference rows=ab_ipgan-ab,ab_ipgan-b_ipgan -->
<!-- /table -->
<!-- table: whole gain -->
<!-- /table -->
<!-- table: bias groups by=sex,skin -->
<!-- /table -->
<!-- table: bias spread by=sex -->
<!-- /table -->
<!-- figure: whole rank1 out=few rows=b,b_ipgan -->
<!-- figure: whole size_of_a out=sizes -->
"""


def measured(rate: float, seed: int) -> Measured:
    noise = np.random.default_rng(seed).normal(0, 0.01, 60)
    return Measured(5, dict.fromkeys(YAWS, rate), dict.fromkeys(YAWS, rate + noise))


def figures(rank1: float, seed: int) -> dict[str, object]:
    tar = [
        {"far": 0.1, "tar_percent": 80.0, "interval": [70.0, 90.0]},
        {"far": 0.001, "tar_percent": None if seed else 40.0, "interval": None},
    ]
    return {"people": 7, "probes": 1234, "rank1_percent": rank1, "rank1_interval": [rank1 - 1, rank1 + 1],
            "eer_percent": 5.04, "eer_interval": None, "tar_at_far": tar}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rows = all_rows()
    outcome = Outcome(measured={
        row.key: {
            figure: [measured(share * RATES.get(row.key, 0.45), seed) for seed in (0, 1)]
            for figure, share in ((RANK1, 1.0), (TAR, 0.5))
        } for row in rows
    })  # fmt: skip
    found = summarise(outcome, rows, StudySettings(seeds=(0, 1)), {"command": ["x"]})
    write_json(tmp_path / "docs" / "results" / "whole.json", found)
    apart = {"column": "sex", "figure": "rank-1", "best_group": "male", "best_percent": 51.0, "worst_group": "female",
             "worst_percent": 50.0, "difference_points": 1.0, "difference_interval": [-2.0, 4.0]}  # fmt: skip
    system = {
        "name": "net", "spread_between_groups": [apart, {**apart, "column": "skin"}, {**apart, "figure": "rank-5"}],
        "by_column": {"sex": {"female": figures(50.0, 0), "male": figures(51.0, 1)}, "skin": {"dark": figures(9.0, 0)}},
    }  # fmt: skip
    write_json(tmp_path / "docs" / "results" / "bias.json", {"systems": [system]})
    (tmp_path / "README.md").write_text(PAGE)
    return tmp_path


def test_a_group_without_pairs_of_its_own_is_an_empty_cell():
    rate = {"percent": 1.0, "interval": None}
    found = {"by_column": {"skin": {"dark": {"people": 1, "fnmr": rate, "fmr": rate, "fmr_within_group": None}}}}
    table = threshold_table(found, read_header("x threshold by=skin", "page"))
    assert table.splitlines()[-1] == "| skin: dark | 1 | 1.0 | 1.000 | |"


def test_the_committed_tables_are_what_their_json_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr()


def test_every_kind_of_table_of_a_study_with_all_rows(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(root), "--check"]) == 1
    assert (root / "README.md").read_text() == PAGE  # a check writes nothing
    assert "README.md: a table differs" in capsys.readouterr().out
    assert main(["--root", str(root)]) == 0
    text = (root / "README.md").read_text()
    assert "typed by hand" not in text
    lines = text.splitlines()

    # (0.5 - 0.2) / (0.6 - 0.2) of the paper gap; (0.7 - 0.4) / (0.8 - 0.4) of the fair one, which all rows have.
    assert "| frontal only | 20 | 20 | 20 | 20 | 20 | | -50 [" in text
    assert any(line.startswith("| B + views by ipgan | 50 | 50 | 50 | 50 | 50 | 75 [") for line in lines)
    assert any(line.startswith("| A + B + views by ipgan | 70 | 70 | 70 | 70 | 70 | | 75 [") for line in lines)
    # All rows, each with its rates and the mean of 45 to 90 degrees.
    for row in all_rows():
        assert f"| {row.title} | " + " | ".join([f"{100 * RATES.get(row.key, 0.45):.1f}"] * 7) + " | " in text
    assert "| TAR at FAR 0.001, percent | 0° |" in text
    assert "| A + B + views by ipgan | 35.00 | 35.00 |" in text
    paper = text.split("| paper gap closed, percent | 30° | 45° | 60° | 75° | 90° | 45 to 90° |")[1].split("<!--")[0]
    assert "| B + views by ipgan | 75.0 [" in paper
    assert "A + B" not in paper  # whoever has A has another gap to close
    assert "| views by `us` | 75.0 [" in text
    assert "| rank-1, points | against B frontal: 0° | 15° | both | against A + B frontal: 0° | 15° | both |" in text
    assert "| A + B + views by ipgan" + 3 * " | 50.0 [50.0, 50.0]" + 3 * " | 30.0 [30.0, 30.0]" + " |" in text
    assert "| TAR at FAR 0.001, points | against B frontal: 0° |" in text
    assert "| A + B + views by ipgan" + 3 * " | 25.0 [25.0, 25.0]" + 3 * " | 15.0 [15.0, 15.0]" + " |" in text
    assert (
        "| difference, points | rank-1, 45 to 90° | rank-1, 0 and 15° | TAR at FAR 0.001, 45 to 90° |\n"
        "| --- | --- | --- | --- |\n"
        "| A + B + views by ipgan - A + B frontal" + 2 * " | 30.0 [30.0, 30.0] ± 0.0" + " | 15.0 [15.0, 15.0] ± 0.0 |"
    ) in text
    assert "| A + B + views by ipgan - B + views by ipgan | 20.0 [" in text
    # Nobody of A, then few, then all: rank-1 without and with views, and the difference of the two.
    assert "| people of A | without views | with views by ipgan | gained, points |" in text
    assert "| 0 | 20.0 [" in text
    assert "| 25 | 25.0 [" in text
    assert any(re.fullmatch(r"\| 400 \| 40.0 \[.*\| 70.0 \[.*\| 30.0 \[30.0, 30.0\] ± 0.0 \|", line) for line in lines)
    assert "| group | people | probes | rank-1, percent | EER, percent | TAR at FAR 0.1, percent |" in text
    assert "| sex: female | 7 | 1,234 | 50.0 [49.0, 51.0] | 5.0 | 80.0 [70.0, 90.0] |" in text
    assert text.count("1.0 [-2.0, 4.0] |") == 1
    assert {path.name for path in (root / "docs" / "results").glob("*.*g")} == {
        "few.png", "few.svg", "sizes.png", "sizes.svg",
    }  # fmt: skip

    assert main(["--root", str(root), "--check"]) == 0
    (root / "README.md").write_text(text.replace("| 35.00 |", "| 35.10 |", 1))
    assert main(["--root", str(root), "--check"]) == 1


def test_what_views_add_by_the_size_of_a_is_read_back() -> None:
    keys = (B, "b_ipgan", AB, "ab_ipgan", "a25_b", "a25_b_ipgan")
    rows = [row for row in all_rows((25,)) if row.key in keys]
    outcome = Outcome(measured={row.key: {f: [measured(RATES[row.key], 0)] for f in (RANK1, TAR)} for row in rows})
    found = summarise(outcome, rows, StudySettings(seeds=(0,)), {})
    (none, gain_of_none), (few, gain_of_few), (_all, gain_of_all) = stored_gains(found)
    assert (none, few) == (0, 25)
    assert gain_of_none.value == pytest.approx(0.3)
    assert [gain_of_few.value, gain_of_few.low, gain_of_few.high] == pytest.approx([0.05] * 3)
    assert gain_of_all.per_seed == pytest.approx([0.3])
    assert stored_gains({"rows": {}}) == []


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("whole rank1 rows=b_ipgn", "no row 'b_ipgn' in whole.json; did you mean 'b_ipgan'"),
        ("whole difference rows=b_ipgan-ab", "no difference 'b_ipgan-ab' in whole.json; did you mean"),
        ('whole rank1 rows=b,b_ipgan b="ours" b_ipgan="ours"', "two rows of a table have the same words; name them"),
        ("whole rank2", "no table 'rank2'"),
        ("whole", "wants FILE KIND"),
        ("whole tar b", "wants FILE KIND"),
        ("bias groups by=age", "no groups by 'age'"),
        ("bias groups by=sex far=0.001", "not all groups have TAR at FAR 0.001"),
        ("bias groups by=sex system=nut", "no system 'nut' in bias.json"),
        ("nothing rank1", "nothing.json"),
    ],
)
def test_a_mistake_in_a_page_is_one_line(
    header: str, message: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = f"<!-- table: {header} -->\n<!-- /table -->\n"
    (root / "README.md").write_text(page)
    assert main(["--root", str(root)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert (root / "README.md").read_text() == page


def test_a_table_without_its_end_is_refused(root: Path) -> None:
    shutil.copy(root / "docs" / "results" / "whole.json", root / "docs" / "results" / "other.json")
    (root / "README.md").write_text("<!-- table: whole rank1 -->\n<!-- table: other rank1 -->\n<!-- /table -->\n")
    with pytest.raises(Exception, match="their ends differ in number"):
        rewritten(root / "README.md", root / "docs" / "results")


def test_a_table_shows_the_gap_it_is_asked_for(root: Path) -> None:
    (root / "README.md").write_text(
        "<!-- table: whole headline rows=b_ipgan gaps=paper -->\n<!-- /table -->\n"
        "<!-- table: whole rank1 rows=b_ipgan gaps=fair -->\n<!-- /table -->\n"
    )
    paper, fair = rewritten(root / "README.md", root / "docs" / "results").split("<!-- /table -->")[:2]
    assert "gap closed, 45 to 90" in paper
    assert "fair" not in paper
    assert "fair gap closed" in fair
    assert "paper" not in fair
    (root / "README.md").write_text("<!-- table: whole headline gaps=wide -->\n<!-- /table -->\n")
    with pytest.raises(DataError, match="no gap 'wide'"):
        rewritten(root / "README.md", root / "docs" / "results")
