"""Files are written whole: to a temporary name beside the target, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pifr.core.errors import DataError, PifrError

TEMPORARY_MARK = ".tmp-"
"""Every unfinished file or folder carries this in its name; whoever writes beside it may delete it, no reader."""
_LEFTOVERS = frozenset({".DS_Store", ".directory", ".gitkeep", "Thumbs.db", "desktop.ini"})
"""What file managers leave in empty folders, and git users in folders to be kept."""
_FOLDER_NOT_FLUSHED = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES)
"""What a file system says that can't flush folders, or of a folder that may be written but not read."""
_UNFINISHED = re.compile(re.escape(TEMPORARY_MARK) + "[0-9a-f]{8}")
_RUST_ERROR_NUMBER = re.compile(r"\(os error (\d+)\)")


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full disk or a forbidden folder into one clear line naming ``path``.

    safetensors and torch raise errors of their own where a write fails, so those are looked through.
    """
    try:
        yield
    except PifrError:
        raise
    except Exception as error:
        number, path = _error_number(error), Path(_UNFINISHED.sub("", str(path)))  # as the user knows it
        if number in (errno.ENOSPC, errno.EDQUOT):
            raise PifrError("no space left on the disk", where=path, cure="free some space and run it again") from error
        if number == errno.EFBIG:
            raise PifrError("this disk takes no file as large", where=path, cure="choose another folder") from error
        if number in (errno.EACCES, errno.EROFS, errno.EPERM) and isinstance(error, OSError):
            raise PifrError("not allowed to write here", where=path, cure="choose another folder") from error
        raise


def _error_number(error: BaseException | None) -> int | None:
    """Return the operating system's number of a failed call, however a library wrapped it; None for other errors."""
    while error is not None:
        if isinstance(error, OSError):
            return error.errno
        if found := _RUST_ERROR_NUMBER.search(str(error)):
            return int(found[1])
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def atomic_path(path: Path, replace_folder: bool = False) -> Iterator[Path]:
    """Yield a temporary path; on success it gets the name ``path``, on failure it is removed.

    Works for a file and for a folder that the caller creates at the temporary path. What was written is on the disk
    before it gets its name. An existing target file is replaced.

    Args:
        path: Final place. Its parent is created.
        replace_folder: Replace a target folder, with all that is in it; else only an empty one is.

    Raises:
        PifrError: If the disk is full, the folder may not be written, or ``path`` is a folder not to be replaced.
    """
    path = Path(path)
    with disk_errors(path):
        _refuse_full_folder(path, replace_folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary_name(path)
        try:
            yield temporary
            if temporary.is_dir():
                for inner in (*temporary.rglob("*"), temporary):
                    _flush_to_disk(inner)
                _refuse_full_folder(path, replace_folder)  # it may have come meanwhile
                _rename_folder(temporary, path)
                _flush_to_disk(path.parent)
            else:
                _flush_to_disk(temporary)
                os.replace(temporary, path)
        finally:
            if temporary.is_dir():
                shutil.rmtree(temporary, ignore_errors=True)
            else:
                temporary.unlink(missing_ok=True)


def refuse_file(folder: Path) -> None:
    """Refuse a file where a folder is to be written.

    Raises:
        DataError: If it is one.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError("this is a file, a folder is wanted", where=folder, cure="choose another --out folder")


def names_within(folder: Path) -> list[str]:
    """Return the names in a folder, sorted, without the leftovers of file managers; none where there is no folder."""
    return sorted(path.name for path in folder.iterdir() if path.name not in _LEFTOVERS) if folder.is_dir() else []


def refuse_foreign_files(folder: Path, own: Collection[str], kind: str) -> None:
    """Refuse to replace a folder in which there is anything but what was written there by the same command.

    Args:
        folder: It may be missing or empty.
        own: Names of the files that are replaced.
        kind: What they make together, in words: an index.

    Raises:
        DataError: Naming the first other file.
    """
    refuse_file(folder)
    foreign = [name for name in names_within(folder) if name not in own]
    if foreign:
        raise DataError(f"this folder holds more than {kind} and won't be replaced", where=folder, found=foreign[0],
                        cure="choose another folder")  # fmt: skip


def is_utf8(name: str) -> bool:
    """Tell whether the name of a file is UTF-8: on POSIX it is any bytes, and Python makes surrogates of the others."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data``, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all. NaN is refused: JSON has none."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        PifrError: If the file is missing or is no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PifrError("file not found", where=path, cure="check the path") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PifrError("not a JSON file", where=path, found=str(error)) from error


def read_journal(path: Path, keys: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the JSON objects of a file to which a line each is added; none where there is no file.

    A line cut by a crash, or without one of ``keys``, is passed over. It stays in the file: it may be one that another
    process is adding just now, so only :func:`open_journal` begins a line of its own behind it.
    """
    found: list[dict[str, Any]] = []
    if not path.is_file():
        return found
    with open(path, "rb") as lines:
        for line in lines:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict) and all(key in value for key in keys):
                found.append(value)
    return found


@contextmanager
def open_journal(path: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Yield a function that adds one line to a journal, at once and in one piece, from any thread.

    Args:
        path: The journal; it and its folder are created.

    Raises:
        PifrError: If the disk is full or the folder may not be written.
    """
    # Unbuffered, so that each line is added in one piece: commands may share a journal.
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab", buffering=0) as stream:
            lock, cut = threading.Lock(), _ends_within_a_line(path)

            def add(entry: Mapping[str, Any]) -> None:
                nonlocal cut
                with disk_errors(path), lock:
                    rest = b"\n" * cut + (json.dumps(entry) + "\n").encode()
                    cut = True  # as long as any of it is not written, be it for want of space
                    while rest:
                        rest = rest[stream.write(rest) :]
                    cut = False

            yield add


def _ends_within_a_line(path: Path) -> bool:
    """Tell whether a crash cut the last line of a file."""
    with open(path, "rb") as stream:
        if not stream.seek(0, os.SEEK_END):
            return False
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) != b"\n"


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def cache_folder() -> Path:
    """Return the user's cache folder: ``$PIFR_CACHE``, else ``$XDG_CACHE_HOME/pifr``, else ``~/.cache/pifr``."""
    if configured := os.environ.get("PIFR_CACHE"):
        return Path(configured)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pifr"


def _temporary_name(path: Path) -> Path:
    # The suffix stays last, since savers such as Pillow's choose the format by it.
    return path.with_name(f"{path.stem}{TEMPORARY_MARK}{uuid.uuid4().hex[:8]}{path.suffix}")


def _refuse_full_folder(path: Path, replace: bool) -> None:
    if not replace and names_within(path):
        raise PifrError("this folder exists already and is not empty", where=path, cure="choose another folder")


def _rename_folder(temporary: Path, path: Path) -> None:
    """Give a folder its name; an old one of that name steps aside whole before it is deleted."""
    if not path.is_dir():
        os.replace(temporary, path)
        return
    old = _temporary_name(path)
    os.replace(path, old)
    try:
        os.replace(temporary, path)
    except BaseException:
        os.replace(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _flush_to_disk(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if not path.is_dir() or error.errno not in _FOLDER_NOT_FLUSHED:
            raise
