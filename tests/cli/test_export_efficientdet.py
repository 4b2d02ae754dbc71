"""`edgeskip export --torch` of EfficientDet, with every kind of gate in one checkpoint, and the file at work."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.network_packages import require_network_packages

require_network_packages()

import torch  # noqa: E402

NETWORK = """
import torch
from edgeskip.demos.networks.efficientdet import efficientdet_small
from edgeskip.nn import Policy, convert

POLICIES = (
    Policy("norm", {"on": "input", "window": 5}, include=("backbone.conv_stem",)),
    Policy("norm", {"on": "input"}, include=("*.predict.*", "*.se.*")),
    Policy("norm", {"on": "output"}, kinds=("depthwise",)),
    Policy("gumbel", {"block": 4, "change": "magnitude"}),
)

def build():
    return convert(efficientdet_small(), POLICIES, fold_batch_norms=True, example=torch.zeros(1, 3, 256, 256))
"""


def test_all_gates_of_a_checkpoint_are_exported_and_run(
    edgeskip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gated_detector.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    from gated_detector import build

    from edgeskip.nn import GumbelGate, NormGate, skip_layers

    torch.manual_seed(1)
    network = build()
    with torch.no_grad():
        for layer in skip_layers(network).values():
            if isinstance(layer.gate, NormGate):
                layer.gate.tolerance.fill_(0.05)
            else:
                layer.gate.bias.fill_(-0.5)
    torch.save(network.state_dict(), "gated.pth")
    scene = "synthetic:street?seed=2001&size=256x256"
    outcome = edgeskip("export", "--torch", "gated_detector:build", "--weights", "gated.pth", "--size", "256x256",
                       "--task", "tensor", "--video", scene, "-o", "det.onnx", "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    gumbel = [layer for layer in skip_layers(network).values() if isinstance(layer.gate, GumbelGate)]
    assert (outcome.json["learned"], outcome.json["convolutions"]) == (len(gumbel), len(skip_layers(network)))
    assert outcome.json["dense"] == []
    record = edgeskip("evaluate", "det.onnx", "--source", scene, "--frames", 5, "--json").json
    assert 0 < record["active_mac_fraction"] < 0.9, "the checkpoint's gates are in the file"
