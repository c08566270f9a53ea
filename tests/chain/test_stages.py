from __future__ import annotations

from pathlib import Path

import pytest

from pifr.chain.stages import StageBook, claim_folder
from pifr.core.errors import PifrError
from pifr.core.interrupt import Interrupted


def maker(folder: Path, calls: list[Path | None]):
    def work(previous: Path | None) -> Path:
        calls.append(previous)
        made = folder / "made.txt"
        made.write_text("x")
        return made

    return work


def test_a_finished_stage_is_kept_until_what_it_depends_on_changes(tmp_path: Path) -> None:
    calls: list[Path | None] = []
    first = StageBook(tmp_path).run("draw", {"people": 3}, maker(tmp_path, calls))
    again = StageBook(tmp_path).run("draw", {"people": 3}, maker(tmp_path, calls))
    assert len(calls) == 1
    assert again == first
    StageBook(tmp_path).run("draw", {"people": 4}, maker(tmp_path, calls))
    assert len(calls) == 2


def test_a_stage_whose_output_was_deleted_runs_again(tmp_path: Path) -> None:
    calls: list[Path | None] = []
    StageBook(tmp_path).run("draw", 1, maker(tmp_path, calls)).output.unlink()
    StageBook(tmp_path).run("draw", 1, maker(tmp_path, calls))
    assert len(calls) == 2


def test_an_interrupted_stage_is_handed_what_it_had_made(tmp_path: Path) -> None:
    half = tmp_path / "run-00000"
    half.mkdir()
    book = StageBook(tmp_path)

    def interrupted(previous: Path | None) -> Path:
        book.note_output("train", half)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        book.run("train", 1, interrupted)
    assert "train" not in StageBook(tmp_path).seconds_by_stage()
    calls: list[Path | None] = []
    StageBook(tmp_path).run("train", 1, maker(tmp_path, calls))
    assert calls == [half]


def test_an_interrupted_stage_with_other_inputs_starts_anew(tmp_path: Path) -> None:
    book = StageBook(tmp_path)

    def interrupted(previous: Path | None) -> Path:
        book.note_output("train", tmp_path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        book.run("train", 1, interrupted)
    calls: list[Path | None] = []
    StageBook(tmp_path).run("train", 2, maker(tmp_path, calls))
    assert calls == [None]


def test_a_folder_belongs_to_one_chain(tmp_path: Path) -> None:
    claim_folder(tmp_path, "demo")
    claim_folder(tmp_path, "demo")
    with pytest.raises(PifrError, match=r"another chain.*'demo'"):
        claim_folder(tmp_path, "london")


def test_two_processes_keep_each_others_stages(tmp_path: Path) -> None:
    first, second = StageBook(tmp_path), StageBook(tmp_path)  # both read the file while it was empty

    def meanwhile(_: Path | None) -> Path:
        second.run("theirs", {}, lambda _: tmp_path)
        return tmp_path

    first.run("ours", {}, meanwhile)
    assert set(StageBook(tmp_path).seconds_by_stage()) == {"ours", "theirs"}
    assert set(first.seconds_by_stage()) == {"ours", "theirs"}


def test_an_interrupted_stage_says_how_the_whole_goes_on(tmp_path: Path) -> None:
    def work(previous: Path | None) -> Path:
        raise Interrupted("step 3 is saved; go on with --resume run")

    with pytest.raises(Interrupted, match=r"^stopped at 'train'; the same command goes on from there$"):
        StageBook(tmp_path).run("train", 1, work)
