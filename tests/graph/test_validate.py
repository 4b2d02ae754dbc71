"""Every rule of the contract: a file that breaks it is refused with the file, the tensor and the rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from support.skip_graphs import ModelBuilder

from edgeskip.core.contract import METADATA_KEY, Metadata, Preparation, StatePair
from edgeskip.core.errors import ContractError
from edgeskip.graph.ir import Node, TensorInfo
from edgeskip.graph.skip_model import SkipModel, load_skip_model, save_skip_model, to_bytes
from edgeskip.graph.validate import validate


def small_model() -> SkipModel:
    """x [1,4,6,8] -> gate -> 3x3 convolution -> pooled, with every mask an output."""
    builder = ModelBuilder()
    weight = np.ones((4, 4, 3, 3), np.float32)
    y = builder.conv("state.0.x.next", "conv", weight, (6, 8), pads=[1, 1, 1, 1])
    builder.graph.nodes.append(Node("MaxPool", [y], ["pooled"], {"kernel_shape": [2, 2], "strides": [2, 2]}))
    builder.graph.info["pooled"] = TensorInfo(np.dtype(np.float32), (1, 4, 3, 4))
    builder.mask("pooled", [y], (1, 1, 3, 4), kind="pool", kernel_shape=[2, 2], strides=[2, 2])
    model = builder.model("pooled")
    for mask in dict.fromkeys(model.metadata.masks.values()):
        if mask not in model.graph.outputs:
            model.graph.outputs.append(mask)
    model.file = "cam.skip.onnx"
    return model


def node(model: SkipModel, op_type: str) -> Node:
    return next(node for node in model.graph.nodes if node.op_type == op_type)


def attribute(op_type: str, name: str, value: object) -> Callable[[SkipModel], None]:
    return lambda model: node(model, op_type).attributes.__setitem__(name, value)


def conv_input(index: int, value: str) -> Callable[[SkipModel], None]:
    def change(model: SkipModel) -> None:
        inputs = node(model, "SkipConv").inputs
        inputs += [""] * (index + 1 - len(inputs))
        inputs[index] = value

    return change


def without_state_output(model: SkipModel) -> None:
    model.graph.outputs.remove(model.metadata.states[1].output)


def without_state_input(model: SkipModel) -> None:
    model.graph.inputs.remove(model.metadata.states[1].input)


def without_pair(model: SkipModel) -> None:
    del model.metadata.states[1]


def renamed_pair(model: SkipModel) -> None:
    model.metadata.states[1] = StatePair("state.1.conv", "state.7.conv.next")


def unknown_start(model: SkipModel) -> None:
    model.metadata.states[1] = StatePair("state.1.conv", "state.1.conv.next", "zero")


def wrong_shape(model: SkipModel) -> None:
    model.graph.info["state.1.conv"] = TensorInfo(np.dtype(np.float32), (1, 4, 6, 9))


def wrong_type(model: SkipModel) -> None:
    model.graph.info["state.1.conv"] = TensorInfo(np.dtype(np.float64), (1, 4, 6, 8))


def swapped_states(model: SkipModel) -> None:
    node(model, "SkipConv").inputs[8] = "state.0.x"


def dangling_mask(model: SkipModel) -> None:
    model.metadata.masks["conv"] = "mask.nowhere"


def mask_not_an_output(model: SkipModel) -> None:
    model.graph.outputs.remove("mask.conv")


def mask_of_nothing(model: SkipModel) -> None:
    model.metadata.masks["ghost"] = "mask.conv"


def missing_attribute(model: SkipModel) -> None:
    del node(model, "SkipConv").attributes["threshold"]


def unknown_op(model: SkipModel) -> None:
    node(model, "SkipMask").op_type = "SkipDream"


def strange_preparation(model: SkipModel) -> None:
    model.metadata.inputs["x"] = Preparation((8, 6))


def preparation_of_nothing(model: SkipModel) -> None:
    model.metadata.inputs["camera"] = Preparation((8, 6))


def from_the_future(model: SkipModel) -> None:
    model.metadata.contract = 2


BROKEN = [
    (without_state_output, r"state\.1\.conv\.next: this state has no output"),
    (without_state_input, r"state\.1\.conv: this state has no input"),
    (without_pair, r"state\.1\.conv: this state is in no pair"),
    (renamed_pair, r"state\.1\.conv: its name must be"),
    (unknown_start, r"state\.1\.conv: its start value is 'zero'"),
    (wrong_shape, r"state\.1\.conv: its shape \[1, 4, 6, 9\]"),
    (wrong_type, r"state\.1\.conv: a state that starts as nan is float32, not float64"),
    (swapped_states, r"SkipConv of state\.1\.conv\.next: state state\.0\.x continues as"),
    (dangling_mask, r"conv: its mask mask\.nowhere is written by no node"),
    (mask_not_an_output, r"conv: its mask mask\.conv is no output"),
    (mask_of_nothing, r"ghost: mask mask\.conv belongs to a tensor that does not exist"),
    (conv_input(1, "pooled"), r"pooled: SkipConv .* no node before writes it"),
    (conv_input(1, "x"), r"x is read as a mask, but no op of the contract writes it"),
    (conv_input(4, "state.0.x.next"), r"z state\.0\.x\.next changes from frame to frame, so it needs mask_z"),
    (conv_input(5, "mask.x"), r"mask_z without z"),
    (conv_input(6, "mask.x"), r"gate, pending and pending_next come together"),
    (conv_input(2, ""), r"input w is missing"),
    (conv_input(2, "x"), r"w must be a constant"),
    (missing_attribute, r"SkipConv of state\.1\.conv\.next: attribute threshold is missing"),
    (unknown_op, r"op SkipDream is not of the contract"),
    (attribute("SkipConv", "dropout", 0.5), r"unknown attribute dropout"),
    (attribute("SkipConv", "norm", "l7"), r"unknown norm 'l7', not one of l2, l1, linf"),
    (attribute("SkipConv", "block", 3), r"unknown block 3"),
    (attribute("SkipConv", "activation", "wish"), r"unknown activation 'wish'"),
    (attribute("SkipConv", "activation", "prelu"), r"activation prelu takes 4 values of alpha, not 0"),
    (attribute("SkipConv", "threshold", -1.0), r"threshold is -1\.0; a threshold is 0 or more"),
    (attribute("SkipConv", "threshold", float("nan")), r"threshold is nan"),
    (attribute("SkipConv", "pads", [1, 1]), r"attribute pads is \[1, 1\], not 4 values"),
    (attribute("SkipConv", "group", "two"), r"attribute group is 'two', not int"),
    (attribute("SkipGate", "window", 4), r"window is 4, not an odd number"),
    (attribute("SkipMask", "kind", "blur"), r"unknown kind 'blur'"),
    (strange_preparation, r"x: its preparation makes \[3, 6, 8\], it reads \[4, 6, 8\]"),
    (preparation_of_nothing, r"camera: this input has a preparation"),
    (from_the_future, r"contract version 2, not 1"),
]


def test_the_model_that_the_tests_break_is_valid() -> None:
    validate(small_model())


@pytest.mark.parametrize(("breaks", "rule"), BROKEN, ids=[rule for _, rule in BROKEN])
def test_a_broken_rule_is_named_with_file_and_tensor(breaks: Callable[[SkipModel], None], rule: str) -> None:
    model = small_model()
    breaks(model)
    with pytest.raises(ContractError, match=rule) as error:
        validate(model)
    assert error.value.message.startswith("cam.skip.onnx: ")
    assert error.value.hint


def rewritten(path: Path, change: Callable[[dict], None]) -> None:
    """Write the small model with a changed metadata record."""
    proto = onnx.load_from_string(to_bytes(small_model()))
    entry = next(entry for entry in proto.metadata_props if entry.key == METADATA_KEY)
    record = json.loads(entry.value)
    change(record)
    entry.value = json.dumps(record)
    onnx.save(proto, str(path))


def test_a_file_from_the_future_says_to_update(tmp_path: Path) -> None:
    path = tmp_path / "new.skip.onnx"
    rewritten(path, lambda record: record.update(contract=2))
    with pytest.raises(ContractError, match=r"new\.skip\.onnx: contract version 2, this edgeskip reads version 1") as e:
        load_skip_model(path)
    assert "pip install -U edgeskip" in e.value.hint


def test_a_file_with_a_missing_state_pair_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.skip.onnx"
    rewritten(path, lambda record: record["states"].pop())
    with pytest.raises(ContractError, match=r"cut\.skip\.onnx: state\.1\.conv: .*other half is missing"):
        load_skip_model(path)


def test_a_file_whose_metadata_is_broken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.skip.onnx"
    rewritten(path, lambda record: record.pop("states"))
    with pytest.raises(ContractError, match=r"odd\.skip\.onnx: metadata 'edgeskip' is broken"):
        load_skip_model(path)


def test_function_bodies_may_be_missing(tmp_path: Path) -> None:
    proto = onnx.load_from_string(to_bytes(small_model()))
    del proto.functions[:]
    for record in proto.graph.node:
        record.overload = ""
    path = tmp_path / "bare.skip.onnx"
    path.write_bytes(proto.SerializeToString())
    assert [info.name for info in load_skip_model(path).convolutions] == ["conv"]


def test_a_broken_model_is_not_written(tmp_path: Path) -> None:
    model = small_model()
    model.metadata = Metadata()
    with pytest.raises(ContractError):
        save_skip_model(model, tmp_path / "never.skip.onnx")
    assert list(tmp_path.iterdir()) == []
