"""Augmentation in one process against a generator whose pictures say what they were made from."""

from __future__ import annotations

import errno
import json
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pifr.augment.run as module
from pifr.augment import AugmentConfig, augment, merge
from pifr.augment.methods import FlipMethod, NoMethod
from pifr.core.errors import ConfigError, DataError, PifrError
from pifr.core.files import TEMPORARY_MARK
from pifr.core.interrupt import Interrupted, StopRequest
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.pictures import read_picture
from pifr.data.spec import InputSpec


def test_each_view_shows_its_own_source_in_its_own_pose(faces: Manifest, tmp_path: Path, kit) -> None:
    rotator = kit.MarkingRotator()
    result = augment(faces, rotator, tmp_path, kit.unchecked(yaws_degrees=(-45, 48), batch_size=5))
    assert result.planned == result.accepted == 2 * len(faces.subjects)
    assert rotator.encoded == len(faces.subjects)  # once a source
    manifest = read_manifest(tmp_path / "manifest.csv")
    assert set(manifest.table["kind"]) == {"generated"}
    for row, path in zip(manifest.table.itertuples(), manifest.paths, strict=True):
        pixels = read_picture(path)
        assert pixels[0, 0, 0] == round(float(read_picture(Path(row.source_path)).mean()))
        assert pixels[0, 0, 1] == row.yaw + 100
        assert (row.generator, row.generator_sha256, row.session) == ("marking", "0" * 64, "01")
        assert row.subject == faces.table["subject"][[str(p.resolve()) for p in faces.paths].index(row.source_path)]


def test_imitated_views_name_the_picture_they_imitate(faces: Manifest, tmp_path: Path, kit) -> None:
    config = kit.unchecked(target="imitate", per_person=3, seed=1, count_real=False)
    result = augment(faces, kit.MarkingRotator(), tmp_path, config, reference=faces)
    assert result.accepted == 3 * 12
    for row, path in zip(result.manifest.table.itertuples(), result.manifest.paths, strict=True):
        pose = Path(row.pose_source)
        assert read_picture(path)[0, 0, 1] == round(float(read_picture(pose).mean()))
        assert row.yaw == faces.yaw_degrees[faces.paths.index(pose)]


def test_rejects_are_drawn_again_then_given_up_and_listed_with_the_reason(faces, tmp_path, kit) -> None:
    config = kit.unchecked(
        yaws_degrees=(-45, 45),
        acceptance={"min_identity_cosine": 0.85, "max_yaw_error_degrees": None, "min_sharpness": None,
                    "min_difference": None, "retries": 1},
    )  # fmt: skip
    result = augment(faces, kit.MarkingRotator(), tmp_path, config, judge=kit.MeanColour())
    table = result.manifest.table
    rejected = table[~table["accepted"]]
    assert set(rejected["reject_reason"]) <= {"identity below threshold", "looks like another person"}
    assert set(rejected["path"].str.split("/").str[0]) == {"rejected"}
    for _, attempts in table.groupby(["subject", "view"]):
        assert attempts["attempt"].tolist() == list(range(len(attempts)))
        assert attempts["accepted"].tolist()[:-1] == [False] * (len(attempts) - 1)
        assert attempts["accepted"].iloc[-1] or len(attempts) == 2
    assert 0 < result.accepted < result.planned
    assert result.given_up == result.planned - result.accepted
    assert sum(result.rejected.values()) == len(rejected) == result.generated - result.accepted
    for row, path in zip(table.itertuples(), result.manifest.paths, strict=True):
        a, b = kit.MeanColour()(np.stack([read_picture(path), read_picture(Path(row.source_path))]))
        assert row.identity_cosine == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-4)
    assert [path.name for path in result.sheets] == ["accepted-001.png", "rejected-001.png"]
    assert "views given up" in result.table()
    accepted = read_manifest(result.accepted_path)
    assert sorted(accepted.table["path"]) == sorted(table[table["accepted"]]["path"])
    json.dumps(result.to_dict(), allow_nan=False)


def test_every_file_on_disk_says_that_it_is_no_photograph(faces, tmp_path, kit) -> None:
    for picture_format in ("png", "jpg"):
        out = tmp_path / picture_format
        augment(faces, kit.MarkingRotator(), out, kit.unchecked(yaws_degrees=(45,), picture_format=picture_format))
        files = [*out.rglob("*.png"), *out.rglob("*.jpg")]
        assert len(files) == 12 + 1  # and the sheet
        for path in files:
            with Image.open(path) as picture:
                packet = picture.info["xmp"]
            text = packet if isinstance(packet, str) else packet.decode()
            sheet = path.parent.name == "sheets"
            assert f"digitalsourcetype/{'compositeSynthetic' if sheet else 'trainedAlgorithmicMedia'}" in text
            assert sheet or "0" * 64 in text


