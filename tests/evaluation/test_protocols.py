"""Protocols applied to indexes without pictures: who is enrolled, who is searched, and the published counts."""

import numpy as np
import pandas as pd
import pytest

from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import make_manifest
from pifr.evaluation.protocols import load_definition, load_protocol, protocol_names
from pifr.evaluation.protocols.explain import explain, explain_all
from pifr.evaluation.protocols.select import describe

CAMERAS = {"11_0": -90, "12_0": -75, "09_0": -60, "08_0": -45, "13_0": -30, "14_0": -15, "05_1": 0, "05_0": 15,
           "04_1": 30, "19_0": 45, "20_0": 60, "01_0": 75, "24_0": 90, "08_1": np.nan, "19_1": np.nan}  # fmt: skip


def multipie_index(attendance, lights=20, recordings=("01", "02")):
    """An index of a Multi-PIE tree: every camera, light and recording of each session a person attended."""
    names = ["subject", "session", "recording", "camera", "illumination", "yaw", "path"]
    rows = [
        (person, session, recording, camera, f"{light:02d}", yaw, f"{person}_{session}_{recording}_{camera}_{light}")
        for person, sessions in attendance.items() for session in sessions for recording in recordings
        for camera, yaw in CAMERAS.items() for light in range(lights)
    ]  # fmt: skip
    return make_manifest(pd.DataFrame(rows, columns=names), ".", "index")


def grid(rows):
    return make_manifest(
        pd.DataFrame(rows, columns=["path", "subject", "yaw", "expression", "session"]), ".", "grid.csv"
    )


def test_setting_one_gives_the_published_counts():
    # 250 people attended session 1, and 5 others did not.
    attendance = {f"{p:03d}": ["01"] for p in range(1, 251)} | {f"{p:03d}": ["02"] for p in range(251, 256)}
    applied = load_protocol("multipie-setting-1", multipie_index(attendance, recordings=("01",)))
    assert (len(applied.enrolment), len(applied.probes)) == (100, 24_000)
    kept = (applied.part == "") & (applied.data.table["session"] == "01").to_numpy()
    assert applied.data.table["subject"][kept].nunique() == 150
    assert applied.notes == []
    chosen = applied.data.table.iloc[applied.enrolment]
    assert set(chosen["camera"]) == {"05_1"}
    assert set(chosen["illumination"]) == {"07"}
    assert set(applied.data.table["camera"].iloc[applied.probes]) == set(CAMERAS) - {"05_1", "08_1", "19_1"}
    assert min(chosen["subject"]) == "151"


def test_setting_two_gives_the_published_counts():
    # 137 test people with 300 attended sessions: 21 came four times, 34 three times, 32 twice and 50 once.
    sessions = {f"{p:03d}": ["01"] for p in range(1, 201)}
    for p, count in zip(range(201, 338), [4] * 21 + [3] * 34 + [2] * 32 + [1] * 50, strict=True):
        first = p % (5 - count) + 1
        sessions[f"{p:03d}"] = [f"{session:02d}" for session in range(first, first + count)]
    applied = load_protocol("multipie-setting-2", multipie_index(sessions, recordings=("01",)))
    assert (len(applied.enrolment), len(applied.probes)) == (137, 72_000)
    assert applied.notes == []
    gallery = applied.data.table.iloc[applied.enrolment].set_index("subject")
    for person, attended in sessions.items():
        if person > "200":
            assert gallery["session"][person] == attended[0]  # the person's first appearance


def test_bobs_people_are_counted():
    for name in [name for name in protocol_names() if name.startswith("multipie-") and "setting" not in name]:
        people = load_definition(name).people
        if name != "multipie-drgan":
            assert (len(people.dev), len(people.eval)) == (64, 65)
            assert not set(people.dev) & set(people.eval)
    assert len([name for name in protocol_names() if name.startswith("multipie-p")]) == 16


