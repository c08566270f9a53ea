"""The study's settings from a file: what counts before what, and mistakes that end with one line."""

from pathlib import Path

import pytest

from benchmarks import pose_gap
from benchmarks.study.rows import choose_rows
from benchmarks.study.settings import StudySettings
from pifr.core.config import check_config

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def settings_by(*words):
    return pose_gap.settings_of(pose_gap.parser().parse_args(words))


def test_options_override_a_config_and_a_config_the_defaults(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text(
        "twin: own.csv\npeople: [10, 20, 5]\na_sizes: [4]\nrows: [b, a4_b]\ndevice: cpu\n"
        "generator_runs: {drgan: d, ipgan: i}\nrecogniser: {steps: 7}\n"
    )
    by_file = settings_by("--config", str(file))
    assert (by_file.twin, by_file.people, by_file.a_sizes) == ("own.csv", (10, 20, 5), (4,))
    assert (by_file.rows, by_file.device, by_file.seeds) == (("b", "a4_b"), "cpu", StudySettings().seeds)
    assert by_file.recogniser == {"steps": 7}
    given = settings_by(
        "--config", str(file), "--twin", "other.csv", "--people", "6,7,8", "--a-sizes", "", "--rows", "",
        "--device", "cuda", "--generator", "mine", "--width", "0.25",
    )  # fmt: skip
    assert (given.twin, given.people, given.a_sizes, given.rows) == ("other.csv", (6, 7, 8), (), ())
    assert given.device == "cuda"
    assert given.generator_runs == {"drgan": "d", "ipgan": "mine"}
    assert given.recogniser == {"steps": 7, "backbone": {"width": 0.25}}
    assert settings_by() == StudySettings()


def test_a_config_is_found_by_its_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settings_by("--config", "study-multipie").twin == "multipie-64/manifest.csv"


@pytest.mark.parametrize(
    "file", [*sorted(CONFIGS.glob("study-*.yaml")), CONFIGS / "pose-gap-teachers.yaml"], ids=lambda file: file.stem
)
def test_every_study_that_comes_along_names_rows_and_settings_that_there_are(file):
    from ipgan import TrainConfig
    from pifr.recognition import RecognizerConfig

    settings = settings_by("--config", file.stem)
    assert choose_rows(settings.rows, settings.a_sizes)
    check_config(
        TrainConfig, {**settings.generator, "data": {"manifest": "x.csv", "size_px": settings.size_px}}, "generator"
    )
    check_config(RecognizerConfig, {**settings.recogniser, "data": {"manifest": "x.csv"}}, "recogniser")


@pytest.mark.parametrize(
    ("text", "more", "told"),
    [
        ("peeple: [1, 2, 3]", [], "own.yaml: unknown key 'peeple'; did you mean 'people'?"),
        ("people: [1, 2]", [], "own.yaml: key 'people.2': field required"),
        ("test_lights: [04, 17]", [], "own.yaml: key 'test_lights.0': input should be a valid string, found 4"),
        ("recogniser: {backbone: ir18}", [], "recogniser.backbone holds keys, such as name, found 'ir18'"),
        ("rows: [a25_b]\na_sizes: []", [], "own.yaml, key 'rows': no row 'a25_b'"),
        (
            "people: [9, 5, 2]\nrows: [b, a9_b]\na_sizes: [9]",
            ["--dry-run"],
            "a_sizes: row 'a9_b' wants fewer",
        ),
        (
            "people: [9, 5, 2]\nrows: [b, a9_b]\na_sizes: [9]",
            ["--people", "8,5,2", "--dry-run"],
            "all 8 and at least",
        ),
        ("people: [9, 5, 2]\nrows: [a0_b]\na_sizes: [0]", ["--dry-run"], "than all 9 and at least 1, found 0"),
        ("people: [9, 5, 2]\nrows: [b]", ["--a-sizes", "30", "--rows", "a30_b", "--dry-run"], "at least 1, found 30"),
        ("rows: [b]", ["--rows", "bb"], "--rows: no row 'bb'"),
        ("people: [1, 2", [], "own.yaml: not valid YAML"),
        (None, [], "own.yaml: no such config file or recipe"),
        ("people: [1, 2, 3]", ["--quick"], "sizes come from --quick or from a config, not from both"),
    ],
)
def test_a_config_that_cannot_be_used_ends_with_one_line(capsys, tmp_path, text, more, told):
    file = tmp_path / "own.yaml"
    if text is not None:
        file.write_text(text)
    assert pose_gap.main(["--config", str(file), "--out", str(tmp_path), *more]) == 1
    message = capsys.readouterr().err
    assert told in message
    assert message.count("\n") == 1
