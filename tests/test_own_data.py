"""The recipes for owners of Multi-PIE, VGGFace2, MS1MV2 and CFP, run on a tiny tree of each layout."""

from __future__ import annotations

import pickle
import re
import shlex
import struct
from pathlib import Path

import numpy as np
import pytest

from benchmarks import pose_gap
from benchmarks.cfp_tree import make_tree
from benchmarks.study.rows import choose_rows
from ipgan.cli import ipgan_command
from pifr.cli import pifr_command
from pifr.core.config import read_yaml
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.pictures import read_picture, write_picture

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "own-data.md"
CONFIGS = ROOT / "configs"
SMALL = {
    "python benchmarks/pose_gap.py": ["--people", "3,3,2", "--seeds", "0", "--a-sizes", "2", "--rows", "b,ab,a2_b"],
    "pifr data split": ["--parts", "train=5,val=2,test=1"],
    "pifr benchmark": ["--bootstrap", "20", "--no-cache"],
    "ipgan train": ["--set", "batch_size=4"],
    "pifr train-recognizer": ["--set", "batch.people=4"],
}
"""What is added so that a tiny tree suffices; the last mention of an option counts."""
EIGHT = tuple(f"{number:03d}" for number in range(1, 9))


def listed(name: str) -> list[list[str]]:
    """Return the commands that the page gives for a data set."""
    found = re.search(rf"<!-- commands: {name} -->\n```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return [shlex.split(line) for line in found[1].strip().splitlines()]


def run(words: list[str], *more: str) -> None:
    """Run one command of the page in this process, in the folder the test is in."""
    small = next((small for start, small in SMALL.items() if shlex.join(words).startswith(start)), [])
    words = [*words, *small, *more]
    if words[0] == "python":
        if words[1].endswith("pose_gap.py"):
            assert pose_gap.main(words[2:]) == 0, words
        else:
            exec(compile(Path(words[1]).read_text(), words[1], "exec"), {"__name__": "__main__"})
    else:
        {"pifr": pifr_command, "ipgan": ipgan_command}[words[0]].main(words[1:], standalone_mode=False)


def run_all(name: str, *more_of_benchmark: str) -> None:
    for words in listed(name):
        run(words, *(more_of_benchmark if words[:2] == ["pifr", "benchmark"] else ()))


def drawn_face(number: int, height: int, width: int) -> np.ndarray:
    """A picture that tells people apart: noise of its own seed, coarse enough for JPEG."""
    coarse = np.random.default_rng(number).integers(0, 255, (6, 8, 3))
    return np.kron(coarse, np.ones((-(-height // 6), -(-width // 8), 1))).astype(np.uint8)[:height, :width]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(CONFIGS)  # the page's commands are run in a checkout
    for file, text in re.findall(r"```\w+ file=(\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL):
        Path(file).write_text(text)
    return tmp_path


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("study-*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_config_is_usable_as_it_stands(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    [words] = [words for words in listed(config.stem.removeprefix("study-")) if "benchmarks/pose_gap.py" in words]
    options = pose_gap.parser().parse_args(words[2:])
    assert options.config == f"configs/{config.name}"
    settings = pose_gap.settings_of(options)
    given = read_yaml(config)
    assert settings.model_dump(mode="json", include=set(given)) == given  # the page's options change nothing of it
    rows = choose_rows(settings.rows, settings.a_sizes)
    assert [row.key for row in rows] == given["rows"]
    assert all(size < settings.people[0] for size in settings.a_sizes)
    assert set(settings.a_sizes) == {row.a_people for row in rows} - {None}
    made_by_the_page = {word for words in listed(config.stem.removeprefix("study-")) for word in words}
    assert made_by_the_page & {str(settings.twin), str(Path(str(settings.twin)).parent)}


def test_multipie(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = here / "Multi-Pie" / "data"
    for person in EIGHT:
        for session in ("01", "02") if person in EIGHT[4:] else ("01",):
            for camera in ("11_0", "05_1", "24_0"):
                for light in ("04", "07", "19") if camera == "05_1" else ("04", "07"):
                    folder = tree / f"session{session}" / "multiview" / person / "01" / camera
                    name = f"{person}_{session}_01_{camera.replace('_', '')}_{light}.png"
                    write_picture(folder / name, drawn_face(int(person), 480, 640))
    run_all("multipie", "--train-people", "2")
    kept = read_manifest("multipie-64/manifest.csv")
    assert len(kept) == (8 + 4) * 3 * 2  # four came twice; light 19 is none of the study's
    assert kept.template.startswith("crops:")
    assert read_picture(kept.paths[0]).shape == (64, 64, 3)
    printed = capsys.readouterr().out
    # A and B in session 1 and light 07, C in session 2 and light 04; three cameras each.
    assert "seed 0: A 3 people with 9 pictures; B 3 people with 9 pictures; C 2 people with 6 pictures; 3 pictures" in (
        printed
    )
    assert printed.count("nothing was trained") == 3
    assert (here / "runs" / "multipie" / "setting2" / "report.html").exists()
    assert not (here / "runs" / "multipie" / "seed0").exists()


def frontal_and_turned(rendered: Manifest, person: str) -> list[Path]:
    rows = rendered.select((rendered.table["subject"] == person) & (np.abs(rendered.yaw_degrees) < 40))
    return rows.paths


def test_vggface2(here: Path, rendered: Manifest) -> None:
    root = here / "VGGFace2"
    rows = []
    for number, person in enumerate(rendered.subjects[:10]):
        for picture, path in enumerate(frontal_and_turned(rendered, person)):
            key = f"n{number:06d}/{picture:04d}_01"
            (root / "train" / key).parent.mkdir(parents=True, exist_ok=True)
            write_picture(root / "train" / f"{key}.jpg", read_picture(path))
            rows.append(f'"{key}",20,26,44,26,32,36,24,46,40,46\n')
    head = "NAME_ID," + ",".join(f"P{point}{axis}" for point in range(1, 6) for axis in "XY") + "\n"
    (root / "bb_landmark").mkdir()
    (root / "bb_landmark" / "loose_landmark_train.csv").write_text(head + "".join(rows))
    for words in listed("vggface2")[:3]:
        run(words)
    posed = read_manifest("vggface2-64/posed.csv", ["yaw"])
    assert len(posed) == 30
    assert posed.template == "arcface-112"
    assert np.isfinite(posed.yaw_degrees).all()
    # The estimator is no part of this test: the studies' own yaws stand in, so that everybody has a frontal picture.
    table = posed.table.assign(yaw=np.tile([-30.0, 0.0, 30.0], 10))
    Manifest(table, posed.folder, posed.name).save(Path("vggface2-64/posed.csv"))
    for words in listed("vggface2")[3:]:
        run(words)
    assert set(read_manifest("vggface2-64/people.csv").table["split"]) >= {"train", "val", "test"}


def write_pack(folder: Path, people: dict[int, list[bytes]]) -> None:
    """Write ``train.rec``, ``train.idx`` and ``property`` as insightface does."""
    folder.mkdir(parents=True)
    pictures, ranges = [], []
    for person, files in people.items():
        begin = len(pictures) + 1
        pictures += [struct.pack("<IfQQ", 0, float(person), begin + i, 0) + data for i, data in enumerate(files)]
        ranges.append((begin, len(pictures) + 1))
    labelled = [(len(pictures) + 1, len(pictures) + 1 + len(ranges)), *ranges]
    heads = [struct.pack("<IfQQ2f", 2, 0.0, 0, 0, *pair) for pair in labelled]
    out, index = b"", ""
    for key, record in enumerate([heads[0], *pictures, *heads[1:]]):
        index += f"{key}\t{len(out)}\n"
        out += struct.pack("<II", 0xCED7230A, len(record)) + record + b"\0" * (-len(record) % 4)
    (folder / "train.rec").write_bytes(out)
    (folder / "train.idx").write_text(index)
    (folder / "property").write_text(f"{len(people)},112,112")


def encoded(picture: np.ndarray, folder: Path) -> bytes:
    write_picture(folder / "one.jpg", picture)
    return (folder / "one.jpg").read_bytes()


def test_ms1mv2(here: Path) -> None:
    people = {
        person: [encoded(drawn_face(10 * person + side, 112, 112), here) for side in range(3)] for person in range(10)
    }
    write_pack(here / "faces_emore", people)
    pairs = [file for person in range(10) for file in (*people[person][:2], people[person][2], people[9 - person][0])]
    (here / "faces_emore" / "cfp_fp.bin").write_bytes(pickle.dumps((pairs, [True, False] * 10), protocol=2))
    first, second, *rest = listed("ms1mv2")
    run(first)
    run(second)
    posed = read_manifest("ms1mv2-posed.parquet", ["yaw"])
    assert len(posed) == 30
    table = posed.table.assign(yaw=np.tile([0.0, 0.0, 60.0], 10))  # as above
    Manifest(table, posed.folder, posed.name).save(Path("ms1mv2-posed.parquet"))
    for words in rest:
        run(words)
    assert (here / "runs" / "ms1mv2" / "cfp-fp" / "report.html").exists()


def test_cfp(here: Path, rendered: Manifest) -> None:
    make_tree(_frontal(rendered), here / "CFP", pairs=2, splits=2)
    run_all("cfp")
    aligned = read_manifest("cfp-64/manifest.csv")
    assert aligned.template == "crop:center"
    page = (here / "runs" / "cfp.html").read_text()
    assert "frontal against profile" in page
    assert "frontal against frontal" in page


def _frontal(rendered: Manifest) -> Manifest:
    """The rendered people with their two middle views called frontal: CFP has several frontal pictures a person."""
    yaw = rendered.table["yaw"].where(rendered.table["yaw"].abs() > 30, 0.0)
    return Manifest(rendered.table.assign(yaw=yaw), rendered.folder, rendered.name)
