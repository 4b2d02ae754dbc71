"""Trained gates in a lowered network decide as torch does; the bundled detector lowers to a handful of transposes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from support.lowered import LoweredRun
from support.small_skip import Oracle
from support.tensorrt_machine import Machine

from edgeskip.backends.reference.loader import ReferenceBackend
from edgeskip.backends.tensorrt.choice import OWN, LayerChoice
from edgeskip.backends.tensorrt.lowering import LoweringOptions, lower
from edgeskip.core.contract import Preparation, Task
from edgeskip.export.dense import export_dense
from edgeskip.graph.skip_model import SkipModel

BUNDLED_FILE = Path(__file__).resolve().parents[3] / "demos/models/edgeskip_tiny.onnx"


def trained(block: int, change: str, bias: float | None = None) -> tuple[SkipModel, list[np.ndarray]]:
    """A small network whose arithmetic is exact, with Gumbel gates; a lower `bias` keeps them closed for longer."""
    pytest.importorskip("torch", reason="needs torch: pip install 'edgeskip[export]'")
    from support.trained import exact_frames, exact_network, export

    from edgeskip.nn import Policy

    policy = Policy(gate="gumbel", options={"block": block, "change": change})
    frames, network = exact_frames(6), exact_network(policy)
    for name, parameter in network.named_parameters():
        if bias is not None and name.endswith("gate.bias"):
            parameter.data.fill_(bias)
    return export(network, frames), frames


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize(("block", "change"), [(1, "signed"), (4, "magnitude")])
def test_gumbel_gates_decide_alike(block: int, change: str, precision: str) -> None:
    model, frames = trained(block, change)
    lowered = lower(model, LoweringOptions(precision))
    oracle, run = Oracle(model), LoweredRun(lowered)
    for frame in frames:
        wanted, found = oracle.step(frame), run.step(frame)
        for name in {*model.metadata.masks.values(), *model.outputs}:
            limit = 0.02 * np.abs(wanted[name]).max() if precision == "fp16" else 1e-6
            np.testing.assert_allclose(found[name], wanted[name], atol=limit, err_msg=name)
    gates = [layer for layer in lowered.record["layers"] if "gate" in layer["reason"]]
    assert gates, "a layer with a learned gate is the plugin's"
    policies = {info.name: LayerChoice(OWN, "test") for info in model.convolutions}
    kept = lower(model, LoweringOptions(precision, choices=policies)).record["layers"]
    assert {layer["where"] for layer in kept if "gate" in layer["reason"]} == {"plugin"}


def test_states_that_something_else_reads_are_not_bound_in_place() -> None:
    """A standard op, or what counts active pixels behind the frame."""
    model, _ = trained(1, "signed")
    states = lower(model).record["states"]
    assert {state["in_place"] for state in states} == {True, False}
    for state in states:
        assert state["in_place"] != state["input"].endswith((".reference", ".pending")), state["input"]


def test_pixels_of_gated_layers_are_counted_as_the_contract_says_with_state_in_place(machine: Machine) -> None:
    """A block opens for pixels that wait in it, whether they changed in this frame or not."""
    model, frames = trained(8, "signed", bias=-1.0)
    still = frames[0].copy()
    for row, column in np.random.default_rng(0).integers(0, (11, 14), (14, 2)):
        still = still.copy()
        still[0, :, row, column] += 1.5
        frames.append(still)
    with machine.runner(model, state="in_place") as ours, ReferenceBackend().create_runner(model) as reference:
        for index, frame in enumerate(frames):
            found, wanted = ours.infer(frame).active_pixels, reference.infer(frame).active_pixels
            gated = {layer.name for layer in ours.layers if "gate" in layer.reason}
            assert gated
            assert {name: found[name] for name in gated} == {name: wanted[name] for name in gated}, f"frame {index}"
        assert "state in place" in ours.level


SIZE = (160, 96)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> SkipModel:
    """The bundled detector, which is convolutional throughout, for smaller pictures than its own."""
    network = onnx.load(BUNDLED_FILE)
    picture = network.graph.input[0].type.tensor_type.shape.dim
    picture[2].dim_value, picture[3].dim_value = SIZE[1], SIZE[0]
    for output in network.graph.output:
        for axis in (2, 3):
            output.type.tensor_type.shape.dim[axis].dim_param = f"{output.name}_{axis}"
    del network.graph.value_info[:]
    file = tmp_path_factory.mktemp("bundled") / "small.onnx"
    onnx.save(network, file)
    return export_dense(file, Preparation(SIZE), Task("yolox"), bundled_frames(1))


def bundled_frames(count: int) -> list[np.ndarray]:
    """Noise in which a patch moves."""
    random = np.random.default_rng(0)
    frames = [(random.random((1, 3, SIZE[1], SIZE[0])) * 255).astype(np.float32)]
    for index in range(count - 1):
        frame = frames[-1].copy()
        frame[:, :, 20:50, 30 + 10 * index : 70 + 10 * index] = random.random((1, 3, 30, 40)) * 255
        frames.append(frame)
    return frames


@pytest.mark.parametrize(("precision", "limit", "masks"), [("fp32", 1e-6, 0.0), ("fp16", 2e-2, 5e-3)])
def test_bundled_detector(bundled: SkipModel, precision: str, limit: float, masks: float) -> None:
    lowered = lower(bundled, LoweringOptions(precision))
    kinds = Counter(node.op_type for node in lowered.graph.nodes)
    assert kinds["Transpose"] == 4, "the picture, and one for each of three outputs"
    assert kinds["Cast"] == (4 if precision == "fp16" else 0)
    oracle, run = Oracle(bundled), LoweredRun(lowered)
    for frame in bundled_frames(3):
        wanted, found = oracle.step(frame), run.step(frame)
        for name in bundled.outputs:
            assert np.abs(found[name] - wanted[name]).max() <= limit * np.abs(wanted[name]).max()
        names = set(bundled.metadata.masks.values())
        differing = sum(np.count_nonzero(found[name] != wanted[name]) for name in names)
        assert differing <= masks * sum(wanted[name].size for name in names)


def test_a_network_that_stays_tensorrts_has_no_transpose(bundled: SkipModel) -> None:
    choices = {info.name: LayerChoice(OWN, "test") for info in bundled.convolutions}
    kinds = Counter(node.op_type for node in lower(bundled, LoweringOptions(choices=choices)).graph.nodes)
    assert kinds["Transpose"] == 0
    assert kinds["EdgeskipGate"] == 1 + len(bundled.convolutions)
