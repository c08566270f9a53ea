from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pifr.core.errors import DataError
from pifr.data.pictures import read_picture, resize_picture, write_picture


def noise(height: int = 16, width: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_png_is_lossless_and_jpeg_near(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", noise())
    assert np.array_equal(read_picture(tmp_path / "a.png"), noise())
    smooth = np.dstack([np.tile(np.linspace(0, 255, 16), (16, 1))] * 3).astype(np.uint8)
    write_picture(tmp_path / "a.jpg", smooth)
    assert np.abs(read_picture(tmp_path / "a.jpg").astype(int) - smooth).max() < 12


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_picture_becomes_rgb(tmp_path: Path, mode: str) -> None:
    ending = "tif" if mode == "CMYK" else "png"
    Image.new(mode, (6, 4)).save(tmp_path / f"a.{ending}")
    assert read_picture(tmp_path / f"a.{ending}").shape == (4, 6, 3)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_grey_of_16_bits_is_scaled_and_not_clipped(tmp_path: Path, ending: str) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, axis=0)
    Image.fromarray(ramp).save(tmp_path / f"a.{ending}")
    assert np.array_equal(read_picture(tmp_path / f"a.{ending}")[:, :, 0], np.arange(256)[None].repeat(4, axis=0))


@pytest.mark.parametrize("most", [65535, 4095])
def test_grey_of_16_bits_in_a_pgm_file_is_scaled_too(tmp_path: Path, most: int) -> None:
    ramp = np.linspace(0, most, 256).round().astype(">u2")[None].repeat(4, axis=0)
    (tmp_path / "a.pgm").write_bytes(f"P5 256 4 {most}\n".encode() + ramp.tobytes())
    assert np.array_equal(read_picture(tmp_path / "a.pgm")[:, :, 0], np.arange(256)[None].repeat(4, axis=0))


def test_numbers_without_a_range_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 6), 0.5, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"can't decode the picture.* found numbers of 32 bits.*8 bits a channel"):
        read_picture(tmp_path / "a.tif")


def test_pictures_are_turned_upright(tmp_path: Path) -> None:
    picture = Image.fromarray(noise(4, 8))
    orientation = picture.getexif()
    orientation[0x0112] = 6
    picture.save(tmp_path / "a.png", exif=orientation)
    assert np.array_equal(read_picture(tmp_path / "a.png"), np.rot90(noise(4, 8), -1))


def test_missing_truncated_and_no_picture(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.png: picture not found; run: pifr data validate"):
        read_picture(tmp_path / "a.png")
    write_picture(tmp_path / "b.png", noise(64, 64))
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:3000])
    with pytest.raises(DataError, match=r"b.png: can't decode the picture"):
        read_picture(tmp_path / "b.png")
    (tmp_path / "c.png").write_text("hello")
    with pytest.raises(DataError, match=r"c.png: can't decode the picture"):
        read_picture(tmp_path / "c.png")


def test_resizing() -> None:
    assert resize_picture(noise(), 8).shape == (8, 8, 3)
    assert np.array_equal(resize_picture(noise(), 16), noise())


@pytest.mark.parametrize("name", ["grid", "grid.webp", ".png"])
def test_a_picture_of_no_known_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=rf"{name}: a picture is written as \.png, \.jpg or \.jpeg, found"):
        write_picture(tmp_path / name, noise())
    assert list(tmp_path.iterdir()) == []


def test_endings_may_be_capitals(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.PNG", noise())
    assert np.array_equal(read_picture(tmp_path / "a.PNG"), noise())