def test_bobs_pose_protocol_keeps_dev_and_eval_apart():
    # People 2 and 4 are dev, 3 and 5 are eval, 1 is for training.
    index = multipie_index({f"{p:03d}": ["01", "02", "04"] for p in range(1, 6)}, lights=2)
    applied = load_protocol("multipie-p", index)
    part = dict(zip(index.table["subject"], applied.part, strict=True))
    assert part == {"001": "", "002": "dev", "003": "eval", "004": "dev", "005": "eval"}
    probes = index.table.iloc[applied.probes]
    # Session 2 has one neutral recording, session 4 two; 13 cameras each, light 00 only.
    assert len(probes) == 4 * (1 + 2) * 13
    assert set(probes["illumination"]) == {"00"}
    assert set(index.table["session"].iloc[applied.enrolment]) == {"01"}


@pytest.mark.parametrize(
    ("name", "enrolled", "probes"),
    [("multipie-m", 1, 3), ("multipie-u", 1, 3 * 19), ("multipie-g", 19, 3 * 19), ("multipie-e", 1, 4),
     ("multipie-p110", 1, 3), ("multipie-p191", 1, 3)],
)  # fmt: skip
def test_bobs_protocols_take_what_its_code_says(name, enrolled, probes):
    # Sessions 1, 2 and 4 with recordings 01 and 02: per person one neutral in session 2, two in session 4.
    index = multipie_index({f"{p:03d}": ["01", "02", "04"] for p in (2, 3, 4, 5)})
    applied = load_protocol(name, index)
    assert (len(applied.enrolment), len(applied.probes)) == (4 * enrolled, 4 * probes)


def test_the_dr_gan_split_counts_frontal_probes():
    index = multipie_index({f"{p:03d}": ["01", "02"] for p in range(1, 5)})
    applied = load_protocol("multipie-drgan", index, train_people=1)
    # 3 people, 2 sessions, 9 cameras, 20 lights; one picture of each is enrolled.
    assert (len(applied.enrolment), len(applied.probes)) == (3, 3 * (2 * 9 * 20 - 1))
    assert set(np.abs(index.yaw_degrees[applied.probes])) == {0, 15, 30, 45, 60}


def test_only_one_neutral_recording_of_a_session_is_used():
    index = multipie_index({f"{p:03d}": ["01", "04"] for p in range(1, 4)}, lights=8, recordings=("01", "02", "03"))
    applied = load_protocol("multipie-setting-2", index, train_people=0)
    assert set(index.table["recording"].iloc[applied.probes]) == {"01"}
    assert set(index.table["session"].iloc[applied.probes]) == {"01", "04"}


def test_counts_that_differ_from_the_publication_are_said():
    index = multipie_index({f"{p:03d}": ["01"] for p in range(1, 6)}, lights=8)
    applied = load_protocol("multipie-setting-1", index, train_people=2)
    assert applied.notes[0] == "people: the first 2 are kept for training, the protocol says 150"
    assert "3 enrolled, the published protocol has 100" in applied.notes
    assert "288 probes, the published protocol has 24,000" in applied.notes


def test_too_few_people_name_the_option():
    index = multipie_index({f"{p:03d}": ["01"] for p in range(1, 6)}, lights=8)
    with pytest.raises(
        DataError, match=r"keeps the first 150 people .* found 5 people; keep fewer with --train-people"
    ):
        load_protocol("multipie-setting-1", index)


def test_a_protocol_for_other_data_says_what_is_missing():
    index = multipie_index({"001": ["02"], "002": ["02"]}, lights=8)
    with pytest.raises(DataError, match="no picture fits the protocol 'multipie-setting-1'; a Multi-PIE tree"):
        load_protocol("multipie-setting-1", index)
    with pytest.raises(DataError, match="no column 'session'"):
        load_protocol("multipie-setting-1", make_manifest(index.table.drop(columns="session"), ".", "m.csv"))


def test_no_frontal_light_means_no_gallery():
    index = multipie_index({f"{p:03d}": ["01"] for p in range(1, 6)}, lights=7)
    with pytest.raises(DataError, match="no picture to enrol; multipie-setting-1 enrols one picture a person: camera"):
        load_protocol("multipie-setting-1", index, train_people=2)


