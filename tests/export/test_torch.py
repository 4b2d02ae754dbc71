"""Torch networks with trained gates: the exported file is the network, frame by frame, on every backend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.torch_clips import torch
from support.trained import exact_frames, exact_network, export, torch_outputs

from edgeskip.backends.registry import choose
from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import InputError, ModelError
from edgeskip.export.torch_network import TorchOptions, export_torch, load_network, trace_network
from edgeskip.export.torch_trace import output_names
from edgeskip.graph.dense import dense_model
from edgeskip.graph.passes.place_gates import DEFAULT_FRAME_THRESHOLD
from edgeskip.graph.skip_model import load_skip_model, save_skip_model
from edgeskip.nn import Policy, SkipConv2d, convert, dense_mode, skip_layers

FRAMES = 200
NORM = [("output", "l2"), ("output", "l1"), ("input", "l2"), ("input", "linf")]
GUMBEL = [(block, change) for block in (1, 2, 4, 8) for change in ("signed", "magnitude")]
POLICIES = {
    f"norm on the {on}, {norm}": Policy("norm", {"tolerance": 0.7, "on": on, "norm": norm}) for on, norm in NORM
}
POLICIES["norm on the input, window"] = Policy("norm", {"tolerance": 0.4, "on": "input", "window": 3})
POLICIES |= {
    f"gumbel {change}, block {block}": Policy(
        "gumbel",
        {"block": block, "change": change, "initial_bias": -2.1, "channels": 2 if change == "magnitude" else 1},
    )
    for block, change in GUMBEL
}
POLICIES["gumbel, blocks that fit"] = Policy("gumbel", {"block": 8, "least_blocks": 2, "initial_bias": -2.1})


@pytest.mark.parametrize("kind", POLICIES)
def test_torch_and_all_backends_agree_on_200_frames(kind: str, tmp_path: Path) -> None:
    network, frames = exact_network(POLICIES[kind]), exact_frames(FRAMES)
    save_skip_model(export(network, frames[:4]), tmp_path / "m.onnx")
    model = load_skip_model(tmp_path / "m.onnx")
    wanted = torch_outputs(network, frames)
    with dense_mode(network):
        dense = torch_outputs(network, frames)
    assert any(not np.allclose(a, b, atol=1e-3) for a, b in zip(wanted, dense, strict=True)), "the gates hold nothing"
    macs = {}
    for name in ("reference", "onnxruntime", "cpu"):
        with choose(name, model)[0].create_runner(model) as runner:
            results = [runner.infer(frame) for frame in frames]
            if name == "cpu":
                assert not [layer for layer in runner.layers if layer.reason], "a dense segment is left"
        for index, (result, want) in enumerate(zip(results, wanted, strict=True)):
            np.testing.assert_allclose(result.outputs["output"], want, atol=1e-5, err_msg=f"{name}, frame {index}")
        macs[name] = [result.active_macs for result in results]
    assert macs["reference"] == macs["onnxruntime"] == macs["cpu"]


def test_the_dense_network_inside_is_the_dense_network() -> None:
    import onnxruntime

    for policy in (POLICIES["norm on the input, l2"], POLICIES["gumbel magnitude, block 4"]):
        network, frames = exact_network(policy), exact_frames(3)
        model = export(network, frames)
        session = onnxruntime.InferenceSession(dense_model(model).SerializeToString())
        with dense_mode(network):
            want = torch_outputs(network, frames)[-1]
        np.testing.assert_allclose(session.run(None, {"images": frames[-1]})[0], want, atol=1e-5)


def test_a_gates_own_convolution_costs_but_is_no_part_of_the_dense_network() -> None:
    network, frames = exact_network(POLICIES["gumbel signed, block 2"]), exact_frames(4)
    model = export(network, frames)
    sizes = (11 * 14, 6 * 7, 6 * 7)
    layers = skip_layers(network).values()
    assert model.dense_macs == sum(layer.macs_per_pixel * size for layer, size in zip(layers, sizes, strict=True))
    with choose("cpu", model)[0].create_runner(model) as runner:
        first = runner.infer(frames[0])
    assert first.active_macs > first.dense_macs == model.dense_macs


class Shared(torch.nn.Module):
    """One convolution for two levels, and a sum of skip layers: what heads and residual blocks do."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 6, 3, 2, 1)
        self.norm = torch.nn.BatchNorm2d(6)
        self.head = torch.nn.Conv2d(6, 6, 3, padding=1)

    def forward(self, x):
        x = self.norm(self.stem(x)).relu()
        y = torch.nn.functional.max_pool2d(x, 2)
        return {"large": x + self.head(x), "small": self.head(y).sigmoid()}


