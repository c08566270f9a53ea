"""The page of an open set: strangers have a table of their own, published figures stand beside ours."""

import re

import numpy as np

from pifr.data.manifest import make_manifest
from pifr.data.spec import InputSpec
from pifr.evaluation import Measure, evaluate
from pifr.report import write_report


class Grid:
    """Pixels on a coarse grid, minus their mean."""

    name, sha256, spec = "grid", "0" * 64, InputSpec(size_px=64)

    def __call__(self, pixels):
        grid = pixels[:, 4::8, 4::8].astype("float32").reshape(len(pixels), -1)
        return grid - grid.mean(axis=1, keepdims=True)


def text_of(page):
    body = page.split("</style>", 1)[1]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_strangers_have_their_own_table(rendered, tmp_path):
    yaw, subject = rendered.table["yaw"], rendered.table["subject"]
    role = np.where((yaw == 0) & (subject <= "009"), "gallery", "probe")
    data = make_manifest(rendered.table.assign(role=role), rendered.folder, "people.csv")
    result = evaluate(data, [Grid()], "gallery-probe", measure=Measure(rounds=20))
    text = text_of(write_report(result, tmp_path / "report.html").read_text())
    rate = result.systems[0].open_set.rates[0]
    assert "Open set: detection and identification rate, percent" in text
    assert f"{100 * rate.rate:.1f} {100 * rate.interval.low:.1f} \u2013 {100 * rate.interval.high:.1f}" in text
    # 3 people with 7 pictures each are strangers: too few for one in a hundred.
    assert text.count("too few strangers") == 2
    assert "the gallery: 9 people, 54 searches of theirs, 21 of strangers." in text
    assert "make the search an open set" in text
    overall = result.systems[0].overall
    assert (overall.probes, overall.rank[1]) == (75, np.mean(rank_ones(result)))


def rank_ones(result):
    """Whether each enrolled person's probe is found first, counted from the score table."""
    table = result.scores.select(result.scores.search)
    hits = []
    for probe in np.unique(table.probe):
        here = table.probe == probe
        people = table.person[table.reference[here]]
        if table.person[probe] in people:
            hits.append(people[np.argmax(table.scores["grid"][here])] == table.person[probe])
    return hits


def test_published_figures_of_every_kind_are_shown(rendered, tmp_path):
    result = evaluate(rendered, [Grid()], measure=Measure(rounds=20))
    result.protocol.update(
        published={"Old": {"90": 12.5, "30": 50.0}}, published_tar={"New": {"1e-4": 97.25}},
        published_eer_hter={"Other": [5.17, 5.22]},
    )  # fmt: skip
    text = text_of(write_report(result, tmp_path / "report.html").read_text())
    assert "Published rank-1, percent method 30° 90° Old 50.00 12.50" in text
    assert "Published TAR at FAR, percent method 1e-4 New 97.25" in text
    assert "Published error, percent method EER on dev HTER on eval Other 5.17 5.22" in text
