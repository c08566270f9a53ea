from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pifr.core.errors import DataError
from pifr.data.align import align_manifest
from pifr.data.containers import Member, file_of, member_of, read_member
from pifr.data.importers.shards import import_shards
from pifr.data.importers.table import import_table
from pifr.data.manifest import Manifest, concatenate, make_manifest, read_manifest
from pifr.data.pictures import read_picture, write_picture
from pifr.data.pixels import open_pixels
from pifr.data.validate import validate


def test_a_path_is_taken_apart() -> None:
    assert member_of(Path("/data/train.rec/123@4567")) == Member("/data/train.rec", "123", 4567)
    assert member_of("s/a.tar/dir/000@7.png@1536") == Member("s/a.tar", "dir/000@7.png", 1536)
    for plain in ("a.jpg", "train.rec", "train.rec/123", "a.zip/1@2", "people@12"):
        assert member_of(plain) is None
    assert file_of(Path("s/a.tar/0.png@0")) == Path("s/a.tar")
    assert file_of(Path("s/a.png")) == Path("s/a.png")


def write_archive(path: Path, files: dict[str, bytes], tar_format: int = tarfile.DEFAULT_FORMAT) -> None:
    with tarfile.open(path, "w", format=tar_format) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


@pytest.fixture
def packed(record_files: SimpleNamespace, tmp_path: Path) -> Manifest:
    """Four pictures: two in a record file, one in an archive, one file."""
    folder = tmp_path / "set"
    files = [record_files.jpeg(60), record_files.jpeg(90), record_files.jpeg(120), record_files.jpeg(150)]
    offsets = record_files.write_pack(folder, {0: files[:2]})
    write_archive(folder / "a.tar", {"x.jpg": files[2]})
    (folder / "plain.jpg").write_bytes(files[3])
    paths = [f"train.rec/1@{offsets[1]}", f"train.rec/2@{offsets[2]}", "a.tar/x.jpg@0", "plain.jpg"]
    table = pd.DataFrame({"path": paths, "subject": ["a", "b", "a", "b"]})
    return make_manifest(table, folder, "faces.csv").save(folder / "faces.csv")


def test_every_stage_reads_pictures_in_containers(
    packed: Manifest, record_files: SimpleNamespace, tmp_path: Path
) -> None:
    files = [record_files.jpeg(value) for value in (60, 90, 120, 150)]
    expected = np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in files])
    assert np.array_equal(np.stack([read_picture(path) for path in packed.paths]), expected)
    assert np.array_equal(open_pixels(packed, 16, tmp_path / "cache").images, expected)
    assert not validate(packed).errors
    assert len(import_table(packed.folder / "faces.csv").manifest) == 4
    aligned = align_manifest(packed, "crop:center", tmp_path / "aligned", 16).manifest
    assert np.array_equal(np.stack([read_picture(path) for path in aligned.paths]), expected)
    assert len(set(aligned.table["path"])) == 4


def test_paths_stay_valid_where_a_manifest_moves(packed: Manifest, tmp_path: Path) -> None:
    moved = packed.save(tmp_path / "elsewhere" / "faces.parquet")
    assert moved.table["path"][0].startswith("../set/train.rec/1@")
    first, second = read_picture(packed.paths[0]), read_picture(packed.paths[2])
    assert np.array_equal(read_picture(read_manifest(tmp_path / "elsewhere" / "faces.parquet").paths[0]), first)
    write_picture(tmp_path / "other" / "b.png", np.zeros((16, 16, 3), np.uint8))
    other = make_manifest(pd.DataFrame({"path": ["b.png"], "subject": ["c"]}), tmp_path / "other", "b")
    both = concatenate([packed, other])
    assert np.array_equal(read_picture(both.paths[2]), second)


def test_a_changed_container_changes_the_fingerprint(packed: Manifest) -> None:
    before = packed.fingerprint()
    assert packed.fingerprint() == before
    os.utime(packed.folder / "train.rec", ns=(1, 1))
    assert packed.fingerprint() == before
    with (packed.folder / "train.rec").open("ab") as stream:
        stream.write(bytes(4))
    assert packed.fingerprint() != before
    (packed.folder / "a.tar").unlink()
    with pytest.raises(DataError, match=r"a\.tar: picture not found"):
        packed.fingerprint()
    with pytest.raises(DataError, match=r"faces.csv, row 3: .*a\.tar: picture not found"):
        open_pixels(packed, 8)
    with pytest.raises(DataError, match=r"a\.tar: picture not found"):
        read_picture(packed.paths[2])


def test_an_archive_that_changed_gives_no_other_picture(packed: Manifest, record_files: SimpleNamespace) -> None:
    path = packed.folder / "a.tar"
    write_archive(path, {"y.jpg": record_files.jpeg(200)})
    with pytest.raises(DataError, match=r"another file lies here, found 'y.jpg'; .*import it again"):
        read_picture(packed.paths[2])
    path.write_bytes(path.read_bytes()[: 512 + 40])
    with pytest.raises(DataError, match="the archive is cut off, found 40 of"):
        read_member(Member(str(path), "y.jpg", 0))
    path.write_bytes(b"x" * 2000)
    with pytest.raises(DataError, match="no archived file begins here"):
        read_picture(packed.paths[2])


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_long_names_in_archives(tar_format: int, record_files: SimpleNamespace, tmp_path: Path) -> None:
    name = "d" * 90 + "/" + "e" * 80 + "/000001" if tar_format != tarfile.USTAR_FORMAT else "dd/" * 40 + "000001"
    write_archive(tmp_path / "a.tar", {f"{name}.cls": b"7", f"{name}.jpg": record_files.jpeg(80)}, tar_format)
    manifest = import_shards(tmp_path).manifest
    assert manifest.table["subject"].tolist() == ["7"]
    assert read_member(member_of(manifest.paths[0]) or pytest.fail("no member")) == record_files.jpeg(80)


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("name", ["José/000001", "Łódź/" * 15 + "000001"])
def test_names_beyond_ascii_in_archives(
    tar_format: int, name: str, record_files: SimpleNamespace, tmp_path: Path
) -> None:
    write_archive(tmp_path / "a.tar", {f"{name}.cls": b"7", f"{name}.jpg": record_files.jpeg(80)}, tar_format)
    (path,) = import_shards(tmp_path).manifest.paths
    assert read_member(member_of(path) or pytest.fail("no member")) == record_files.jpeg(80)
    other = str(path).replace(f"a.tar/{name[0]}", "a.tar/X")
    with pytest.raises(DataError, match="another file lies here"):
        read_member(member_of(other) or pytest.fail("no member"))


def test_a_folder_may_be_called_like_a_container(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.tar" / "x.png", np.full((4, 4, 3), 9, np.uint8))
    (tmp_path / "a.tar" / "x.png").rename(tmp_path / "a.tar" / "x@3")
    assert read_picture(tmp_path / "a.tar" / "x@3")[0, 0, 0] == 9
