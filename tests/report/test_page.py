"""The page: whole, self-contained, escaped, and made of scores alone."""

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from pifr.core.errors import DataError
from pifr.data.pictures import write_picture
from pifr.evaluation import read_result
from pifr.evaluation.measuring import measure_scores
from pifr.report import write_report
from pifr.report.pictures import worst_pairs
from pifr.report.words import headline

VOID = {"meta", "img", "br", "link", "hr", "input", "use", "path", "rect"}


class Structure(HTMLParser):
    """Checks that tags are nested, and gathers text, links and attributes."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.sources, self.wrong = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for key, value in attrs if key in ("src", "href", "xlink:href", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def parse(path):
    page = Structure()
    page.feed(path.read_text())
    return page, " ".join(" ".join(page.text).split())


@pytest.fixture
def page(result, tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    write_picture(folder / "grid.png", np.zeros((8, 8, 3), np.uint8))
    return write_report(
        result, folder / "report.html", pictures=[("Turned views <1>", folder / "grid.png")],
        summary_rows=[("seconds", "61.5")],
    )  # fmt: skip


def test_the_page_is_well_formed_and_needs_no_network(page):
    structure, _ = parse(page)
    assert structure.wrong == []
    assert structure.open == []
    assert structure.sources
    assert all(source.startswith(("data:", "#")) for source in structure.sources)
    assert not re.search(r"(?:src|href)\s*=\s*[\"']https?:|@import|url\(http", page.read_text())


def test_everything_promised_is_there(page):
    _, text = parse(page)
    for words in ("Rank-1 by |yaw|, percent", "Rank-1 against yaw", "ROC", "DET", "Cumulative match", "Turned views",
                  "Equal error rate between yaws", "Maps of the embeddings",
                  "two people, highest scores", "one person, lowest scores",
                  "too few impostors", "data_fingerprint", "61.5", "By expression", "spread"):  # fmt: skip
        assert words in text, words
    assert page.read_text().count("<svg") >= 4 + 2 * 2


def test_the_first_table_and_the_pictures_open_the_page(page):
    _, text = parse(page)
    order = ["Rank-1 by |yaw|, percent", "Turned views", "Rank-1 against yaw", "One to one", "Where it fails"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_names_are_escaped(page):
    source = page.read_text()
    assert "coarse <b>" not in source
    assert "coarse &lt;b&gt;&amp;" in source
    assert "Turned views &lt;1&gt;" in source


def test_the_table_shows_the_figures(page, result):
    _, text = parse(page)
    for system in result.systems:
        for figures in system.by_abs_yaw.values():
            assert f"{100 * figures.rank[1]:.1f}" in text


def test_a_page_from_files_is_the_same_page(page, result, tmp_path):
    again = read_result(result.folder)
    first = write_report(result, tmp_path / "a.html").read_text()
    second = write_report(again, tmp_path / "b.html").read_text()
    assert first == second


def test_captions_are_whole_degrees(page):
    assert re.search(r"<span>\d{3}, (\u2212?[1-9]\d?|0)°</span>", page.read_text())
    assert not re.search(r"<span>\d{3}, [^<]*\.\d", page.read_text())


def test_pictures_that_are_gone_leave_a_note(result, tmp_path):
    moved = replace(result, protocol={**result.protocol, "folder": str(tmp_path / "gone")})
    _, text = parse(write_report(moved, tmp_path / "r.html"))
    assert "picture not there any more" in text


def test_benchmarks_of_the_same_comparisons_stand_side_by_side(result, tmp_path):
    first = replace(result, systems=result.systems[:1], scores=replace(result.scores, scores={
        "fine": result.scores.scores["fine"]}))  # fmt: skip
    _, text = parse(write_report([first, result], tmp_path / "r.html"))
    assert text.count("Rank-1 by |yaw|, percent") == 1
    name = result.folder.name
    for system in (f"fine ({name})", f"fine ({name}) 2", "coarse <b>&"):
        assert system in text


def test_benchmarks_of_other_comparisons_stand_below_each_other(result, tmp_path):
    fewer = replace(result, scores=result.scores.select(np.arange(len(result.scores)) % 84 > 0))
    _, text = parse(write_report([result, fewer], tmp_path / "r.html", title="Two"))
    assert text.count("Rank-1 by |yaw|, percent") == 2


def test_the_figures_travel_inside_the_page(result, page):
    links = dict(re.findall(r'<a download="([^"]+)" href="data:[a-z/]+;base64,([^"]+)"', page.read_text()))
    assert json.loads(base64.b64decode(links["results.json"])) == json.loads(json.dumps(result.to_dict()))
    assert base64.b64decode(links["results.csv"]).decode() == result.long_table().to_csv(index=False)


def test_settings_and_fingerprint_stand_openly(result, page):
    _, text = parse(page)
    for words in ("Settings", f"data fingerprint {result.environment['data_fingerprint']}", "60 bootstrap rounds",
                  "nearest multiple of 15°", "fine, weights 000000000000, no mirror image"):  # fmt: skip
        assert words in text, words


def test_nothing_to_report_and_missing_pictures_are_refused(result, tmp_path):
    with pytest.raises(DataError, match="at least one benchmark"):
        write_report([], tmp_path / "r.html")
    with pytest.raises(DataError, match=r"gone\.png: picture not found"):
        write_report(result, tmp_path / "r.html", pictures=[("x", tmp_path / "gone.png")])
    with pytest.raises(DataError, match="PNG or JPEG"):
        write_report(result, tmp_path / "r.html", pictures=[("x", tmp_path / "x.svg")])
    assert not (tmp_path / "r.html").exists()


def test_the_headline_says_whether_a_difference_is_settled(result):
    swapped = measure_scores(
        replace(result.scores, scores={"a": result.scores.scores["fine"], "b": result.scores.scores["fine"]}), {},
        measure=result.measure,
    )  # fmt: skip
    said = headline(swapped).sentence
    assert "+0.0 points, 95 % interval +0.0 to +0.0, which includes no difference at all." in said
    one = replace(result, systems=result.systems[:1])
    assert headline(one).sentence.startswith("fine: rank-1 goes from")


def test_a_difference_that_one_person_shows_has_no_interval(result):
    scores = result.scores
    far = np.abs(scores.column("yaw")) == 90
    lone = scores.select(~far | (scores.column("subject") == "001"))
    said = headline(measure_scores(lone, {}, measure=result.measure)).sentence
    assert "points, too few people for an interval." in said
    assert "nan" not in said


def test_the_worst_pairs_are_the_worst(result):
    table = result.scores
    false_matches, false_nonmatches = worst_pairs(table, "fine", result.folder)
    scores, mated = table.scores["fine"][table.search], table.mated[table.search]
    assert false_matches[0].score == pytest.approx(scores[~mated].max())
    assert false_nonmatches[0].score == pytest.approx(scores[mated].min())
    assert len({pair.first_caption.split(",")[0] for pair in false_nonmatches}) == len(false_nonmatches)
    ordered = [pair.score for pair in false_matches]
    assert ordered == sorted(ordered, reverse=True)


def test_development_thresholds_have_a_table(result, tmp_path):
    table = result.scores
    part = np.where(table.pictures["subject"] <= "006", "dev", "eval")
    keep = part[table.probe] == part[table.reference]
    split = replace(table, pictures=table.pictures.assign(part=part)).select(keep)
    _, text = parse(write_report(measure_scores(split, result.protocol, measure=result.measure), tmp_path / "r.html"))
    assert "At thresholds set on development people" in text
    assert "FMR 0.01" in text


@pytest.mark.parametrize(
    ("program", "shown"),
    [("/venv/bin/pifr", "pifr benchmark"), ("/src/pifr/__main__.py", "python -m pifr benchmark")],
)
def test_the_command_can_be_typed_again(result, tmp_path, program, shown):
    ran = replace(result, environment={**result.environment, "command": [program, "benchmark", "--name", "two words"]})
    _, text = parse(write_report(ran, tmp_path / "report.html"))
    assert f"command {shown} --name 'two words' measured" in text
