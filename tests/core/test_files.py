from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from pifr.core import files
from pifr.core.errors import PifrError
from pifr.core.files import (
    atomic_path,
    cache_folder,
    disk_errors,
    open_journal,
    read_journal,
    read_json,
    sha256_of_file,
    write_bytes,
    write_json,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_appear_whole_and_replace(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "a.txt", "one")
    write_text(tmp_path / "deep" / "a.txt", "zwei ü")
    assert (tmp_path / "deep" / "a.txt").read_text(encoding="utf-8") == "zwei ü"
    write_bytes(tmp_path / "deep" / "b", b"\x00")
    assert names(tmp_path / "deep") == ["a.txt", "b"]


def test_the_target_is_untouched_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.suffix == ".txt"
        assert files.TEMPORARY_MARK in temporary.name
    assert path.read_text() == "new"


def test_a_failing_writer_leaves_the_old_file_and_no_leftover(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        write_half()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def write_folder(path: Path, content: str, replace_folder: bool = False) -> None:
    with atomic_path(path, replace_folder) as temporary:
        (temporary / "deep").mkdir(parents=True)
        (temporary / content).touch()
        (temporary / "deep" / "text").write_text(content)


def test_folders_replace_folders_where_that_is_asked_for(tmp_path: Path) -> None:
    for content in ("one", "two"):
        write_folder(tmp_path / "folder", content, replace_folder=True)
    assert names(tmp_path / "folder") == ["deep", "two"]
    assert names(tmp_path) == ["folder"]


def test_a_folder_with_something_in_it_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    write_folder(tmp_path / "folder", "one")  # it was empty
    with pytest.raises(PifrError, match="folder: this folder exists already and is not empty; choose another folder"):
        write_folder(tmp_path / "folder", "two")
    with pytest.raises(PifrError, match="exists already"):
        write_text(tmp_path / "folder", "text")
    assert names(tmp_path / "folder") == ["deep", "one"]
    assert names(tmp_path) == ["folder"]


def test_a_folder_that_fills_up_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def write_and_be_overtaken() -> None:
        with atomic_path(tmp_path / "folder") as temporary:
            temporary.mkdir()
            write_folder(tmp_path / "folder", "theirs")

    with pytest.raises(PifrError, match="exists already"):
        write_and_be_overtaken()
    assert names(tmp_path / "folder") == ["deep", "theirs"]
    assert names(tmp_path) == ["folder"]


def test_the_old_folder_stays_where_the_new_one_can_not_take_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "folder", "old")
    replace, calls = os.replace, []

    def fail_once(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_once)
    with pytest.raises(OSError, match="Input/output"):
        write_folder(tmp_path / "folder", "new", replace_folder=True)
    assert names(tmp_path / "folder") == ["deep", "old"]
    assert names(tmp_path) == ["folder"]


def test_what_lies_in_a_folder_is_flushed_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int | str] = []
    fsync, replace = os.fsync, os.replace

    def flush(descriptor: int) -> None:
        done.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def rename(source: Path, target: Path) -> None:
        done.append("renamed")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", rename)
    write_folder(tmp_path / "folder", "one")
    renamed, folder = done.index("renamed"), tmp_path / "folder"
    for path in (folder, folder / "one", folder / "deep", folder / "deep" / "text"):
        assert path.stat().st_ino in done[:renamed]
    assert done[renamed + 1 :] == [tmp_path.stat().st_ino]


def test_a_disk_that_can_not_flush_folders_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse_folders)
    write_folder(tmp_path / "folder", "one")
    assert names(tmp_path / "folder") == ["deep", "one"]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "no space left on the disk; free some space and run it again"),
        (errno.EDQUOT, "no space left on the disk"),
        (errno.EACCES, "not allowed to write here; choose another folder"),
        (errno.EROFS, "not allowed to write here"),
    ],
)
def test_disk_errors_are_one_line_naming_the_file(tmp_path: Path, number: int, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_to_full_disk() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise OSError(number, os.strerror(number))

    with pytest.raises(PifrError, match=message) as error:
        write_to_full_disk()
    assert str(path) in str(error.value)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_disk_that_fills_up_at_the_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PifrError, match="no space left"):
        write_text(tmp_path / "a.txt", "text")
    assert names(tmp_path) == []


def test_other_os_errors_pass_through(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((NotADirectoryError, FileExistsError)):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_json_there_and_back(tmp_path: Path) -> None:
    value = {"name": "Zoë", "numbers": [1, 2.5, None]}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert "Zoë" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_json_has_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert names(tmp_path) == []


def test_bad_json_files(tmp_path: Path) -> None:
    with pytest.raises(PifrError, match=r"a.json: file not found"):
        read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(PifrError, match=r"a.json: not a JSON file"):
        read_json(tmp_path / "a.json")


def test_reading_a_journal_leaves_a_line_that_is_being_added_to_its_writer(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(b'{"i": 0}\n{"i": 1')
    assert read_journal(journal, ("i",)) == [{"i": 0}]
    with open(journal, "ab") as stream:
        stream.write(b"}\n")
    assert read_journal(journal, ("i",)) == [{"i": 0}, {"i": 1}]


def test_a_journal_goes_on_behind_a_line_cut_by_a_crash(tmp_path: Path) -> None:
    journal = tmp_path / "new" / "journal.jsonl"
    assert read_journal(journal) == []
    with open_journal(journal) as add:
        add({"i": 0})
    journal.write_bytes(journal.read_bytes() + b'{"i": 1')
    with open_journal(journal) as add:
        add({"i": 2})
        add({"other": 3})
        add({"i": 4})
    assert read_journal(journal, ("i",)) == [{"i": 0}, {"i": 2}, {"i": 4}]


def test_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of_file(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_the_cache_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIFR_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("PIFR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "pifr"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "pifr"


def test_a_full_disk_is_seen_through_the_errors_of_safetensors_and_torch(tmp_path: Path) -> None:
    from safetensors import SafetensorError

    def by_safetensors() -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    def by_torch() -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        finally:
            raise RuntimeError("[enforce fail at inline_container.cc:671] . unexpected pos 704 vs 598")

    for write in (by_safetensors, by_torch):
        with pytest.raises(PifrError, match=r"a\.bin: no space left on the disk"), disk_errors(tmp_path / "a.bin"):
            write()
    with pytest.raises(RuntimeError, match="another"), disk_errors(tmp_path / "a.bin"):
        raise RuntimeError("another") from ValueError("no call of the system")
