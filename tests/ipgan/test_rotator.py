import numpy as np
import pytest

from ipgan import Rotator, train
from pifr.core.checkpoint import latest_checkpoint
from pifr.core.errors import CheckpointError, ConfigError, DataError, PifrError
from pifr.core.files import read_json, sha256_of_file, write_json
from pifr.data.manifest import read_manifest
from pifr.data.pixels import open_pixels


@pytest.fixture(scope="module")
def rotator(trained):
    return Rotator.load(trained.run.path, "cpu", "float32")


@pytest.fixture(scope="module")
def faces(people):
    return open_pixels(read_manifest(people), 32)[np.arange(5)]


def test_shapes_and_types(rotator, faces):
    assert rotator.spec.size_px == 32
    assert rotator.identity_codes(faces).shape == (5, 16)
    assert rotator.pose_codes(faces).shape == (5, 4)
    assert rotator.poses_for_yaws([0, 30]).shape == (2, 4)
    turned = rotator.rotate(faces, [-30, 0, 45])
    assert turned.shape == (5, 3, 32, 32, 3)
    assert turned.dtype == np.uint8
    assert rotator.imitate(faces[:2], faces).shape == (2, 5, 32, 32, 3)


def test_no_faces_give_no_faces(rotator, faces):
    assert rotator.rotate(faces[:0], [0.0]).shape == (0, 1, 32, 32, 3)


def test_rotate_is_generate_of_the_codes(rotator, faces):
    turned = rotator.rotate(faces[:2], [-30, 30])
    codes = rotator.identity_codes(faces[:2])
    poses = rotator.poses_for_yaws([-30, 30])
    assert np.array_equal(turned[1, 0], rotator.generate(codes[1:], poses[:1])[0])


def test_the_batch_size_changes_nothing(rotator, faces):
    whole = rotator.rotate(faces, [-30, 0, 30])
    rotator.batch_size = 4
    try:
        pieces = rotator.rotate(faces, [-30, 0, 30])
    finally:
        rotator.batch_size = 32
    assert np.abs(whole.astype(int) - pieces.astype(int)).max() <= 1  # the order of sums differs by batch


def test_its_own_view_of_the_yaw_is_that_of_the_code(rotator, faces):
    found = rotator.yaws(faces)
    np.testing.assert_allclose(found, rotator.pose_map.yaws_for(rotator.pose_codes(faces)))
    assert found.shape == (len(faces),)
    low, high = rotator.yaw_range_degrees
    assert (low, high) == rotator.pose_map.range_degrees
    assert ((found >= low) & (found <= high)).all()


def test_only_the_direction_of_an_identity_code_counts(rotator, faces):
    codes, poses = rotator.identity_codes(faces[:2]), rotator.poses_for_yaws([0, 0])
    assert np.array_equal(rotator.generate(codes, poses), rotator.generate(codes * 4, poses))


def test_checkpoint_and_run_are_the_same(rotator, trained, faces):
    checkpoint = latest_checkpoint(trained.run.checkpoints)
    again = Rotator.load(checkpoint.path, "cpu", "float32")
    assert again.sha256 == rotator.sha256 == sha256_of_file(checkpoint.weights_path)
    assert again.name == rotator.name == trained.run.path.name
    assert np.array_equal(again.rotate(faces, [10]), rotator.rotate(faces, [10]))


def test_saved_for_inference_alone_it_is_smaller_and_turns_the_same(rotator, trained, faces, tmp_path):
    folder = rotator.save(tmp_path / "light")
    light = Rotator.load(folder, "cpu", "float32")
    assert np.array_equal(light.rotate(faces, [-45]), rotator.rotate(faces, [-45]))
    whole = latest_checkpoint(trained.run.checkpoints).weights_path
    assert (folder / "weights.safetensors").stat().st_size < 0.6 * whole.stat().st_size


@pytest.mark.parametrize("yaw", [-120, 91])
def test_a_yaw_outside_the_range_is_refused(rotator, faces, yaw):
    with pytest.raises(DataError, match="turns faces by -90 to 90 degrees"):
        rotator.rotate(faces, [yaw])


def test_pictures_of_another_size_are_refused(rotator):
    with pytest.raises(DataError, match="32 x 32"):
        rotator.rotate(np.zeros((1, 64, 64, 3), np.uint8), [0])


def test_codes_must_come_in_pairs(rotator):
    with pytest.raises(DataError, match="2 and 3"):
        rotator.generate(np.zeros((2, 16), np.float32), np.zeros((3, 4), np.float32))


def test_without_yaws_in_training_degrees_are_refused_and_imitation_works(people, small_recipe, tmp_path, faces):
    result = train(small_recipe(people, steps=1, data={"use_yaw": False}), tmp_path)
    rotator = Rotator.load(result.run.path, "cpu")
    with pytest.raises(DataError, match="knows no degrees"):
        rotator.rotate(faces, [0])
    assert rotator.imitate(faces[:1], faces[:2]).shape == (1, 2, 32, 32, 3)


def copied(trained, tmp_path, **changes):
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(latest_checkpoint(trained.run.checkpoints).path, folder)
    write_json(folder / "meta.json", {**read_json(folder / "meta.json"), **changes})
    return folder


def test_weights_of_another_model_are_refused(trained, tmp_path):
    with pytest.raises(CheckpointError, match=r"no weights of ipgan.*'recognizer'"):
        Rotator.load(copied(trained, tmp_path, kind="recognizer"))


def test_weights_of_another_resolution_are_refused(trained, tmp_path):
    with pytest.raises(CheckpointError, match="don't fit this model"):
        Rotator.load(copied(trained, tmp_path, spec={"size_px": 64}))


def test_a_damaged_description_is_refused(trained, tmp_path):
    with pytest.raises(ConfigError, match="unknown key 'sise_px'"):
        Rotator.load(copied(trained, tmp_path, spec={"sise_px": 64}))


def test_damaged_weights_are_refused(trained, tmp_path):
    folder = copied(trained, tmp_path)
    (folder / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="damaged weights"):
        Rotator.load(folder)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Rotator.load(tmp_path)


def test_a_folder_with_something_in_it_is_not_replaced(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(PifrError, match="this folder exists already and is not empty; choose another folder"):
        Rotator.__new__(Rotator).save(tmp_path)  # nothing of the generator is looked at before
    assert (tmp_path / "mine.txt").read_text() == "mine"