def test_posegrid_enrols_one_frontal_neutral_picture():
    data = grid([
        ("a_smile.png", "a", 0, "smiling", "1"), ("a_neutral.png", "a", 3, "neutral", "1"),
        ("a_later.png", "a", 0, "neutral", "2"), ("a_left.png", "a", -45, "neutral", "1"),
        ("b_front.png", "b", -9, "smiling", "2"), ("b_right.png", "b", 60, "neutral", "1"),
    ])  # fmt: skip
    applied = load_protocol("posegrid", data)
    # a: first session, then neutral before frontal; b: a smile is better than nothing.
    assert data.table["path"].iloc[applied.enrolment].tolist() == ["a_neutral.png", "b_front.png"]
    assert not set(applied.enrolment) & set(applied.probes)
    assert len(applied.probes) == 4


def test_posegrid_takes_the_most_frontal_of_equals():
    data = grid([("1", "a", 8, "neutral", "1"), ("2", "a", -2, "neutral", "1"), ("3", "b", 0, "neutral", "1"),
                 ("4", "b", 90, "neutral", "1")])  # fmt: skip
    assert load_protocol("posegrid", data).enrolment.tolist() == [1, 2]


def test_people_without_enrolment_are_left_out_and_said():
    data = grid([("1", "a", 0, "", ""), ("2", "a", 45, "", ""), ("3", "b", 0, "", ""), ("4", "b", 45, "", ""),
                 ("5", "c", 45, "", "")])  # fmt: skip
    applied = load_protocol("posegrid", data)
    assert applied.probes.tolist() == [1, 3]
    assert applied.notes == ["1 pictures of 1 people without an enrolled picture left out: c"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [([("1", "a", 0, "", ""), ("2", "a", 30, "", "")], "at least two enrolled people"),
     ([("1", "a", 45, "", ""), ("2", "b", 45, "", "")], "no picture to enrol"),
     ([("1", "a", 0, "", ""), ("2", "b", 0, "", "")], "no picture to search with"),
     ([("1", "a", 0, "", ""), ("1", "a", 30, "", ""), ("2", "b", 0, "", "")], "row 2: the picture is listed twice")],
)  # fmt: skip
def test_data_that_can_not_be_tested_is_refused(rows, message):
    with pytest.raises(DataError, match=message):
        load_protocol("posegrid", grid(rows))


def test_a_manifest_without_yaw_is_refused():
    table = pd.DataFrame({"path": ["1"], "subject": ["a"], "jaw": [0.0]})
    with pytest.raises(DataError, match="no column 'yaw'; did you mean 'jaw'"):
        load_protocol("posegrid", make_manifest(table, ".", "m.csv"))


def test_every_protocol_explains_itself():
    assert {"posegrid", "multipie-setting-1", "multipie-setting-2"} <= set(protocol_names())
    for name in protocol_names():
        definition = load_definition(name)
        assert definition.name == name
        assert min(map(len, (definition.measures, definition.needs, definition.source))) > 20
        assert describe(definition.enrol)


def test_a_protocol_of_ones_own_is_a_file(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "name: mine\ntitle: Mine\nmeasures: smiles\nneeds: expressions\nsource: me\ncolumns: [expression]\n"
        "enrol: {expression: [neutral], pick: one a person}\nprobe: {expression: [smiling]}\n"
    )
    data = grid([("1", "a", 0, "neutral", ""), ("2", "a", 0, "smiling", ""), ("3", "b", 0, "neutral", ""),
                 ("4", "b", 0, "smiling", "")])  # fmt: skip
    applied = load_protocol(str(tmp_path / "mine.yaml"), data)
    assert (applied.enrolment.tolist(), applied.probes.tolist()) == ([0, 2], [1, 3])