@pytest.mark.parametrize("gate", ["output", "input", "gumbel"])
@pytest.mark.parametrize("fold", [False, True])
def test_shared_layers_residual_sums_and_batch_norms(gate: str, fold: bool) -> None:
    torch.manual_seed(1)
    options = {"block": 2, "initial_bias": -0.3} if gate == "gumbel" else {"tolerance": 0.03, "on": gate}
    policy = Policy("gumbel" if gate == "gumbel" else "norm", options, shared="per_call")
    network = convert(Shared().eval(), policy, fold_batch_norms=fold, example=torch.zeros(1, 3, 11, 14))
    model = export(network, exact_frames(6))
    assert model.outputs == ["large", "small"]
    assert {"stem", "head#0", "head#1"} <= {info.node.name for info in model.convolutions}
    assert model.metadata.about["verified_error"] < 1e-4
    sums = [node for node in model.graph.nodes if node.op_type == "Add" and node.outputs[0] == "large"]
    assert sums, "a residual was fused into a gated convolution"


def test_the_activation_behind_an_output_gate_stays_apart_and_others_are_fused() -> None:
    kinds = {}
    for kind in ("norm on the output, l2", "norm on the input, l2", "gumbel signed, block 1"):
        model = export(exact_network(POLICIES[kind]), exact_frames(2))
        kinds[kind] = [info.node.attributes["activation"] for info in model.convolutions if ".signal" not in info.name]
    assert [*kinds.values()] == [["none"] * 3, ["relu", "relu", "none"], ["relu", "relu", "none"]]


@pytest.mark.parametrize(
    ("kind", "options", "inputs_of_gates"),
    [
        ("norm on the input, l2", {}, ["images", "state.", "state."]),
        ("norm on the input, window", {}, ["images", "state.", "state."]),
        ("norm on the input, l2", {"frame_threshold": 6}, ["images", "state.", "state.", "state."]),
        ("norm on the output, l2", {}, ["images"]),
    ],
)
def test_a_frame_that_one_gate_watches_is_not_copied_by_another(kind, options, inputs_of_gates) -> None:
    model = export(exact_network(POLICIES[kind]), exact_frames(3), **options)
    gates = [node for node in model.graph.nodes if node.op_type == "SkipGate"]
    found = [node.inputs[0] if node.inputs[0] == "images" else node.inputs[0][:6] for node in gates]
    assert found == inputs_of_gates
    assert model.mask_of("images") == gates[0].outputs[1]