def test_a_second_call_makes_only_the_blocks_that_lack_something(faces, tmp_path, kit) -> None:
    config = kit.unchecked(yaws_degrees=(45,), batch_size=4)
    first = augment(faces, kit.MarkingRotator(), tmp_path, config)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    first.manifest.paths[3].unlink()
    again = kit.MarkingRotator()
    assert augment(faces, again, tmp_path, config).accepted == first.accepted
    assert again.generated == 4
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_interrupted_run_keeps_whole_pictures_and_goes_on(faces, tmp_path, monkeypatch, kit) -> None:
    @contextmanager
    def already_stopped():
        request = StopRequest()
        request.requested = True
        yield request

    config = kit.unchecked(yaws_degrees=(45,), batch_size=4)
    with monkeypatch.context() as patch:
        patch.setattr(module, "stop_on_signal", already_stopped)
        with pytest.raises(Interrupted):
            augment(faces, kit.MarkingRotator(), tmp_path, config)
    assert len(list(tmp_path.rglob("*.png"))) == 4
    assert not (tmp_path / "manifest.csv").exists()
    rest = kit.MarkingRotator()
    assert augment(faces, rest, tmp_path, config).accepted == 12
    assert rest.generated == 8


def test_a_full_disk_is_one_line_leaves_nothing_half_written_and_the_run_goes_on(
    faces, tmp_path, monkeypatch, kit
) -> None:
    config = kit.unchecked(yaws_degrees=(45,), batch_size=4)
    whole = Path.write_bytes
    written = []

    def full(path: Path, data: bytes) -> int:
        if path.suffix == ".png":
            written.append(path)
            if len(written) > 6:
                whole(path, data[: len(data) // 2])
                raise OSError(errno.ENOSPC, "No space left on device")
        return whole(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(
            PifrError, match=r"\.png: no space left on the disk; free some space and run it again"
        ) as error:
            augment(faces, kit.MarkingRotator(), tmp_path / "out", config)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "out").rglob(f"*{TEMPORARY_MARK}*"))
    for path in (tmp_path / "out").rglob("*.png"):
        read_picture(path)
    assert augment(faces, kit.MarkingRotator(), tmp_path / "out", config).accepted == 12


def test_more_people_ask_no_oftener_for_all_paths(faces, tmp_path, monkeypatch, kit) -> None:
    """A manifest makes the list of its paths anew each time, so a list a picture would grow with the square."""
    asked = []
    paths = Manifest.paths.fget
    monkeypatch.setattr(Manifest, "paths", property(lambda manifest: asked.append(1) or paths(manifest)))
    counts = []
    for people in (3, 12, 3):  # the first call decodes the pictures
        data = faces.select(faces.table["subject"].isin(faces.subjects[:people]))
        augment(data, kit.MarkingRotator(), tmp_path / str(len(counts)), kit.unchecked(yaws_degrees=(-45, 45)))
        counts.append(len(asked))
        asked.clear()
    assert counts[1] == counts[2]


def test_flip_gives_mirror_images_and_says_what_it_can_t_reach(noisy, tmp_path, kit) -> None:
    data = noisy([("a", 30.0), ("a", 0.0), ("b", 0.0)])
    config = kit.unchecked(bin_degrees=30)
    result = augment(data, FlipMethod(InputSpec(size_px=64)), tmp_path, config)
    assert (result.accepted, result.unreachable) == (1, 4 + 6)
    np.testing.assert_array_equal(read_picture(result.manifest.paths[0]), read_picture(data.paths[0])[:, ::-1])
    assert result.manifest.table["digital_source_type"].iloc[0].endswith("algorithmicallyEnhanced")


def test_no_method_yields_the_sources_alone(noisy, tmp_path) -> None:
    data = noisy([("a", 0.0), ("a", 5.0), ("b", 80.0), ("c", 0.0)])
    result = augment(data, NoMethod(InputSpec(size_px=64)), tmp_path, AugmentConfig())
    manifest = read_manifest(result.accepted_path)
    assert [path.resolve() for path in manifest.paths][-1] == data.paths[3].resolve()
    assert (len(manifest), result.people_without_source) == (2, ("b",))
    assert not list(tmp_path.rglob("*.png"))
    assert result.table().startswith(
        "2 pictures of 2 people as they are, nothing generated\nno usable source picture: b\n"
    )
    with pytest.raises(DataError, match="nothing was generated here, so there are no parts to join"):
        merge(tmp_path)


def test_test_people_are_not_generated(faces, tmp_path, kit) -> None:
    test = faces.select((faces.table["subject"] == "003").to_numpy())
    result = augment(faces, kit.MarkingRotator(), tmp_path, kit.unchecked(yaws_degrees=(45,)), test=test)
    assert "003" not in result.manifest.subjects
    assert "003" in result.table()
    assert result.accepted == 11


def test_not_one_accepted_picture_is_one_line_that_says_where_to_look(faces, tmp_path, kit) -> None:
    config = AugmentConfig(yaws_degrees=(45,), acceptance={"max_yaw_error_degrees": None, "retries": 1})
    with pytest.raises(
        DataError, match=r"not one of 24 pictures was accepted, found 24 blurred; look at .*rejected-001"
    ):
        augment(faces, kit.MarkingRotator(), tmp_path, config)  # pictures of one colour have no edge
    assert len(read_manifest(tmp_path / "manifest.csv")) == 24


def test_nothing_missing_is_one_line_and_writes_nothing(faces, tmp_path, kit) -> None:
    with pytest.raises(DataError, match="nothing is missing: everybody reaches the target already"):
        augment(faces, kit.MarkingRotator(), tmp_path / "out", kit.unchecked(yaws_degrees=(30, 60)))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("config", "spec", "message"),
    [
        ({"yaws_degrees": (45,), "acceptance": {"min_identity_cosine": 0.5}}, {}, "--judge"),
        ({"yaws_degrees": (45, 120)}, {}, "-90 to 90"),
        ({"yaws_degrees": (45,)}, {"template": "arcface-112"}, "arcface-112"),
        ({"yaws_degrees": (45,)}, {"size_px": 128}, "works at 128 px, found a picture of 64 px"),
    ],
)
def test_bad_input_is_refused_before_writing(faces, tmp_path, kit, config, spec, message) -> None:
    rotator = kit.MarkingRotator()
    rotator.spec = rotator.spec.model_copy(update=spec)
    with pytest.raises(DataError, match=message):
        augment(faces, rotator, tmp_path / "out", AugmentConfig.model_validate(config))
    assert not (tmp_path / "out").exists()