@pytest.mark.parametrize(
    ("selections", "column"),
    [("probe: {session: ['01']}", "session"), ("enrol: {max_abs_yaw_degrees: 5}", "yaw"),
     ("subset: {recording_of_session: {'1': ['2']}}", "session"), ("enrol: {camera: ['051']}", "camera")],
)  # fmt: skip
def test_columns_that_a_selection_names_are_needed(tmp_path, selections, column):
    (tmp_path / "mine.yaml").write_text(
        f"name: mine\ntitle: Mine\nmeasures: smiles\nneeds: sessions\nsource: me\n{selections}\n"
    )
    data = make_manifest(pd.DataFrame({"path": ["1", "2"], "subject": ["a", "b"]}), ".", "m.csv")
    with pytest.raises(DataError, match=rf"^m.csv: no column '{column}'"):
        load_protocol(str(tmp_path / "mine.yaml"), data)


def test_unknown_names_and_keys_are_one_line(tmp_path):
    with pytest.raises(ConfigError, match="unknown protocol 'posegird'; did you mean 'posegrid'"):
        load_definition("posegird")
    (tmp_path / "bad.yaml").write_text("name: bad\nenroll: {}\n")
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        load_definition(tmp_path / "bad.yaml")


def test_variants_take_no_published_figures_over():
    frontal, profile = load_definition("cfp-ff"), load_definition("cfp-fp")
    assert "Light CNN-29" in profile.published_accuracy
    assert "Light CNN-29" not in frontal.published_accuracy
    assert load_definition("multipie-p").published_eer_hter
    assert not load_definition("multipie-g").published_eer_hter
    assert load_definition("ijbc-1n").expected == {"enrolled": 3531, "probes": 19593}


def test_the_list_names_every_protocol_with_its_published_figures():
    text = explain_all()
    for name in protocol_names():
        assert f"{name}: " in text
    setting = explain(load_definition("multipie-setting-2"))
    assert "CAPG-GAN (2018) 15° 99.82, 30° 99.56, 45° 97.33, 60° 90.63, 75° 83.05, 90° 66.05" in " ".join(
        setting.split()
    )
    assert "FaceNet 14.46 / 13.93" in " ".join(explain(load_definition("multipie-p")).split())
    assert "1e-4 96.89" in " ".join(explain(load_definition("ijbc")).split())
    assert max(map(len, text.splitlines())) <= 110


def role_manifest(folder, rows, pixels=b"%d"):
    """Rows (name, person, role); every file has content of its own unless told otherwise."""
    for number, (name, *_) in enumerate(rows):
        (folder / name).write_bytes(pixels % number if b"%d" in pixels else pixels)
    table = pd.DataFrame([(n, who, role) for n, who, role in rows], columns=["path", "subject", "role"])
    return make_manifest(table, folder, "people.csv")


def test_strangers_make_a_gallery_of_ones_own_an_open_set(tmp_path):
    rows = [("a1", "a", "gallery"), ("b1", "b", "gallery"), ("a2", "a", "probe"), ("c1", "c", "probe")]
    applied = load_protocol("gallery-probe", role_manifest(tmp_path, rows))
    assert applied.probes.tolist() == [2, 3]
    assert applied.notes == ["1 pictures of 1 people without an enrolled picture make the search an open set: c"]


def test_probes_of_nobody_enrolled_are_refused(tmp_path):
    rows = [("a1", "a", "gallery"), ("b1", "b", "gallery"), ("c1", "c", "probe"), ("d1", "d", "probe")]
    with pytest.raises(DataError, match="not one probe shows an enrolled person, found probes of c, d"):
        load_protocol("gallery-probe", role_manifest(tmp_path, rows))


def test_a_copy_of_an_enrolled_picture_is_no_probe(tmp_path):
    rows = [("a1", "a", "gallery"), ("b1", "b", "gallery"), ("a2", "a", "probe"), ("copy of b1", "b", "probe")]
    data = role_manifest(tmp_path, rows)
    load_protocol("gallery-probe", data)
    (tmp_path / "copy of b1").write_bytes((tmp_path / "b1").read_bytes())
    with pytest.raises(DataError, match="row 4: a probe is a copy of an enrolled picture, found copy of b1 and b1"):
        load_protocol("gallery-probe", data)
