"""`edgeskip export --torch`: the factory in the current folder, a checkpoint, and what goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.torch_clips import torch

NETWORK = """
import torch
from edgeskip.nn import Policy, convert

def build(mode="refresh"):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 3, 2, 1), torch.nn.ReLU(), torch.nn.Conv2d(6, 4, 1))
    return convert(network, Policy("gumbel", {"block": 4, "initial_bias": 0.1}, mode=mode))

def running_sum():
    return build("residual")
"""
OPTIONS = ("--size", "96x64", "--task", "tensor")


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "trained_network.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    return "trained_network:build"


def test_a_trained_network_is_exported_and_runs(edgeskip, factory: str, tmp_path: Path) -> None:
    torch.save({"0.weight": torch.ones(6, 3, 3, 3) / 27, "0.bias": torch.zeros(6), "2.weight": torch.ones(4, 6, 1, 1),
                "2.bias": torch.zeros(4)}, "dense.pth")  # fmt: skip
    outcome = edgeskip("export", "--torch", factory, "--weights", "dense.pth", *OPTIONS, "-o", "a.onnx", "--json")
    assert outcome.code == 0, outcome.err
    assert (outcome.json["convolutions"], outcome.json["learned"], outcome.json["dense"]) == (2, 2, [])
    assert outcome.json["dense_macs"] == 32 * 48 * (6 * 27 + 4 * 6)
    scene = "synthetic:hall?seed=3&size=96x64"
    record = edgeskip("evaluate", "a.onnx", "--source", scene, "--frames", 5, "--json").json
    assert 0 < record["active_mac_fraction"] < 1.2


def test_what_is_wrong_is_said_with_a_hint(edgeskip, factory: str) -> None:
    torch.save({"3.weight": torch.ones(1)}, "other.pth")
    cases = {
        ("export", "--torch", "trained_network:running_sum", *OPTIONS): "mode='residual'",
        ("export", "--torch", factory, "--weights", "other.pth", *OPTIONS): "does not fit the network",
        ("export", "--torch", factory): "--size WIDTHxHEIGHT",
        ("export", "--torch", "no_such:build", *OPTIONS): "there is no module no_such",
    }
    for arguments, message in cases.items():
        outcome = edgeskip(*arguments, "-o", "b.onnx")
        assert outcome.code == 1
        assert message in outcome.err
        assert "hint: " in outcome.err
    assert not Path("b.onnx").exists()


def test_either_a_file_or_a_factory(edgeskip, factory: str) -> None:
    for arguments in ((), ("net.onnx", "--torch", factory), ("net.onnx", "--weights", "w.pth")):
        assert edgeskip("export", *arguments, "-o", "c.onnx").code == 2
