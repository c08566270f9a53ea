from __future__ import annotations

import hashlib
import json
import signal
from pathlib import Path

import numpy as np
import pytest

from pifr.core.errors import ConfigError, DataError
from pifr.core.interrupt import Interrupted
from pifr.data.manifest import read_manifest
from pifr.data.pictures import read_picture
from pifr.twin import TwinConfig, render_twin, work
from pifr.twin.work import is_finished

SMALL = {"size_px": 32, "sessions": (1,), "recordings": (1,), "cameras": ("05_1", "24_0"), "lights": ("00", "07")}


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in (".png", ".jpg", ".npz")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_pictures_and_manifest(tmp_path: Path, ball_people: list[object]) -> None:
    manifest = render_twin(TwinConfig(people=2, **SMALL), tmp_path)
    assert len(manifest) == 2 * 2 * 2
    assert len(ball_people) == 2
    back = read_manifest(tmp_path / "manifest.parquet")
    row = back.table[back.table["path"] == "session01/multiview/002/01/24_0/002_01_01_240_07.png"].iloc[0]
    assert row["yaw"] == pytest.approx(90, abs=15)
    assert (row["subject"], row["kind"], row["template"], row["sex"], row["age_years"]) == (
        "002", "rendered", "twin-32", "male", 30.0,
    )  # fmt: skip
    assert row["left_eye_visible"]
    assert not row["right_eye_visible"]
    assert 0 < row["nose_tip_x"] < 32
    assert read_picture(back.paths[0]).shape == (32, 32, 3)


def test_a_finished_set_is_not_drawn_again_and_a_half_written_picture_is(
    tmp_path: Path, ball_people: list[object]
) -> None:
    config = TwinConfig(people=2, **SMALL)
    render_twin(config, tmp_path)
    before = digests(tmp_path)
    ball_people.clear()
    render_twin(config, tmp_path)
    assert ball_people == []
    broken = tmp_path / "session01/multiview/001/01/05_1/001_01_01_051_07.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-20])
    (tmp_path / "session01/multiview/001/01/24_0/001_01_01_240_00.png").unlink()
    render_twin(config, tmp_path)
    assert [take.subject for take in ball_people] == ["001"]
    assert digests(tmp_path) == before


def test_interrupted_work_goes_on_to_the_same_bytes(
    tmp_path: Path, ball_people: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TwinConfig(people=3, **SMALL)
    render_twin(config, tmp_path / "unbroken")
    write, written = work.write_picture_fast, []

    def write_and_interrupt(path: Path, pixels: np.ndarray) -> None:
        write(path, pixels)
        written.append(path)
        if len(written) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(work, "write_picture_fast", write_and_interrupt)
    with pytest.raises(Interrupted, match="run the same command again"):
        render_twin(config, tmp_path / "broken")
    # The camera in work is finished first: two cameras of two lights each.
    assert len(digests(tmp_path / "broken")) == 4
    assert not (tmp_path / "broken" / "manifest.parquet").exists()
    monkeypatch.setattr(work, "write_picture_fast", write)
    render_twin(config, tmp_path / "broken")
    assert digests(tmp_path / "broken") == digests(tmp_path / "unbroken")


def test_a_folder_grows_but_never_mixes(tmp_path: Path, ball_people: list[object]) -> None:
    render_twin(TwinConfig(people=1, **SMALL), tmp_path)
    first = digests(tmp_path)
    manifest = render_twin(TwinConfig(people=2, **SMALL), tmp_path)
    assert manifest.subjects == ["001", "002"]
    grown = digests(tmp_path)
    assert first.items() <= grown.items()
    for other in ({"seed": 1}, {"size_px": 48}, {"picture_format": "jpg"}):
        with pytest.raises(DataError, match="choose another folder"):
            render_twin(TwinConfig(people=1, **(SMALL | other)), tmp_path)
    assert digests(tmp_path) == grown


def test_a_strangers_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "manifest.parquet").write_bytes(b"somebody's")
    with pytest.raises(DataError, match="another data set"):
        render_twin(TwinConfig(people=1, **SMALL), tmp_path)
    assert (tmp_path / "manifest.parquet").read_bytes() == b"somebody's"


