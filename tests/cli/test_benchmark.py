"""``pifr benchmark`` and ``pifr report`` as a user meets them: output, files, and one line for each mistake."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pifr.cli.benchmark import benchmark
from pifr.cli.report import report
from pifr.core.errors import PifrError
from pifr.data.spec import InputSpec
from pifr.evaluation.blocks import MAX_SCORE_ROWS
from pifr.recognition.embedders import PythonEmbedder

MODULE = """
import numpy as np
from pifr.data.spec import InputSpec

def tiny(pixels):
    grid = pixels[:, 4::8, 4::8].astype(np.float32).reshape(len(pixels), -1)
    return grid - grid.mean(axis=1, keepdims=True)

tiny.spec = InputSpec(size_px=64)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A user's own embedder in the current folder."""
    (tmp_path / "tiny_embedder.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return "python:tiny_embedder:tiny"


@pytest.fixture
def manifest(rendered, tmp_path):
    path = tmp_path / "faces.csv"
    rendered.save(path)
    return str(path)


def run(command, *arguments):
    """Run a command; known failures surface as themselves, as ``pifr.core.commandline.run`` sees them."""
    outcome = CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_a_benchmark_prints_saves_and_is_reported_again(module, manifest, tmp_path):
    out, figures = tmp_path / "bench", tmp_path / "out.json"
    printed = run(benchmark, "--data", manifest, "--embedder", module, "--name", "tiny", "--embedder", module,
                  "--name", "again", "--out", out, "--json", figures, "--bootstrap", 20)  # fmt: skip
    assert re.search(r"system +30° +60° +90° +all +EER %", printed)
    systems = json.loads(figures.read_text())["systems"]
    assert [system["name"] for system in systems] == ["tiny", "again"]
    assert set(systems[0]["rank1_percent_by_abs_yaw"]) == {"30", "60", "90"}
    assert {path.name for path in out.iterdir()} == {
        "scores.parquet", "protocol.json", "environment.json", "results.json", "results.csv", "report.html"
    }  # fmt: skip
    printed = run(report, out, "--out", tmp_path / "again.html", "--by", "expression")
    assert "again.html" in printed
    assert "By expression" in (tmp_path / "again.html").read_text()


def test_list_explains_every_protocol():
    text = run(benchmark, "--list")
    for words in ("posegrid: Pose grid", "multipie-setting-1", "multipie-setting-2", "measures:", "needs:", "source:",
                  "CAPG-GAN (2018) 15° 99.95"):  # fmt: skip
        assert words in text


def test_a_split_is_chosen(module, rendered, tmp_path):
    table = rendered.table.assign(split=["test" if s <= "005" else "train" for s in rendered.table["subject"]])
    table["path"] = [str(path) for path in rendered.paths]
    table.to_csv(tmp_path / "split.csv", index=False)
    run(benchmark, "--data", tmp_path / "split.csv", "--split", "test", "--embedder", module, "--json",
        tmp_path / "o.json", "--bootstrap", 5)  # fmt: skip
    assert json.loads((tmp_path / "o.json").read_text())["systems"][0]["people"] == 5


def test_a_multipie_tree_is_read_by_its_names(module, rendered, tmp_path):
    cameras = {-90: "11_0", -60: "09_0", -30: "13_0", 0: "05_1", 30: "04_1", 60: "20_0", 90: "24_0"}
    for path, person, yaw in zip(rendered.paths, rendered.table["subject"], rendered.table["yaw"], strict=True):
        camera = cameras[int(yaw)]
        name = f"{person}_01_01_{camera.replace('_', '')}_07.png"
        place = tmp_path / "tree" / "session01" / "multiview" / person / "01" / camera / name
        place.parent.mkdir(parents=True)
        place.write_bytes(path.read_bytes())
    text = run(benchmark, "--data", tmp_path / "tree", "--protocol", "multipie", "--setting", "1", "--embedder", module,
               "--train-people", 4, "--json", tmp_path / "o.json", "--bootstrap", 5)  # fmt: skip
    found = json.loads((tmp_path / "o.json").read_text())
    assert (found["protocol"]["enrolled"], found["protocol"]["probes"]) == (8, 48)
    assert found["protocol"]["published"]["PIM (2018)"]["90"] == 75.0
    assert "30°" in text


class Mirror:
    """A stand-in generator: the frontal view of a face is its mirror image."""

    name, sha256, spec, yaw_range_degrees = "mirror", "d" * 64, InputSpec(size_px=64), (-90.0, 90.0)

    def poses_for_yaws(self, yaws):
        return np.zeros((len(yaws), 1))

    def yaws(self, pixels):
        return np.full(len(pixels), 60.0)  # all are seen from the side

    def rotate(self, pixels, yaws):
        return pixels[:, None, :, ::-1]


def test_frontalised_probes_stand_beside_plain_ones(module, manifest, tmp_path, monkeypatch):
    monkeypatch.setattr("ipgan.Rotator", type("Rotator", (), {"load": staticmethod(lambda path, device: Mirror())}))
    run(benchmark, "--data", manifest, "--embedder", module, "--name", "tiny", "--frontalise", "runs/x",
        "--frontalise-from", 5, "--frontalise-fuse", "--json", tmp_path / "o.json", "--bootstrap", 5)  # fmt: skip
    systems = json.loads((tmp_path / "o.json").read_text())["systems"]
    assert [system["name"] for system in systems] == ["tiny", "tiny + frontalised by mirror and as it is"]
    assert systems[1]["embedder"]["frontalised_from_degrees"] == 5
    assert systems[1]["embedder"]["frontalised_by_sha256"] == "d" * 64
    assert "frontalised_by" not in systems[0]["embedder"]


@pytest.fixture
def views(rendered, tmp_path):
    """As if every frontal picture had been turned by 60 degrees: the real pictures, under other names."""
    table = rendered.table[rendered.table["yaw"] == 60].reset_index(drop=True)
    folder = tmp_path / "views"
    folder.mkdir()
    for path in table["path"]:
        (folder / path.replace("/", "-")).write_bytes((rendered.folder / path).read_bytes())
    frontal = {s: p for s, p, y in zip(rendered.table["subject"], rendered.paths, rendered.table["yaw"], strict=True)
               if y == 0}  # fmt: skip
    table["source_path"] = [str(frontal[subject]) for subject in table["subject"]]
    table["path"] = [path.replace("/", "-") for path in table["path"]]
    table.assign(yaw_measured=58.0).to_csv(folder / "manifest.csv", index=False)
    return str(folder / "manifest.csv")


def test_preservation_is_measured_and_saved(module, manifest, views, tmp_path):
    printed = run(benchmark, "--protocol", "preservation", "--data", manifest, "--generated", views, "--embedder",
                  module, "--name", "tiny", "--out", tmp_path / "p", "--json", tmp_path / "p.json",
                  "--bootstrap", 20)  # fmt: skip
    assert "cosine to source" in printed
    found = json.loads((tmp_path / "p.json").read_text())
    assert found == json.loads((tmp_path / "p" / "preservation.json").read_text())
    system = found["systems"][0]
    assert (system["views"], system["people"], system["yaw_error_degrees"]["mean"]) == (12, 12, 2.0)
    assert system["rank1_percent"]["mean"] == 100  # the very picture is enrolled
    real = system["by_yaw"]["60"]
    assert real["cosine_to_source"]["mean"] == pytest.approx(real["real_cosine_at_this_yaw"], abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--protocol", "preservation", "--data", "x.csv"], "--generated: name the generated views"),
        (["--protocol", "preservation", "--data", "x.csv", "--generated", "v.csv", "--frontalise", "r"], "as they are"),
        (["--data", "x.csv", "--frontalise-from", "5"], "--frontalise-from: nothing turns"),
        (["--protocol", "preservation", "--data", "x.csv", "--frontalise-fuse"], "embeds views as they are"),
        (["--data", "x.csv", "--frontalise-fuse"], "--frontalise-fuse: nothing turns"),
        (["--data", "x.csv", "--generated", "v.csv"], "only the protocol preservation takes views, found posegrid"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(arguments, message):
    with pytest.raises(PifrError, match=message):
        run(benchmark, *arguments)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--by", "sex"), ("--setting", "1"), ("--pictures", "p"), ("--template", "t"), ("--train-people", "3"),
     ("--max-score-rows", "10000000"), ("--keep-scores", None)],
)  # fmt: skip
def test_preservation_refuses_what_it_would_not_heed(option, value):
    arguments = ["--protocol", "preservation", "--data", "x.csv", "--generated", "v.csv", "--embedder", "x", option]
    with pytest.raises(PifrError, match=f"^{option}: the protocol preservation does not take this option"):
        run(benchmark, *arguments, *([] if value is None else [value]))


def test_preservation_is_told_that_training_people_are_allowed(module, manifest, views, monkeypatch):
    monkeypatch.setattr(PythonEmbedder, "training_people", frozenset(["001"]), raising=False)
    arguments = ["--protocol", "preservation", "--data", manifest, "--generated", views, "--embedder", module,
                 "--bootstrap", 5]  # fmt: skip
    with pytest.raises(PifrError, match="trained on 1 of the 12"):
        run(benchmark, *arguments)
    assert "was trained on 1 of the 12" in run(benchmark, *arguments, "--allow-training-people")


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_holds_a_picture(size):
    outcome = CliRunner().invoke(benchmark, ["--data", "x.csv", "--embedder", "x", "--batch-size", str(size)])
    assert outcome.exit_code == 2
    assert "x>=1" in outcome.output


def test_embeddings_are_kept_unless_told_otherwise(manifest, tmp_path, monkeypatch):
    (tmp_path / "own_digest.py").write_text(MODULE + "\ntiny.sha256 = '5' * 64\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIFR_CACHE", str(tmp_path / "cache"))
    arguments = ["--data", manifest, "--embedder", "python:own_digest:tiny", "--bootstrap", 5]
    run(benchmark, *arguments, "--no-cache")
    assert not (tmp_path / "cache" / "embeddings").exists()
    run(benchmark, *arguments, "--json", tmp_path / "one.json")
    assert (tmp_path / "cache" / "embeddings" / "embeddings.sqlite").is_file()
    run(benchmark, *arguments, "--json", tmp_path / "two.json")
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    assert one["systems"] == two["systems"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--embedder", "x"], "--data: name the pictures to test on"),
        (["--data", "MANIFEST"], "--embedder: name at least one embedder"),
        (["--data", "none.csv", "--embedder", "x"], "none.csv: file not found"),
        (["--data", "MANIFEST", "--embedder", "nonsense"], "nonsense"),
        (["--data", "MANIFEST", "--protocol", "posegird"], "did you mean 'posegrid'"),
        (["--data", "MANIFEST", "--protocol", "multipie"], "two settings; add --setting 1 or --setting 2"),
        (["--data", "MANIFEST", "--setting", "1"], "--setting: only the protocol multipie has settings"),
        (["--data", "MANIFEST", "--protocol", "multipie", "--setting", "2"], "no column"),
        (["--data", "MANIFEST", "--split", "test"], "no column 'split'"),
        (["--data", "MANIFEST", "--embedder", "python:tiny_embedder:tiny", "--by", "sex"], "no column 'sex'"),
        (["--data", "EMPTY"], "Multi-PIE"),
    ],
)
def test_mistakes_are_one_line(arguments, message, module, manifest, tmp_path):
    (tmp_path / "empty").mkdir()
    places = {"MANIFEST": manifest, "EMPTY": str(tmp_path / "empty")}
    with pytest.raises(PifrError) as caught:
        run(benchmark, *[places.get(argument, argument) for argument in arguments])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tables_of_two_tables_of_scores_alone_have_a_folder_each(module, manifest, tmp_path):
    for name, first in (("a", 1), ("b", 2)):
        rows = pd.read_csv(manifest, dtype=str)
        rows[rows["subject"] != f"{first:03d}"].to_csv(tmp_path / f"{name}.csv", index=False)
        run(benchmark, "--data", tmp_path / f"{name}.csv", "--embedder", module, "--out", tmp_path / name,
            "--bootstrap", 5)  # fmt: skip
        (tmp_path / name / "protocol.json").unlink()
    run(report, tmp_path / "a", tmp_path / "b", "--out", tmp_path / "page.html", "--tables", tmp_path / "t",
        "--bootstrap", 5)  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["1-scores", "2-scores"]


