from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pifr.augment import augment, joining, merge
from pifr.core.errors import DataError
from pifr.core.files import TEMPORARY_MARK
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.pixels import open_pixels


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def key_of(path: str) -> str:
    """The key of ``shards/accepted-000000.tar/KEY.png@OFFSET``."""
    return path.partition(".tar/")[2].rpartition(".png@")[0]


@pytest.fixture
def packed(faces: Manifest, tmp_path: Path, kit):
    config = kit.unchecked(yaws_degrees=(-45, 45, 75), batch_size=8, shard_megabytes=0.03)
    return augment(faces, kit.MarkingRotator(), tmp_path / "out", config), config


def test_shards_are_read_by_webdataset_and_hold_every_picture_once(packed) -> None:
    webdataset = pytest.importorskip("webdataset")
    result, _ = packed
    assert len(result.shards) > 2
    assert not (result.manifest_path.parent / "pictures").exists()
    rows = {key_of(row.path): row for row in read_manifest(result.manifest_path).table.itertuples()}
    stream = webdataset.WebDataset([str(path) for path in result.shards], shardshuffle=False, empty_check=False)
    seen = []
    for sample in stream:
        row = rows[sample["__key__"]]
        about = json.loads(sample["json"])
        with Image.open(io.BytesIO(sample["png"])) as picture:
            assert "trainedAlgorithmicMedia" in str(picture.info["xmp"])
            assert np.asarray(picture)[0, 0, 1] == row.yaw + 100
        assert (about["subject"], about["yaw"]) == (row.subject, row.yaw)
        assert int(sample["cls"]) == int(row.subject) - 1
        seen.append(sample["__key__"])
    assert sorted(seen) == sorted(rows)


def test_what_is_named_to_train_on_can_be_read(noisy, tmp_path: Path, kit) -> None:
    data = noisy([("José", 0.0), ("b" * 90, 0.0), ("c", 0.0)])
    loose = augment(data, kit.MarkingRotator(), tmp_path / "loose", kit.unchecked(yaws_degrees=(-45, 45)))
    config = kit.unchecked(yaws_degrees=(-45, 45), shard_megabytes=0.005)
    tight = augment(data, kit.MarkingRotator(), tmp_path / "tight", config)
    assert len(tight.shards) > 1
    moved = read_manifest(tight.accepted_path).save(tmp_path / "accepted.csv")
    place = moved.table["path"].str.extract(r"^(tight/shards/accepted-\d{6}\.tar)/.+@\d+$")[0]
    assert set(place) == {path.relative_to(tmp_path).as_posix() for path in tight.shards}
    assert "shard" not in moved.table  # it would not be moved with the path
    pixels = [open_pixels(read_manifest(result.accepted_path), 64).images for result in (loose, tight)]
    assert np.array_equal(*pixels)
    assert merge(tmp_path / "tight").manifest.table.equals(tight.manifest.table)


def test_a_damaged_shard_is_one_line(packed) -> None:
    result, _ = packed
    shard = result.shards[0]
    shard.write_bytes(shard.read_bytes()[:700])
    with pytest.raises(DataError, match=rf"{shard.name}: this shard is damaged or not the one"):
        merge(result.manifest_path.parent)


@pytest.mark.parametrize("step", ["_record", "draw_sheets", "pack_shards", "_delete_packed"])
def test_a_part_that_ends_while_another_packs_tells_the_same(
    faces: Manifest, tmp_path: Path, kit, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    config = kit.unchecked(yaws_degrees=(-45, 45), batch_size=8, shard_megabytes=0.03)
    augment(faces, kit.MarkingRotator(), tmp_path / "alone", config)
    augment(faces, kit.MarkingRotator(), tmp_path / "out", config, shard=(1, 2))
    inner = getattr(joining, step)

    def slower(*arguments: object, **named: object) -> object:
        monkeypatch.setattr(joining, step, inner)
        merge(tmp_path / "out")  # the other part, which packs and deletes meanwhile
        return inner(*arguments, **named)

    monkeypatch.setattr(joining, step, slower)
    result = augment(faces, kit.MarkingRotator(), tmp_path / "out", config, shard=(2, 2))
    assert (result.blocks_missing, result.accepted) == (0, 24)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "alone")


def test_leftovers_go_though_another_part_deletes_folders_meanwhile(tmp_path: Path, monkeypatch) -> None:
    for who in "ab":
        (tmp_path / "pictures" / who).mkdir(parents=True)
        (tmp_path / "pictures" / who / f"x{TEMPORARY_MARK}1a2b3c4d.png").touch()
    scan = os.scandir

    def deleting(path):
        if str(path).endswith("b"):
            shutil.rmtree(path, ignore_errors=True)
        return scan(path)

    monkeypatch.setattr(os, "scandir", deleting)
    joining._remove_leftovers(tmp_path)
    assert [path.name for path in (tmp_path / "pictures").rglob("*")] == ["a"]


def test_pictures_that_vanish_unpacked_are_no_end(faces, tmp_path, kit, monkeypatch) -> None:
    def gone(*arguments: object) -> object:
        raise FileNotFoundError("gone")

    monkeypatch.setattr(joining, "draw_sheets", gone)
    with pytest.raises(FileNotFoundError, match="gone"):
        augment(faces, kit.MarkingRotator(), tmp_path, kit.unchecked(yaws_degrees=(45,), shard_megabytes=1.0))


def test_a_second_call_finds_the_shards_finished(packed, faces, kit) -> None:
    result, config = packed
    before = files_of(result.manifest_path.parent)
    again = kit.MarkingRotator()
    assert augment(faces, again, result.manifest_path.parent, config).accepted == result.accepted
    assert again.generated == 0
    assert files_of(result.manifest_path.parent) == before


def test_packing_deletes_only_what_was_packed(faces: Manifest, tmp_path: Path, kit) -> None:
    config = kit.unchecked(yaws_degrees=(45,), batch_size=8)
    augment(faces, kit.MarkingRotator(), tmp_path, config.model_copy(update={"shard_megabytes": 1000.0}), shard=(1, 2))
    made = list((tmp_path / "pictures").rglob("*.png"))
    assert made
    own = made[0].with_name("note.txt")
    own.write_text("mine")
    (tmp_path / "rejected").mkdir()
    (tmp_path / "rejected" / "mine.png").write_bytes(b"mine")
    packing = config.model_copy(update={"shard_megabytes": 1000.0})
    assert augment(faces, kit.MarkingRotator(), tmp_path, packing, shard=(2, 2)).accepted == 12
    kept = [path for name in ("pictures", "rejected") for path in (tmp_path / name).rglob("*") if path.is_file()]
    assert kept == [own, tmp_path / "rejected" / "mine.png"]


def test_a_foreign_folder_of_shards_is_not_replaced(faces: Manifest, tmp_path: Path, kit) -> None:
    config = kit.unchecked(yaws_degrees=(45,), batch_size=8, shard_megabytes=1000.0)
    augment(faces, kit.MarkingRotator(), tmp_path, config, shard=(1, 2))
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "mine.tar").write_bytes(b"mine")
    with pytest.raises(DataError, match="shards: this folder holds no shards of 'pifr augment'"):
        augment(faces, kit.MarkingRotator(), tmp_path, config, shard=(2, 2))
    assert (tmp_path / "shards" / "mine.tar").read_bytes() == b"mine"
