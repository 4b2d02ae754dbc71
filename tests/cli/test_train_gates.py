"""`edgeskip train-gates`: from a configuration and videos to gates, a log and a picture."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch: make test-networks")

CONFIG = """
[model]
factory = "support.training:network"
[[gates]]
gate = "norm"
options = { on = "input", trainable = true, tolerance = 0.05 }
include = ["0"]
[[gates]]
gate = "gumbel"
options = { block = 2, change = "magnitude" }
[data]
train = "clips"
size = [32, 24]
window = 3
[training]
budget = 0.5
steps = 4
batch = 2
evaluate_every = 2
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration beside a folder of two videos, pictures in which a square moves."""
    for name in ("left", "right"):
        folder = tmp_path / "clips" / name
        folder.mkdir(parents=True)
        for index in range(20):
            picture = np.random.default_rng(len(name)).integers(0, 255, (48, 64, 3)).astype(np.uint8)
            picture[10:30, 2 * index : 2 * index + 20] = 200
            cv2.imwrite(str(folder / f"{index:03d}.png"), picture)
    path = tmp_path / "gates.toml"
    path.write_text(CONFIG)
    return path


def test_from_videos_to_gates(edgeskip, config: Path) -> None:
    outcome = edgeskip("train-gates", config, "--json")
    assert outcome.code == 0, outcome.err
    record, folder = outcome.json, config.with_suffix("")
    assert record["weights"] == str(folder / "best.pt")
    assert 0 < record["mac_fraction"] <= 0.5 == record["budget"]
    assert record["macs"] == pytest.approx(record["mac_fraction"] * record["dense_macs"])
    assert record["metric"] > 0.5
    with (folder / "log.csv").open() as lines:
        assert [row["step"] for row in csv.DictReader(lines)] == ["2", "4"]
    assert cv2.imread(str(folder / "macs.png")).std() > 5
    assert "step 2 of 4: MACs" in outcome.err
    assert not [path for path in folder.iterdir() if path.name.startswith(".")], "nothing half-written lies beside it"


def test_another_budget_in_another_folder_and_the_summary(edgeskip, config: Path, tmp_path: Path) -> None:
    outcome = edgeskip("train-gates", config, "--budget", 0.7, "--steps", 2, "-o", tmp_path / "runs" / "70")
    assert outcome.code == 0, outcome.err
    assert "budget 70 %" in outcome.out
    assert str(tmp_path / "runs" / "70" / "macs.png") in outcome.out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("budget = 0.5", "", "missing training.budget"),
        ("budget", "bugdet", "training.bugdet"),
        ("budget = 0.5", "budget = 0.00001", "can't be reached"),
        ('"gumbel"', '"gumball"', "gumball"),
        ("include", "exclood", "gates.exclood"),
        ("window = 3", "window = 30", "shorter than the window of 30 frames"),
        ('train = "clips"', 'train = "absent.mp4"', "absent.mp4"),
        ('train = "clips"', 'train = "gates.toml"', "gates.toml"),
        ("support.training:network", "support.training:netwrok", "netwrok"),
        ("[model]", "[model", "not toml"),
    ],
)  # fmt: skip
def test_slips_are_one_message_with_a_hint(failing, config: Path, old: str, new: str, message: str) -> None:
    config.write_text(config.read_text().replace(old, new))
    assert message in failing("train-gates", config).err


def test_a_folder_that_cannot_be_made(failing, config: Path) -> None:
    assert "can't make the folder" in failing("train-gates", config, "-o", config / "out").err


def test_the_example_of_the_help_is_a_configuration(edgeskip, tmp_path: Path) -> None:
    from edgeskip.cli.train_gates import EXAMPLE
    from edgeskip.training import read_config

    (tmp_path / "gates.toml").write_text(EXAMPLE)
    assert len(read_config(tmp_path / "gates.toml").gates) == 2
    shown = edgeskip("train-gates", "--help").out
    for line in ("[[gates]]", 'factory = "networks.pose:build"', "[training]", "torchrun --nproc-per-node"):
        assert line in shown
