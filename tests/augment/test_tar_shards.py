from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pifr.augment import augment
from pifr.core.errors import DataError
from pifr.data.manifest import Manifest, read_manifest


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def packed(faces: Manifest, tmp_path: Path, kit):
    config = kit.unchecked(yaws_degrees=(-45, 45, 75), batch_size=8, shard_megabytes=0.03)
    return augment(faces, kit.MarkingRotator(), tmp_path / "out", config), config


def test_shards_are_read_by_webdataset_and_hold_every_picture_once(packed) -> None:
    webdataset = pytest.importorskip("webdataset")
    result, _ = packed
    assert len(result.shards) > 2
    assert not (result.manifest_path.parent / "pictures").exists()
    rows = {row.path: row for row in read_manifest(result.manifest_path).table.itertuples()}
    stream = webdataset.WebDataset([str(path) for path in result.shards], shardshuffle=False, empty_check=False)
    seen = []
    for sample in stream:
        row = rows[f"pictures/{sample['__key__']}.png"]
        about = json.loads(sample["json"])
        with Image.open(io.BytesIO(sample["png"])) as picture:
            assert "trainedAlgorithmicMedia" in str(picture.info["xmp"])
            assert np.asarray(picture)[0, 0, 1] == row.yaw + 100
        assert (about["subject"], about["yaw"]) == (row.subject, row.yaw)
        assert int(sample["cls"]) == int(row.subject) - 1
        seen.append(row.path)
    assert sorted(seen) == sorted(rows)


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