def test_a_report_of_nothing_is_one_line(tmp_path):
    with pytest.raises(PifrError, match="no benchmark here"):
        run(report, tmp_path)


def test_nothing_is_written_when_the_test_can_not_run(module, rendered, tmp_path):
    table = rendered.table.assign(path=[str(path) for path in rendered.paths])
    table[table["yaw"] != 0].to_csv(tmp_path / "no_frontal.csv", index=False)
    with pytest.raises(PifrError, match="no picture to enrol"):
        run(benchmark, "--data", tmp_path / "no_frontal.csv", "--embedder", module, "--out", tmp_path / "bench")
    assert not (tmp_path / "bench").exists()


@pytest.mark.parametrize("protocol", ["posegrid", "preservation"])
def test_a_folder_that_holds_something_else_is_refused_before_any_work(protocol, tmp_path):
    (tmp_path / "report.html").write_text("somebody's own")
    views = ["--generated", "nowhere.csv"] if protocol == "preservation" else []
    arguments = ["--protocol", protocol, "--data", "nowhere.csv", "--embedder", "dlib", "--out", tmp_path, *views]
    with pytest.raises(PifrError, match="not empty and holds no benchmark, found report"):
        run(benchmark, *arguments)
    (tmp_path / "report.html").rename(tmp_path / "file")
    with pytest.raises(PifrError, match="this is a file, a folder is wanted"):
        run(benchmark, *arguments[: -1 - len(views)], tmp_path / "file", *views)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_earlier_benchmark_is_replaced_whatever_lies_beside_it(module, manifest, tmp_path):
    given = ["--data", manifest, "--embedder", module, "--out", tmp_path / "bench", "--bootstrap", 5]
    (tmp_path / "bench").mkdir()
    run(benchmark, *given, "--json", tmp_path / "bench" / "figures.json")
    run(benchmark, *given, "--max-score-rows", 100)
    run(benchmark, *given)
    assert (tmp_path / "bench" / "figures.json").exists()


