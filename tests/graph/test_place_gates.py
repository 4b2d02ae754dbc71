"""Where gates, states and thresholds go."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support.network_builder import NetworkBuilder
from support.networks import network_of

from edgeskip.core.contract import SKIP_CONV, Preparation
from edgeskip.core.errors import ModelError
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.onnx_io import graph_from_proto
from edgeskip.graph.passes import simplify
from edgeskip.graph.passes.gate_demand import Demand
from edgeskip.graph.passes.place_gates import GateOptions, place_gates
from edgeskip.graph.skip_model import SkipModel, is_op
from edgeskip.graph.validate import validate

Body = Callable[[NetworkBuilder, str], str]


def canonical(body: Body, batch: int | str = 1) -> Graph:
    return simplify(graph_from_proto(network_of(body, batch=batch, shape=(3, 8, 10)), "net.onnx"))


def placed(body: Body, batch: int | str = 1, **options) -> SkipModel:
    graph = canonical(body, batch)
    scales = dict.fromkeys(Demand(graph).threshold_tensors(), 2.0)
    model = place_gates(graph, GateOptions(**{"tolerance": 0.1, "scales": scales, **options}))
    validate(model)
    return model


def nodes(model: SkipModel, op_type: str) -> list[Node]:
    return [node for node in model.graph.nodes if is_op(node, op_type)]


def two_convs(builder: NetworkBuilder, x: str) -> str:
    return builder.conv(builder.node("Relu", builder.conv(x, 6)), 3)


def test_layer_thresholds_are_relative_and_the_last_layer_is_exact() -> None:
    model = placed(two_convs)
    first, last = nodes(model, "SkipConv")
    assert first.attributes["threshold"] == pytest.approx(0.1 * 2.0)
    assert last.attributes["threshold"] == 0.0
    record = model.metadata.thresholds[model.convolutions[0].name]
    assert (record.value, record.tolerance, record.scale) == (pytest.approx(0.2), 0.1, 2.0)
    assert model.metadata.thresholds[model.convolutions[1].name].source == "no skip convolution follows"


def test_frame_gate_is_in_steps_of_the_picture() -> None:
    preparation = Preparation((10, 8), mean=(1, 2, 3), scale=(0.5, 0.25, 0.75))
    (gate,) = nodes(placed(two_convs, preparations={"picture": preparation}, frame_threshold=4.0), "SkipGate")
    assert gate.inputs == ["picture", "state.0.picture"]
    assert gate.outputs == ["state.0.picture.next", "mask.picture"]
    assert gate.attributes["threshold_signed"] == pytest.approx(4.0 * 0.5)
    assert gate.attributes["threshold"] == pytest.approx(2.5 * 4.0 * 0.5)
    assert gate.attributes["window"] == 5


@pytest.mark.parametrize(("given", "signed"), [(None, 0.0), (3.0, 3.0)])
def test_tolerance_zero_is_exact_unless_the_picture_says_otherwise(given: float | None, signed: float) -> None:
    model = placed(two_convs, tolerance=0.0, frame_threshold=given)
    assert nodes(model, "SkipGate")[0].attributes["threshold_signed"] == signed
    assert all(node.attributes["threshold"] == 0 for node in nodes(model, "SkipConv"))


def test_default_frame_threshold_is_four_steps() -> None:
    assert nodes(placed(two_convs), "SkipGate")[0].attributes["threshold_signed"] == 4.0


def test_states_are_numbered_in_order_and_keep_a_symbolic_batch() -> None:
    model = placed(two_convs, batch="N")
    assert [pair.input.split(".")[1] for pair in model.state_pairs] == ["0", "1", "2"]
    assert model.graph.shape(model.state_pairs[1].input) == ("N", 6, 8, 10)
    assert model.graph.shape(model.mask_of("picture")) == ("N", 1, 8, 10)


def test_squeeze_excite_vector_is_gated_with_its_tolerance() -> None:
    def body(builder: NetworkBuilder, x: str) -> str:
        x = builder.conv(x, 4)
        vector = builder.node("GlobalAveragePool", x, shape=(4, 1, 1))
        scaled = builder.node("Mul", x, builder.node("Sigmoid", builder.conv(vector, 4, kernel=1)))
        return builder.conv(scaled, 2)

    model = placed(body)
    gate = nodes(model, "SkipGate")[1]
    raw = gate.inputs[0]
    assert raw.endswith(".raw")
    assert gate.attributes["threshold"] == gate.attributes["threshold_signed"] == pytest.approx(0.2)
    union = next(node for node in nodes(model, "SkipMask") if node.attributes["kind"] == "union")
    assert len(union.inputs) == 2
    assert model.mask_of(raw) in [node.outputs[0] for node in nodes(model, "SkipMask")]


def test_a_pooled_vector_that_no_convolution_reads_is_not_gated() -> None:
    def body(builder: NetworkBuilder, x: str) -> str:
        return builder.node("GlobalAveragePool", builder.conv(x, 4), shape=(4, 1, 1))

    assert len(nodes(placed(body), "SkipGate")) == 1


def test_dense_op_is_compared_only_where_a_convolution_follows() -> None:
    def transposed(builder: NetworkBuilder, x: str) -> str:
        return builder.node("Transpose", builder.conv(x, 4), shape=(4, 10, 8), perm=[0, 1, 3, 2])

    assert len(nodes(placed(transposed), "SkipGate")) == 1
    model = placed(lambda builder, x: builder.conv(transposed(builder, x), 2))
    gate = nodes(model, "SkipGate")[1]
    assert gate.attributes["threshold"] == gate.attributes["threshold_signed"] == 0.0
    assert nodes(model, "SkipConv")[1].inputs[1] == gate.outputs[1]


def test_identical_masks_are_placed_once() -> None:
    def body(builder: NetworkBuilder, x: str) -> str:
        a, b = builder.conv(x, 4), builder.conv(x, 4)
        added = builder.node("Mul", a, b)
        taken = builder.node("Sub", b, a)
        return builder.conv(builder.node("Div", added, taken), 2)

    model = placed(body)
    assert len(nodes(model, "SkipMask")) == 1
    names = [node.outputs[0] for node in model.graph.nodes if node.op_type in ("Mul", "Sub", "Div")]
    assert len({model.mask_of(name) for name in names}) == 1


def test_an_output_that_is_a_state_is_also_written_under_its_own_name() -> None:
    model = placed(two_convs)
    (identity,) = [node for node in model.graph.nodes if node.op_type == "Identity"]
    assert identity.outputs == model.outputs
    assert identity.inputs == [model.convolutions[-1].node.outputs[0]]


def fused(pads: list[int], kernel: int, transposed: int = 0, strides: int = 1, weight: bool = True) -> Graph:
    """One FusedConv on x [1,2,8,8]."""
    size = 8 + pads[0] + pads[2] - kernel + 1 if not transposed else (8 - 1) * strides + kernel - pads[0] - pads[2]
    attributes = {
        "kernel_shape": [kernel] * 2, "strides": [strides] * 2, "pads": pads, "dilations": [1, 1], "group": 1,
        "transposed": transposed, "output_padding": [0, 0], "activation": "none", "alpha": [], "beta": 0.0,
    }  # fmt: skip
    info = {name: TensorInfo(np.dtype(np.float32), (1, 2, 8, 8)) for name in ("x", "w")}
    info["y"] = TensorInfo(np.dtype(np.float32), (1, 2, size, size))
    constants = {"w": np.ones((2, 2, kernel, kernel), np.float32)} if weight else {}
    node = Node("FusedConv", ["x", "w"], ["y"], attributes, "edgeskip.internal")
    return Graph([node], ["x"], ["y"], constants, info, 17)


@pytest.mark.parametrize(
    "graph",
    [fused([2, 2, 2, 2], 1), fused([0] * 4, 1, transposed=1, strides=2), fused([0] * 4, 3, weight=False)],
    ids=["a pixel that reads padding only", "a hole between inputs", "weights that change"],
)
def test_a_convolution_that_the_contract_cannot_express_stays_dense(graph: Graph) -> None:
    """A pixel that reads no input would never become a candidate, and stay unknown for ever."""
    if "w" not in graph.constants:
        graph.constants["seed"] = np.ones((2, 2, 3, 3), np.float32)
        graph.nodes.insert(0, Node("RandomUniformLike", ["seed"], ["w"]))
    assert not Demand(graph).is_skippable(graph.nodes[-1])
    model = place_gates(graph, GateOptions(0.0))
    assert not model.convolutions
    assert model.graph.nodes[-1].op_type in ("Conv", "ConvTranspose")


def test_a_residual_brings_its_mask() -> None:
    def body(builder: NetworkBuilder, x: str) -> str:
        y = builder.conv(x, 4)
        return builder.conv(builder.node("Relu", builder.node("Add", builder.conv(y, 4), y)), 2)

    model = placed(body)
    conv = nodes(model, "SkipConv")[1]
    given = dict(zip(SKIP_CONV.inputs, conv.inputs, strict=False))
    assert given["z"] == nodes(model, "SkipConv")[0].outputs[0]
    assert given["mask_z"] == nodes(model, "SkipConv")[0].outputs[1]
    assert conv.attributes["activation"] == "relu"


def test_inputs_that_are_no_pictures_are_refused() -> None:
    graph = canonical(two_convs)
    graph.info["picture"] = TensorInfo(np.dtype(np.uint8), (1, 4, 8, 10))
    with pytest.raises(ModelError, match=r"input picture is uint8 \[1, 4, 8, 10\]"):
        place_gates(graph, GateOptions(0.0))


def test_a_layer_without_a_scale_is_named() -> None:
    graph = canonical(two_convs)
    with pytest.raises(ModelError, match="has no scale"):
        place_gates(graph, GateOptions(0.1))


@pytest.mark.parametrize("wrong", [{"tolerance": -1.0}, {"norm": "l3"}, {"block": 3}, {"frame_window": 4}])
def test_options_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(ModelError):
        GateOptions(**wrong)