def test_extras(tmp_path: Path, ball_people: list[object]) -> None:
    config = TwinConfig(people=1, extra=("depth", "mask"), **SMALL)
    manifest = render_twin(config, tmp_path)
    row = manifest.table.iloc[0]
    with np.load(tmp_path / row["truth"]) as truth:
        assert set(truth.files) == {"depth", "mask"}
        assert truth["depth"].shape == truth["mask"].shape == (32, 32)
        assert np.nanmin(truth["depth"]) == pytest.approx(1.45, abs=0.1)
    # Asking for more later adds it without drawing pictures again.
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    render_twin(config.model_copy(update={"extra": ("depth", "normals", "mask")}), tmp_path)
    with np.load(tmp_path / row["truth"]) as truth:
        assert truth["normals"].shape == (32, 32, 3)
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}


def test_nobody_came(tmp_path: Path) -> None:
    # Person 337 came to session 4 only.
    with pytest.raises(ConfigError, match="attended"):
        render_twin(TwinConfig(people="337-337", **SMALL), tmp_path)


def test_workers_below_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="workers"):
        render_twin(TwinConfig(people=1, **SMALL), tmp_path, workers=0)


def test_jpeg_pictures_end_where_they_should(tmp_path: Path, ball_people: list[object]) -> None:
    manifest = render_twin(TwinConfig(people=1, picture_format="jpg", **SMALL), tmp_path)
    assert all(path.suffix == ".jpg" and is_finished(path) for path in manifest.paths)


def test_worker_processes_draw_the_same_bytes(tmp_path: Path) -> None:
    """Real people: one process and two give the same files, and a person is the same in every subset."""
    config = TwinConfig(people=2, **SMALL)
    render_twin(config, tmp_path / "one", workers=1)
    render_twin(config, tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert json.loads((tmp_path / "one/twin.json").read_text()) == json.loads((tmp_path / "two/twin.json").read_text())
    alone = config.model_copy(update={"people": "2-2", "lights": ("07",), "cameras": ("24_0",)})
    render_twin(alone, tmp_path / "alone")
    assert digests(tmp_path / "alone").items() <= digests(tmp_path / "one").items()
    one, two = (read_manifest(tmp_path / name / "manifest.parquet").table for name in ("one", "two"))
    assert one.equals(two)


def test_free_sets(tmp_path: Path) -> None:
    config = TwinConfig(size_px=32, free={"people": 2, "pictures_per_person": 3, "pictures_per_sitting": 2})
    manifest = render_twin(config, tmp_path)
    assert manifest.table["path"].tolist()[:3] == [f"pictures/F00001/{k:04d}.png" for k in range(3)]
    pixels = [read_picture(path) for path in manifest.paths]
    assert len({picture.tobytes() for picture in pixels}) == 6
    # More people later: those there stay.
    before = digests(tmp_path)
    render_twin(config.model_copy(update={"free": config.free.model_copy(update={"people": 3})}), tmp_path)
    assert before.items() <= digests(tmp_path).items()


def test_another_extra_is_added_to_those_that_are_there(tmp_path: Path, ball_people: list[object]) -> None:
    settings = {**SMALL, "cameras": ("05_1",), "lights": ("07",)}
    manifest = render_twin(TwinConfig(people=1, **settings, extra=("depth",)), tmp_path)
    path = tmp_path / manifest.table["truth"][0]
    with np.load(path) as arrays:
        depth = arrays["depth"]
    render_twin(TwinConfig(people=1, **settings, extra=("mask",)), tmp_path)
    with np.load(path) as arrays:
        assert set(arrays.files) == {"depth", "mask"}
        np.testing.assert_array_equal(arrays["depth"], depth)


@pytest.mark.parametrize("kept_bytes", [0, 0.5, 0.9])
def test_a_damaged_extra_is_drawn_again(tmp_path: Path, ball_people: list[object], kept_bytes: float) -> None:
    config = TwinConfig(people=1, **{**SMALL, "cameras": ("05_1",)}, extra=("depth",))
    path = tmp_path / render_twin(config, tmp_path).table["truth"][0]
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept_bytes * len(whole))])
    render_twin(config, tmp_path)
    with np.load(path) as arrays:
        assert arrays["depth"].shape == (32, 32)


def test_a_refused_call_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none of the chosen people attended"):
        render_twin(TwinConfig(people="337-337", **SMALL), tmp_path / "out")
    assert not (tmp_path / "out").exists()