@pytest.mark.parametrize("broken", ["write_summary", "write_stream"])
def test_a_benchmark_that_a_full_disk_broke_off_can_be_repeated(module, manifest, tmp_path, monkeypatch, broken):
    def full(*_):
        raise PifrError("no space left")

    out = tmp_path / "bench"
    given = ["--data", manifest, "--embedder", module, "--out", out, "--bootstrap", 5, "--max-score-rows", 100,
             "--keep-scores"]  # fmt: skip
    where = {"write_summary": "pifr.evaluation.results", "write_stream": "pifr.evaluation.benchmark"}[broken]
    with monkeypatch.context() as patch:
        patch.setattr(f"{where}.{broken}", full)
        with pytest.raises(PifrError, match="no space left"):
            run(benchmark, *given)
    assert not (out / "results.json").exists()
    run(benchmark, *given)
    assert (out / "results.json").exists()


def test_scores_and_protocols_of_others_are_not_taken_for_a_benchmark(tmp_path):
    given = ["--data", "nowhere.csv", "--embedder", "dlib", "--out", tmp_path]
    for name in ("scores.parquet", "protocol.json"):
        (tmp_path / name).write_text('{"gallery": {}}')
        with pytest.raises(PifrError, match=f"not empty and holds no benchmark, found {name}"):
            run(benchmark, *given)
        (tmp_path / name).unlink()


