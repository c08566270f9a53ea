"""``pifr data`` as a user types it: exit codes, one-line errors, nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pifr.cli import pifr_command
from pifr.core.commandline import run
from pifr.data.manifest import Manifest, read_manifest

RenderPeople = Callable[..., Manifest]


def call(*arguments: object) -> str:
    """Run a command that must succeed; return what it printed on both streams."""
    result = CliRunner().invoke(pifr_command, ["data", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def fail(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """Run a command that must fail as the entry point does: exit code 1 and one line, no traceback."""
    monkeypatch.setattr("sys.argv", ["pifr", "data", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        run(pifr_command)
    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("command", ["validate", "import", "split", "align"])
def test_help_pages_explain_every_option(command: str) -> None:
    assert "Examples" in call(command, "--help")


def test_the_list_of_commands() -> None:
    listed = call("--help")
    assert "Cut the faces out as aligned squares." in listed


def test_the_whole_way_from_a_folder_to_splits(tmp_path: Path, render_people: RenderPeople) -> None:
    render_people(tmp_path / "faces", 4, yaws_degrees=[0, 30], size_px=32)
    call("import", "folder", tmp_path / "faces", "--out", tmp_path / "faces.csv")
    call("align", tmp_path / "faces.csv", "--template", "crop:4,4,24", "--size", 16, "--out", tmp_path / "aligned")
    call(
        "split", tmp_path / "aligned" / "manifest.csv", "--parts", "train=3,test=1", "--out", tmp_path / "split.parquet"
    )
    manifest = read_manifest(tmp_path / "split.parquet")
    assert len(manifest.of_split("train")) == 6
    assert manifest.template == "crop:4,4,24"
    printed = call("validate", tmp_path / "split.parquet")
    assert "8 pictures of 4 people; sizes 16x16 (8)" in printed
    assert "0 errors, 0 warnings" in printed


def test_validate_fails_on_errors_and_writes_json(tmp_path: Path, render_people: RenderPeople) -> None:
    manifest = render_people(tmp_path, 2, yaws_degrees=[-30, 30], size_px=32)
    manifest.paths[2].unlink()
    arguments = ["data", "validate", str(tmp_path / "manifest.csv"), "--json", str(tmp_path / "findings.json")]
    result = CliRunner().invoke(pifr_command, arguments)
    assert result.exit_code == 1
    assert "error: row 3, 002/01_neutral_-030.png: picture not found; restore the file" in result.output
    assert " -30° " in result.output
    findings = json.loads((tmp_path / "findings.json").read_text())
    assert (findings["errors"], findings["warnings"]) == (1, 0)


def test_validate_passes_with_warnings_and_shortens_long_lists(tmp_path: Path, rendered: Manifest) -> None:
    single = rendered.select(rendered.yaw_degrees == 0)
    many = single.table.loc[single.table.index.repeat(6)].reset_index(drop=True)
    path = tmp_path / "many.csv"
    many.assign(path=[str(rendered.folder / p) for p in many["path"]]).to_csv(path, index=False)
    # 12 pictures, each listed six times: 60 duplicates.
    printed = call("validate", path)
    assert "... and 10 more: --all prints them" in printed
    assert "0 errors, 60 warnings" in printed
    assert "more:" not in call("validate", path, "--all")


def test_a_split_does_not_replace_the_manifest_it_is_made_of(
    tmp_path: Path, render_people: RenderPeople, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.csv"
    render_people(tmp_path, 2, yaws_degrees=[0], size_px=32).save(path)
    before = path.read_bytes()
    error = fail(capsys, monkeypatch, "split", path, "--parts", "train=1,test=1", "--out", tmp_path / "." / path.name)
    assert "--out: this is the manifest itself, whose split would be lost" in error
    assert path.read_bytes() == before


def test_a_part_that_no_command_knows_by_name_is_warned_of(tmp_path: Path, render_people: RenderPeople) -> None:
    manifest = render_people(tmp_path, 3, yaws_degrees=[0], size_px=32)
    manifest.save(tmp_path / "manifest.csv")
    given = ["split", tmp_path / "manifest.csv", "--out", tmp_path / "split.csv", "--parts"]
    printed = call(*given, "train=1,tset=1")
    assert (
        "warning: --parts: 'tset' is no part that other commands know by name: train, val, test, teachers; " in printed
    )
    assert "did you mean 'test'?" in printed
    assert "--split mine" in call(*given, "train=1,mine=1")
    assert "warning" not in call(*given, "train=1,val=1,teachers=1")


def test_import_table_renames(tmp_path: Path, render_people: RenderPeople) -> None:
    render_people(tmp_path, 1, yaws_degrees=[0], size_px=32)
    (tmp_path / "list.csv").write_text("file,id\n001/01_neutral_+000.png,ann\n")
    printed = call("import", "table", tmp_path / "list.csv", "--column", "path=file", "--column", "subject=id",
                   "--out", tmp_path / "faces.csv")  # fmt: skip
    assert "1 pictures of 1 people" in printed
    assert read_manifest(tmp_path / "faces.csv").subjects == ["ann"]


def test_import_table_does_not_replace_the_table_it_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "faces.csv"
    table.write_text("Path,subject\na.png,1\n")
    monkeypatch.chdir(tmp_path)
    error = fail(capsys, monkeypatch, "import", "table", table, "--column", "path=Path", "--out", "faces.csv")
    assert "--out: this is the table that the manifest is made of, found 'faces.csv'; choose another name" in error
    assert table.read_text() == "Path,subject\na.png,1\n"


def test_import_multipie(tmp_path: Path) -> None:
    picture = tmp_path / "session01/multiview/001/01/05_1/001_01_01_051_00.png"
    picture.parent.mkdir(parents=True)
    picture.touch()
    call("import", "multipie", tmp_path, "--out", tmp_path / "multipie.csv")
    assert read_manifest(tmp_path / "multipie.csv").yaw_degrees[0] == 0


@pytest.mark.parametrize(
    "command",
    [["import", "any"], ["import", "folder"], ["import", "table"], ["import", "multipie"], ["split"], ["pose"]],
)
def test_a_wrong_ending_is_refused_before_anything_is_read(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = fail(capsys, monkeypatch, *command, "nowhere", "--out", "faces.txt")
    assert error == "error: --out: a manifest is a .csv or .parquet file, found 'faces.txt'\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["validate", "none.csv"], "none.csv: file not found"),
        (["split", "faces.csv", "--parts", "train=9", "--out", "x.csv"], "the parts need 9 people, found 2"),
        (["split", "faces.csv", "--parts", "train", "--out", "x.csv"], "--parts: parts are written"),
        (["align", "faces.csv", "--out", "x"], "row 1: 001/01_neutral_+000.png: 2 of 2 pictures lack"),
        (["align", "faces.csv", "--template", "arcface", "--out", "x"], "did you mean 'arcface-112'"),
        (["import", "folder", "none", "--out", "x.csv"], "none: no such folder"),
        (["import", "table", "faces.csv", "--column", "subject", "--out", "x.csv"], "a column is written NAME=THEIRS"),
        (["import", "folder", "001", "--out", "x.csv"], "the layout is FOLDER/person/picture.jpg"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
    render_people: RenderPeople,
) -> None:
    render_people(tmp_path, 2, yaws_degrees=[0], size_px=32)
    (tmp_path / "manifest.csv").rename(tmp_path / "faces.csv")
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert message in fail(capsys, monkeypatch, *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
