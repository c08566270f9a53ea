from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pifr.core.errors import DataError, PifrError
from pifr.data import pixels as pixels_module
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.pictures import read_picture, write_picture
from pifr.data.pixels import open_pixels


def make_pictures(folder: Path, values: list[int], size: int = 8) -> Manifest:
    """One flat grey PNG a value."""
    for index, value in enumerate(values):
        write_picture(folder / f"{index}.png", np.full((size, size, 3), value, dtype=np.uint8))
    table = pd.DataFrame({"path": [f"{i}.png" for i in range(len(values))], "subject": "a"})
    return make_manifest(table, folder, "faces.csv")


def test_pictures_come_back_in_row_order(rendered: Manifest, tmp_path: Path) -> None:
    store = open_pixels(rendered, 64, tmp_path)
    assert store.images.shape == (84, 64, 64, 3)
    assert store.size_px == 64
    assert np.array_equal(store[[5, 3]], np.stack([read_picture(rendered.paths[5]), read_picture(rendered.paths[3])]))
    assert store[2].shape == (1, 64, 64, 3)


def test_second_opening_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = make_pictures(tmp_path, [10, 20])
    open_pixels(manifest, 4, tmp_path / "cache")
    monkeypatch.setattr(pixels_module, "read_picture", lambda path: pytest.fail("decoded again"))
    assert open_pixels(manifest, 4, tmp_path / "cache")[[1]][0, 0, 0, 0] == 20
    relabelled = make_manifest(manifest.table.assign(split="train"), manifest.folder, "faces.csv")
    assert len(open_pixels(relabelled, 4, tmp_path / "cache")) == 2


def test_a_changed_picture_is_decoded_anew_even_with_its_old_time(tmp_path: Path) -> None:
    manifest = make_pictures(tmp_path, [10, 20])
    open_pixels(manifest, 8, tmp_path / "cache")
    before = manifest.paths[0].stat()
    write_picture(manifest.paths[0], np.full((8, 8, 3), 99, dtype=np.uint8))
    os.utime(manifest.paths[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert open_pixels(manifest, 8, tmp_path / "cache")[0].max() == 99


def test_sizes_have_their_own_cache(tmp_path: Path) -> None:
    manifest = make_pictures(tmp_path, [10])
    assert open_pixels(manifest, 4, tmp_path / "cache").size_px == 4
    assert open_pixels(manifest, 6, tmp_path / "cache").size_px == 6


def test_the_default_cache_is_the_users(tmp_path: Path) -> None:
    store = open_pixels(make_pictures(tmp_path, [10]), 4)
    assert store.path.parent == Path(os.environ["PIFR_CACHE"]) / "pixels"


def test_a_damaged_cache_file_is_built_again(tmp_path: Path) -> None:
    manifest = make_pictures(tmp_path, [10, 20])
    path = open_pixels(manifest, 8, tmp_path / "cache").path
    path.write_bytes(path.read_bytes()[:-5])
    assert open_pixels(manifest, 8, tmp_path / "cache")[1].max() == 20


def test_the_store_is_read_only(tmp_path: Path) -> None:
    store = open_pixels(make_pictures(tmp_path, [10]), 4, tmp_path / "cache")
    with pytest.raises(ValueError, match="read-only"):
        store.images[0] = 0
    store[[0]][:] = 0  # a copy is the caller's own
    assert store[0].max() == 10


def test_a_truncated_picture_is_named_with_its_row(tmp_path: Path) -> None:
    manifest = make_pictures(tmp_path, [10, 20, 30], size=64)
    whole = manifest.paths[1].read_bytes()
    manifest.paths[1].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"faces.csv, row 2: .*1\.png: can't decode the picture"):
        open_pixels(manifest, 8, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_missing_picture_is_named_with_its_row(tmp_path: Path) -> None:
    manifest = make_pictures(tmp_path, [10, 20])
    manifest.paths[1].unlink()
    with pytest.raises(DataError, match=r"faces.csv, row 2: .*1\.png: picture not found"):
        open_pixels(manifest, 8, tmp_path / "cache")


@pytest.mark.parametrize("missing", [True, False])
def test_a_bad_picture_of_a_selection_is_named_with_its_row_in_the_file(tmp_path: Path, missing: bool) -> None:
    manifest = make_pictures(tmp_path, [10, 20, 30])
    manifest.paths[2].unlink() if missing else manifest.paths[2].write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"faces.csv, row 3: .*2.png"):
        open_pixels(manifest.select([False, True, True]), 8, tmp_path / "cache")


def test_a_picture_that_is_not_square_is_refused(tmp_path: Path) -> None:
    manifest = make_pictures(tmp_path, [10])
    write_picture(manifest.paths[0], np.zeros((6, 8, 3), dtype=np.uint8))
    with pytest.raises(DataError, match=r"row 1: .*0\.png: the picture is not square, found 8 x 6"):
        open_pixels(manifest, 8, tmp_path / "cache")


def test_builders_that_run_at_once_do_not_clash(tmp_path: Path) -> None:
    manifest = make_pictures(tmp_path, list(range(0, 200, 4)))
    results: list[np.ndarray] = []

    def build() -> None:
        results.append(open_pixels(manifest, 8, tmp_path / "cache")[np.arange(50)])

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(np.array_equal(result[:, 0, 0, 0], np.arange(0, 200, 4)) for result in results)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_old_leftovers_go_young_ones_stay(tmp_path: Path) -> None:
    manifest = make_pictures(tmp_path, [10])
    cache = tmp_path / "cache"
    cache.mkdir()
    old, young = cache / "a.tmp-1.npy", cache / "b.tmp-2.npy"
    for leftover in (old, young):
        leftover.write_bytes(b"half")
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    open_pixels(manifest, 4, cache)
    assert not old.exists()
    assert young.exists()


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = make_pictures(tmp_path, [10])

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.raises(PifrError, match="no space left on the disk; free some space"):
        open_pixels(manifest, 4, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_room_on_the_disk_pictures_are_decoded_as_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = make_pictures(tmp_path, [10, 20, 30])
    usage = type(shutil.disk_usage(tmp_path))(total=1 << 40, used=0, free=(1 << 30) + 3 * 4 * 4 * 3 - 1)
    monkeypatch.setattr(pixels_module.shutil, "disk_usage", lambda folder: usage)
    store = open_pixels(manifest, 4, tmp_path / "cache")
    assert "they are decoded anew each time" in capsys.readouterr().err
    assert not (tmp_path / "cache").exists()
    assert (len(store), store.size_px, store.images.shape) == (3, 4, (3, 4, 4, 3))
    assert store[[2, 0]][:, 0, 0, 0].tolist() == [30, 10]
    assert store[1].shape == (1, 4, 4, 3)
    assert store.images[1:].shape == (2, 4, 4, 3)
    assert store.images[-1][0, 0, 0] == 30
    with pytest.raises(IndexError):
        store[3]
    (tmp_path / "1.png").write_text("no picture")
    with pytest.raises(DataError, match=r"faces.csv, row 2: .*1.png: can't decode"):
        store[[0, 1]]
    monkeypatch.setattr(pixels_module.shutil, "disk_usage", lambda folder: usage._replace(free=usage.free + 1))
    write_picture(tmp_path / "1.png", np.full((8, 8, 3), 20, np.uint8))
    assert open_pixels(manifest, 4, tmp_path / "cache").path.is_file()
