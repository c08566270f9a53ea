import json

import pytest
from click.testing import CliRunner

from ipgan.cli import ipgan_command, parse_source
from pifr.core.errors import ConfigError, DataError


def invoke(*arguments):
    result = CliRunner().invoke(ipgan_command, ["evaluate", *(str(argument) for argument in arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def data(people, tmp_path):
    people.save(tmp_path / "people.csv")
    return tmp_path / "people.csv"


def test_the_command_prints_a_table_and_writes_json(generator_run, data, tmp_path, monkeypatch):
    (tmp_path / "coarse.py").write_text(
        "from pifr.data.spec import InputSpec\n"
        "def embed(pixels):\n    return pixels.reshape(len(pixels), -1) / 255.0\n"
        "embed.spec = InputSpec(size_px=8)\nembed.name = 'coarse'\n"
    )
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out.json"
    result = invoke("--model", generator_run, "--data", data, "--split", "test", "--people", 3,
                    "--source", "expression=neutral", "--judge", "python:coarse:embed", "--json", out,
                    "--device", "cpu")  # fmt: skip
    assert "coarse: rank-1 %" in result.output
    assert "leakage: person from pose %" in result.output
    found = json.loads(out.read_text())
    assert found["protocol"]["people"] == 3
    assert found["protocol"]["source"] == {"expression": "neutral"}
    assert found["rank1_percent_by_abs_yaw"]["coarse"]["all"]["people"] == 3


def test_nothing_is_written_on_bad_input(generator_run, data, tmp_path):
    out = tmp_path / "out.json"
    with pytest.raises(DataError, match="no picture in split 'tset'"):
        invoke("--model", generator_run, "--data", data, "--split", "tset", "--json", out)
    with pytest.raises(ConfigError, match="COLUMN=VALUE, found 'bright'"):
        invoke("--model", generator_run, "--data", data, "--source", "bright", "--json", out)
    assert not out.exists()
    assert parse_source("illumination=07") == ("illumination", "07")
