"""A configuration is read strictly: each slip is told with its place and what would be right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.training import configuration, write_configuration

from edgeskip.core.errors import ConfigError
from edgeskip.training import read_config

TOML = """
[model]
factory = "nets:build"
[[gates]]
gate = "norm"
include = ["conv1"]
[[gates]]
gate = "gumbel"
options = { block = 4 }
[data]
train = "clips/"
size = [64, 48]
[training]
budget = 0.3
rate = 1
"""


def test_toml_and_changes(tmp_path: Path) -> None:
    path = tmp_path / "gates.toml"
    path.write_text(TOML)
    config = read_config(path, budget=0.2)
    assert [gate.gate for gate in config.gates] == ["norm", "gumbel"]
    assert config.gates[0].include == ("conv1",)
    assert config.gates[1].options == {"block": 4}
    assert config.data.train == ("clips/",), "one folder need not be a list"
    assert config.data.size == (64, 48)
    assert (config.training.budget, config.training.rate) == (0.2, 1.0)
    assert config.path("clips/") == tmp_path / "clips"


def test_what_is_written_beside_a_result_reads_as_the_same(tmp_path: Path) -> None:
    config = read_config(write_configuration(tmp_path, configuration()))
    (tmp_path / "again.json").write_text(json.dumps({**config.record(), "folder": str(config.folder)}))
    assert read_config(tmp_path / "again.json") == config


@pytest.mark.parametrize(
    ("table", "key", "value", "message", "hint"),
    [
        ("model", "factory", None, "missing model.factory", "--help"),
        ("training", "budget", None, "missing training.budget", "--help"),
        ("training", "bugdet", 0.3, "unknown key training.bugdet", "budget"),
        ("training", "budget", "0.3", "training.budget is '0.3'", "a number"),
        ("training", "steps", 1.5, "training.steps is 1.5", "a whole number"),
        ("training", "steps", True, "training.steps is True", "a whole number"),
        ("training", "budget", 1.5, "training.budget is 1.5", "share"),
        ("training", "optimizer", "lion", "'lion'", "adamw"),
        ("training", "teacher", False, "without loss or metric", "name a loss"),
        ("data", "window", 1, "data.window is 1", "reference"),
        ("data", "dataset", None, "either train or dataset", "folders"),
        ("data", "train", "clips/", "either train or dataset", "folders"),
        ("data", "size", [3], r"data.size is \[3\]", "2 values"),
    ],
)  # fmt: skip
def test_slips(tmp_path: Path, table: str, key: str, value: object, message: str, hint: str) -> None:
    record = configuration()
    record[table] = {name: entry for name, entry in record[table].items() if name != key}
    record[table] |= {} if value is None else {key: value}
    with pytest.raises(ConfigError, match=message) as caught:
        read_config(write_configuration(tmp_path, record))
    assert hint in caught.value.hint
    assert "gates.json" in caught.value.message


def test_a_list_of_gates_names_the_table(tmp_path: Path) -> None:
    record = configuration()
    record["gates"] = [{"options": {}}]
    with pytest.raises(ConfigError, match=r"missing gates\.gate"):
        read_config(write_configuration(tmp_path, record))
    with pytest.raises(ConfigError, match="gates: none"):
        read_config(write_configuration(tmp_path, {**record, "gates": []}))


@pytest.mark.parametrize(("name", "text"), [("a.toml", "[model"), ("a.json", "{"), ("a.json", "[1]")])
def test_files_that_are_no_configuration(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=name):
        read_config(tmp_path / name)
