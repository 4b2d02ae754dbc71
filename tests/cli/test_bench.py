"""`edgeskip bench` as a group: the model without a name, the kernels, the profile."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

SCENE = "synthetic:hall?seed=3&size=96x64"
ROWS = [
    {
        "name": "first",
        "in_channels": 3,
        "out_channels": 8,
        "height": 12,
        "width": 16,
        "kernel": 3,
        "stride": 2,
        "pad": 1,
    },
    {
        "in_channels": 8,
        "out_channels": 8,
        "height": 6,
        "width": 8,
        "kernel": 3,
        "pad": 1,
        "group": 8,
        "activation": "relu",
    },
]


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    path = tmp_path / "shapes.json"
    path.write_text(json.dumps(ROWS))
    return path


def test_help_explains_all_three(edgeskip) -> None:
    text = " ".join(edgeskip("bench", "--help").out.split())
    for word in ("edgeskip bench MODEL", "edgeskip bench model --help", "conv", "profile", "./conv"):
        assert word in text
    for command in ("model", "conv", "profile"):
        outcome = edgeskip("bench", command, "--help")
        assert outcome.code == 0
        assert "$ edgeskip bench" in outcome.out


def test_a_model_needs_no_command_name_and_options_may_come_first(edgeskip, skip_file: Path) -> None:
    options = ["--source", SCENE, "--frames", 2, "--warmup", 1, "--against", "none", "--json"]
    for arguments in ([skip_file, *options], [*options, skip_file], ["model", skip_file, *options]):
        outcome = edgeskip("bench", *arguments)
        assert outcome.code == 0, outcome.err
        assert outcome.json["model"] == str(skip_file)


def test_a_model_called_like_a_command_is_reached_by_its_path(
    edgeskip, failing, skip_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    shutil.copy(skip_file, tmp_path / "conv")
    monkeypatch.chdir(tmp_path)
    outcome = edgeskip(
        "bench", "./conv", "--source", SCENE, "--frames", 2, "--warmup", 1, "--against", "none", "--json"
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert outcome.json["model"] == "conv"
    assert edgeskip("bench", "conv").code == 2, "the command, which wants --shapes"


def test_no_arguments_is_wrong_usage(edgeskip) -> None:
    outcome = edgeskip("bench")
    assert outcome.code == 2
    assert "MODEL" in outcome.err


def test_conv_has_the_fields_of_the_design(edgeskip, shapes: Path) -> None:
    outcome = edgeskip(
        "bench", "conv", "--shapes", shapes, "--active", "1,0.1", "--level", "all", "--repeats", 2, "--json"
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    record = outcome.json
    assert record["machine"]["cpu"]
    rows = record["rows"]
    assert {row["shape"] for row in rows} == {"first", "3x3 dw 8>8 6x8 relu"}
    assert {row["active"] for row in rows} == {1, 0.1}
    assert {row["level"] for row in rows} >= {"scalar"}
    for row in rows:
        assert row["edgeskip_gflops"] > 0
        assert row["onnxruntime_gflops"] > 0
        assert row["openvino_gflops"] is None
        assert row["error"] < 2e-6


def test_conv_for_people(edgeskip, shapes: Path) -> None:
    text = edgeskip("bench", "conv", "--shapes", shapes, "--repeats", 2, "--pattern", "scattered").out
    for word in ("first", "scattered", "GFLOP/s", "onnxruntime", "efficiency"):
        assert word in text


def test_conv_without_peers(edgeskip, shapes: Path) -> None:
    outcome = edgeskip("bench", "conv", "--shapes", shapes, "--repeats", 1, "--against", "none")
    assert outcome.code == 0, outcome.err
    assert "onnxruntime" not in outcome.out


def test_conv_errors_are_one_message_and_a_hint(failing, shapes: Path, tmp_path: Path) -> None:
    assert "nowhere.csv" in failing("bench", "conv", "--shapes", tmp_path / "nowhere.csv").err
    assert "avx1024" in failing("bench", "conv", "--shapes", shapes, "--level", "avx1024").err
    assert "rings" in failing("bench", "conv", "--shapes", shapes, "--pattern", "rings").err
    assert "torch" in failing("bench", "conv", "--shapes", shapes, "--against", "torch").err
    shapes.write_text(json.dumps([*ROWS, {**ROWS[0], "name": "broken", "kernel": 0}]))
    assert "shape 3: kernel" in failing("bench", "conv", "--shapes", shapes).err


@pytest.mark.parametrize("active", ["", "0", "1.5", "nan", "a,b"])
def test_conv_with_shares_that_make_no_sense_is_wrong_usage(edgeskip, shapes: Path, active: str) -> None:
    outcome = edgeskip("bench", "conv", "--shapes", shapes, "--active", active)
    assert outcome.code == 2
    assert "--active" in outcome.err


def test_profile_has_layers_kinds_and_overhead(edgeskip, skip_file: Path) -> None:
    outcome = edgeskip("bench", "profile", skip_file, "--source", SCENE, "--frames", 4, "--warmup", 1, "--json")
    assert outcome.code == 0, outcome.err
    record = outcome.json
    assert (record["frames"], record["source"], record["model"]) == (4, SCENE, str(skip_file))
    assert sum(layer["gflops"] is not None for layer in record["layers"]) == 3
    assert {"gates", "masks", "outside", "total"} == set(record["overhead"])
    assert {kind["kind"] for kind in record["kinds"]} >= {"conv 3x3", "conv 3x3/2", "conv 1x1", "gates"}


def test_profile_for_people(edgeskip, skip_file: Path) -> None:
    outcome = edgeskip("bench", "profile", skip_file, "--source", SCENE, "--frames", 2, "--warmup", 1, "--top", 2)
    for word in ("no arithmetic", "GFLOP/s", "conv 3x3/2", "gates"):
        assert word in outcome.out


def test_profile_of_nothing_is_an_error(failing, skip_file: Path) -> None:
    failing("bench", "profile", skip_file, "--source", f"{SCENE}&frames=3", "--warmup", 5)
