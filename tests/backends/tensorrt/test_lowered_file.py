"""The lowered file is standard ONNX of the oldest kind that says it, with three ops that only the plugins know."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from support.random_skip import random_skip
from support.small_skip import dense_graph, skipping

from edgeskip.backends.tensorrt.choice import OWN, LayerChoice
from edgeskip.backends.tensorrt.lowering import LoweringOptions, lower, lowered_bytes, write_lowered
from edgeskip.core.contract import METADATA_KEY, Metadata
from edgeskip.core.errors import ContractError, ModelError
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import load_skip_model

PLUGINS = {"EdgeskipConv", "EdgeskipGate", "EdgeskipMask"}
FLOATS = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16}


def proto_of(seed: int, **options) -> onnx.ModelProto:
    model = random_skip(seed, tolerance=0.05).model
    if options.pop("mixed", False):
        options["choices"] = {
            info.name: LayerChoice(OWN, "test") for index, info in enumerate(model.convolutions) if index % 2
        }
    return onnx.load_from_string(lowered_bytes(lower(model, LoweringOptions(**options))))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("seed", range(8))
def test_types_and_shapes_are_consistent(seed: int, precision: str) -> None:
    """Strongly typed networks take nothing else: onnx's own inference checks each standard op's types."""
    proto = proto_of(seed, precision=precision, mixed=seed % 2 == 1)
    onnx.checker.check_model(proto)
    inferred = onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    told = {value.name: value.type.tensor_type for value in (*proto.graph.value_info, *proto.graph.output)}
    for value in inferred.graph.value_info:
        if value.name in told and told[value.name].elem_type:
            assert value.type.tensor_type.elem_type == told[value.name].elem_type, value.name


@pytest.mark.parametrize("seed", range(8))
def test_old_parsers_can_read_it(seed: int) -> None:
    """Seeds are of opset 13 to 20: ops are rewritten to opset 17 or said to be newer."""
    model = random_skip(seed).model
    lowered = lower(model)
    proto = onnx.load_from_string(lowered_bytes(lowered))
    assert not proto.functions
    if not lowered.newer_ops:
        assert proto.opset_import[0].version <= 17
        assert proto.ir_version == 8
    for node in proto.graph.node:
        assert node.domain in ("", "edgeskip")
        assert (node.domain == "edgeskip") == (node.op_type in PLUGINS)
        assert "" not in node.input or node.op_type not in PLUGINS, "a plugin has no absent inputs"


def test_most_seeds_need_no_newer_opset() -> None:
    newer = {seed: lower(random_skip(seed).model).newer_ops for seed in range(16)}
    assert sum(bool(ops) for ops in newer.values()) <= 2, newer


def test_plugins_say_where_they_are_from_and_hold_no_empty_list() -> None:
    for node in proto_of(1).graph.node:
        if node.op_type in PLUGINS:
            values = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
            assert values["plugin_namespace"] == b"edgeskip"
            assert values["plugin_version"] == b"1"
            assert not [name for name, value in values.items() if isinstance(value, list) and not value]


def test_metadata_holds_contract_and_lowering() -> None:
    proto = proto_of(2, precision="fp16")
    text = {entry.key: entry.value for entry in proto.metadata_props}[METADATA_KEY]
    record, metadata = json.loads(text), Metadata.from_json(text, "file")
    assert [pair.input for pair in metadata.states] == [state["input"] for state in record["lowering"]["states"]]
    tensors = {value.name: value.type.tensor_type for value in (*proto.graph.input, *proto.graph.output)}
    for state in record["lowering"]["states"]:
        for key in ("input", "output"):
            kind = tensors[state[key]]
            assert [dim.dim_param or dim.dim_value for dim in kind.shape.dim] == state["shape"]
            assert onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type) == state["dtype"]
    assert {state["dtype"] for state in record["lowering"]["states"]} == {"float16", "float32"}
    assert set(metadata.masks.values()) == {mask["name"] for mask in record["lowering"]["masks"]}


def test_in_place_is_allowed_only_where_the_plugin_alone_reads_the_state() -> None:
    states = json.loads(
        {entry.key: entry.value for entry in proto_of(0, mixed=True).metadata_props}[METADATA_KEY]
    )["lowering"]["states"]  # fmt: skip
    assert all(state["in_place"] for state in states)


def test_weights_are_stored_once_in_the_kernels_order() -> None:
    model = random_skip(5).model
    lowered = lower(model)
    for node in lowered.graph.nodes:
        if node.op_type == "EdgeskipConv":
            height, width = node.attributes["kernel_shape"]
            assert lowered.graph.constants[node.inputs[2]].shape[1:3] == (height, width)
    used = {name for node in lowered.graph.nodes for name in node.inputs}
    assert set(lowered.graph.constants) <= used


def test_frames_and_outputs_stay_float32_in_half_precision() -> None:
    proto = proto_of(4, precision="fp16")
    states = [value.name for value in proto.graph.input if value.name.startswith("state.")]
    for value in (*proto.graph.input, *proto.graph.output):
        kind = value.type.tensor_type.elem_type
        if kind in FLOATS and value.name not in states and not value.name.startswith("state."):
            assert kind == onnx.TensorProto.FLOAT, value.name


def test_a_weight_beyond_float16_is_an_error_that_names_it() -> None:
    weight = np.full((2, 4, 1, 1), 1e6, np.float32)
    model = skipping(dense_graph([Node("Conv", ["x", "w"], ["y"], {"kernel_shape": [1, 1]})], {"w": weight}))
    lower(model)
    with pytest.raises(ModelError, match=r"w.*1e\+06.*65504") as caught:
        lower(model, LoweringOptions("fp16"))
    assert "--fp16" in caught.value.hint


def test_bounds_beyond_float16_are_clamped_with_a_note() -> None:
    weight = np.ones((2, 4, 1, 1), np.float32)
    nodes = [
        Node("Conv", ["x", "w"], ["c"], {"kernel_shape": [1, 1]}),
        Node("Exp", ["c"], ["e"]),
        Node("Clip", ["e", "", "high"], ["y"]),
    ]
    model = skipping(dense_graph(nodes, {"w": weight, "high": np.float32(1e9)}))
    lowered = lower(model, LoweringOptions("fp16"))
    assert len(lowered.record["notes"]) == 1
    assert "clamped to 65504" in lowered.record["notes"][0]


def test_what_makes_floats_of_no_floats_is_cast_in_half_precision() -> None:
    nodes = [
        Node("Conv", ["x", "w"], ["c"], {"kernel_shape": [1, 1]}),
        Node("NonZero", ["c"], ["where"]),
        Node("Shape", ["where"], ["sizes"]),
        Node("ConstantOfShape", ["sizes"], ["same"], {"value": np.float32([0.5])}),
        Node("ReduceMax", ["same"], ["half"], {"keepdims": 0}),
        Node("Add", ["c", "half"], ["y"]),
    ]
    model = skipping(dense_graph(nodes, {"w": np.ones((2, 4, 1, 1), np.float32)}))
    proto = onnx.load_from_string(lowered_bytes(lower(model, LoweringOptions("fp16"))))
    made = next(node for node in proto.graph.node if node.op_type == "ConstantOfShape").output[0]
    assert [node.op_type for node in proto.graph.node if made in node.input] == ["Cast"]


def test_the_model_stays_as_it_is() -> None:
    model = random_skip(7).model
    before = ([(node.op_type, list(node.inputs), dict(node.attributes)) for node in model.graph.nodes],
              dict(model.graph.info), set(model.graph.constants))  # fmt: skip
    lower(model, LoweringOptions("fp16"))
    after = ([(node.op_type, list(node.inputs), dict(node.attributes)) for node in model.graph.nodes],
             dict(model.graph.info), set(model.graph.constants))  # fmt: skip
    assert before == after


def test_a_lowered_file_is_refused_as_a_skip_model(tmp_path: Path) -> None:
    write_lowered(lower(random_skip(1).model), tmp_path / "net.trt.onnx")
    with pytest.raises(ContractError, match="written for TensorRT"):
        load_skip_model(tmp_path / "net.trt.onnx")


def test_a_precision_that_is_none_is_refused() -> None:
    with pytest.raises(ModelError, match="int8"):
        LoweringOptions("int8")