def test_a_shard_that_is_none_is_refused_before_writing(faces, tmp_path, kit) -> None:
    for shard in ((3, 2), (0, 2)):
        with pytest.raises(ConfigError, match=f"with i from 1 to n, found {shard[0]}/2"):
            augment(faces, kit.MarkingRotator(), tmp_path / "out", kit.unchecked(yaws_degrees=(45,)), shard=shard)
    assert not (tmp_path / "out").exists()


def test_another_augmentation_in_the_same_folder_is_refused(faces, tmp_path, kit) -> None:
    augment(faces, kit.MarkingRotator(), tmp_path, kit.unchecked(yaws_degrees=(45,)))
    with pytest.raises(DataError, match="another augmentation, found different config"):
        augment(faces, kit.MarkingRotator(), tmp_path, kit.unchecked(yaws_degrees=(48,)))


def test_a_folder_of_the_users_is_refused_before_any_work_and_left_as_it_is(faces, tmp_path, monkeypatch, kit) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "mine.png").write_bytes(b"mine")
    (tmp_path / "manifest.csv").write_text("mine")
    monkeypatch.setattr(module, "find_candidates", lambda *_: pytest.fail("work was done before the look"))
    for method, settings in ((kit.MarkingRotator(), {"shard_megabytes": 0.03}), (NoMethod(faces_spec()), {})):
        with pytest.raises(DataError, match=r"not empty and holds no augmentation; choose another --out folder"):
            augment(faces, method, tmp_path, kit.unchecked(**settings))
    assert (tmp_path / "manifest.csv").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["manifest.csv", "mine.png", "pictures"]


def test_an_empty_folder_or_one_that_another_shard_is_claiming_is_taken(faces, tmp_path, kit) -> None:
    (tmp_path / f"augment{TEMPORARY_MARK}1a2b3c4d.json").touch()
    assert augment(faces, kit.MarkingRotator(), tmp_path, kit.unchecked(yaws_degrees=(45,))).accepted == 12


def faces_spec() -> InputSpec:
    return InputSpec(size_px=64)