def test_what_a_file_manager_leaves_does_not_fill_a_folder(module, manifest, tmp_path):
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / ".DS_Store").touch()
    run(benchmark, "--data", manifest, "--embedder", module, "--out", tmp_path / "bench", "--bootstrap", 5)
    assert (tmp_path / "bench" / ".DS_Store").exists()


def test_figures_as_csv_open_in_pandas(module, manifest, tmp_path):
    run(benchmark, "--data", manifest, "--embedder", module, "--out", tmp_path / "bench", "--bootstrap", 5)
    table = pd.read_csv(tmp_path / "bench" / "results.csv")
    assert set(table["grouped_by"]) == {"all", "abs_yaw", "yaw"}


def test_too_many_scores_are_streamed_and_reported_again(module, manifest, tmp_path):
    out = tmp_path / "bench"
    common = ["--data", manifest, "--embedder", module, "--out", out, "--bootstrap", 20]
    printed = run(benchmark, *common, "--max-score-rows", 100)
    assert "note: 864 comparisons were streamed" in printed
    assert not (out / "scores.parquet").exists()
    figures = json.loads((out / "results.json").read_text())
    run(report, out, "--out", tmp_path / "again.html", "--tables", tmp_path / "tables")
    assert json.loads((tmp_path / "tables" / "results.json").read_text()) == figures
    with pytest.raises(PifrError, match="can't be measured in another way"):
        run(report, out, "--bootstrap", 30)
    run(benchmark, *common, "--max-score-rows", 100, "--keep-scores")
    assert (out / "scores.parquet").exists()
    run(report, out, "--bootstrap", 30, "--out", tmp_path / "again.html")


def test_the_limit_of_held_scores_is_the_one_of_the_library():
    default = next(each.default for each in benchmark.params if each.name == "max_score_rows")
    assert default == MAX_SCORE_ROWS