def test_a_frame_that_others_read_too_has_a_gate_of_its_own() -> None:
    class Skipping(torch.nn.Module):
        """The picture goes to two convolutions."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return self.first(x) + self.second(x)

    network = convert(Skipping().eval(), POLICIES["norm on the input, l2"])
    model = export(network, exact_frames(3))
    gates = [node for node in model.graph.nodes if node.op_type == "SkipGate"]
    assert [node.inputs[0] == "images" for node in gates] == [True, False, False]


def test_thresholds_and_their_sources_are_in_the_metadata() -> None:
    network = exact_network(POLICIES["norm on the input, l2"])
    skip_layers(network)["0"].gate.scale.fill_(2.0)
    model = export(network, exact_frames(2))
    found = [threshold for threshold in model.metadata.thresholds.values() if threshold.tolerance > 0]
    assert [(round(t.value, 6), t.scale) for t in found] == [(1.4, 2.0), (0.7, 1.0), (0.7, 1.0)]
    learned = export(exact_network(POLICIES["gumbel signed, block 1"]), exact_frames(1))
    assert {pair.start for pair in learned.state_pairs} == {"nan", "one"}


def test_a_file_that_differs_is_refused_with_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeskip.export import torch_network

    def wrong(network):
        gates = torch_network_gates(network)
        from dataclasses import replace

        return {**gates, "2": replace(gates["2"], bias=3.0)}

    torch_network_gates = torch_network.gates_of
    monkeypatch.setattr(torch_network, "gates_of", wrong)
    with pytest.raises(ModelError, match=r"layer '2': frame \d+ .* differs from torch at \d+ of 42 pixels"):
        export(exact_network(POLICIES["gumbel signed, block 1"]), exact_frames(8))


def test_exporting_leaves_the_temporal_state_alone() -> None:
    network, frames = exact_network(POLICIES["gumbel signed, block 1"]), exact_frames(6)
    wanted = torch_outputs(network, frames)
    torch_outputs(network, frames[:3])
    export(network, exact_frames(3, seed=9))
    with torch.no_grad():
        for frame, want in zip(frames[3:], wanted[3:], strict=True):
            np.testing.assert_array_equal(network(torch.from_numpy(frame)).numpy(), want)


def test_tolerance_and_frame_threshold_go_to_what_has_no_gate_of_its_own() -> None:
    policy = Policy("norm", {"tolerance": 0.7}, include=("2",))
    network = exact_network(policy)
    exact = export(network, exact_frames(4))
    chosen = export(network, exact_frames(4), tolerance=0.1, frame_threshold=4.0)
    values = [{name: t.value for name, t in model.metadata.thresholds.items()} for model in (exact, chosen)]
    layer = next(info.name for info in chosen.convolutions if info.node.name == "2")
    assert values[0][layer] == values[1][layer] == pytest.approx(0.7)
    assert (values[0]["images"], values[1]["images"]) == (0, 4)
    assert sum(value > 0 for value in values[1].values()) > sum(value > 0 for value in values[0].values())


@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
def test_both_exporters_give_the_same_model(exporter: str) -> None:
    if exporter == "dynamo":
        pytest.importorskip("onnxscript", reason="the dynamo exporter needs it: pip install 'edgeskip[export]'")
    network, frames = exact_network(POLICIES["gumbel magnitude, block 4"]), exact_frames(20)
    model = export(network, frames[:4], exporter=exporter)
    assert [info.node.name for info in model.convolutions if ".signal" not in info.name] == ["0", "2", "4"]
    with choose("cpu", model)[0].create_runner(model) as runner:
        for frame, want in zip(frames, torch_outputs(network, frames), strict=True):
            np.testing.assert_allclose(runner.infer(frame).outputs["output"], want, atol=1e-5)


def test_a_network_without_gates_goes_the_dense_way() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 1)).eval()
    model = export(network, exact_frames(3))
    found = [threshold.tolerance for threshold in model.metadata.thresholds.values()]
    assert found == [DEFAULT_FRAME_THRESHOLD, 0.06, 0.0]
    assert model.metadata.about["exporter"] == "torch, torchscript"


def skip_conv(**options) -> torch.nn.Module:
    from edgeskip.nn import NormGate

    mode = options.pop("mode", "refresh")
    return torch.nn.Sequential(SkipConv2d(3, 4, 3, padding=1, gate=NormGate(), mode=mode, **options)).eval()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "residual"}, r"layer '0' has mode='residual'.*runs in torch only.*hint: convert with Policy"),
        ({"padding_mode": "reflect"}, r"layer '0' has padding_mode='reflect', which can't be exported.*hint: train"),
        ({"padding_mode": "circular"}, r"padding_mode='circular'"),
    ],
)
def test_what_the_contract_can_not_say_is_refused_with_the_layer(options: dict, message: str) -> None:
    with pytest.raises(ModelError, match=f"(?s){message}"):
        trace_network(skip_conv(**options), (14, 11), 3)


def test_a_layer_that_is_used_twice_is_refused() -> None:
    network = Shared().eval()
    from edgeskip.nn import NormGate

    network.head = SkipConv2d(6, 6, 3, padding=1, gate=NormGate())
    with pytest.raises((ModelError, InputError), match=r"(?s)'head' is used more than 1 times.*shared='per_call'"):
        trace_network(network.eval(), (14, 11), 3)


def test_a_gate_of_ones_own_can_not_be_exported() -> None:
    from edgeskip.nn import Gate

    class Own(Gate):
        name, watches = "own", "output"

        def decide(self, change):
            raise NotImplementedError

    network = torch.nn.Sequential(SkipConv2d(3, 4, 3, gate=Own()))
    with pytest.raises(ModelError, match="layer '0': gate Own can't be exported"):
        trace_network(network, (14, 11), 3)


def test_what_torch_can_not_export_is_one_message() -> None:
    class Loose(torch.nn.Module):
        def forward(self, x):
            return torch.fft.fft2(torch.nn.functional.conv2d(x, torch.ones(1, 3, 3, 3))).angle().unfold(2, 2, 2).std()

    message = r"(?s)torch can't export Loose with its torchscript exporter.*--exporter dynamo"
    with pytest.raises(ModelError, match=message):
        trace_network(Loose(), (14, 11), 3)
    with pytest.raises(ModelError, match="unknown exporter 'onnx'"):
        trace_network(skip_conv(), (14, 11), 3, "onnx")


def test_names_of_outputs() -> None:
    one = torch.zeros(1)
    assert output_names(one) == ["output"]
    assert output_names([one, (one, one)]) == ["output.0", "output.1.0", "output.1.1"]
    assert output_names({"boxes": one, "masks": [one]}) == ["boxes", "masks.0"]
    with pytest.raises(ModelError, match="the network returns str"):
        output_names("text")


def test_a_factory_by_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = "def build():\n    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1))\n"
    text = f"import torch\n{build}def text():\n    return 'x'\n"
    (tmp_path / "own_networks.py").write_text(text)
    torch.save({"0.weight": torch.ones(2, 3, 1, 1), "0.bias": torch.ones(2)}, tmp_path / "w.pth")
    monkeypatch.chdir(tmp_path)
    network = load_network("own_networks:build", tmp_path / "w.pth")
    assert float(network[0].weight.detach().sum()) == 6
    faults = {
        "own_networks": "is not package.module:factory",
        "own_networks:other": "module own_networks has no other",
        "no_such_module:build": "there is no module no_such_module",
        "own_networks:text": "makes a str, not a torch.nn.Module",
    }
    for factory, message in faults.items():
        with pytest.raises(ModelError, match=message):
            load_network(factory)
    torch.save({"1.weight": torch.ones(2)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=r"2 missing: 0.weight, 0.bias; 1 foreign: 1.weight"):
        load_network("own_networks:build", tmp_path / "other.pth")


def test_a_preparation_that_does_not_fit_is_refused() -> None:
    network = skip_conv()
    traced = trace_network(network, (14, 11), 3)
    with pytest.raises(ModelError, match="the preparation makes"):
        export_torch(network, Preparation((16, 16)), Task(), exact_frames(1), TorchOptions(), traced)
    with pytest.raises(ModelError, match="no frames were given"):
        export_torch(network, Preparation((14, 11)), Task(), [], TorchOptions(), traced)
