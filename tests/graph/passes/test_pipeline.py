"""`simplify` keeps the function, on random networks of every opset and on the shared ones."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
from support.dense_passes import assert_equal_results, dense_graph, op_types
from support.networks import random_network
from support.shared import shared_file

from edgeskip.graph.onnx_io import load_graph
from edgeskip.graph.passes import simplify

# Activations that no convolution can take, because it is not one that stands before them:
# RetinaFace activates the concatenation of three convolutions.
UNFUSED = {
    "fastestdet_352x352": {},
    "hourglass_192x192": {},
    "retinaface_mnet025_640x384": {"Relu": 3},
    "yolox_nano_640x384": {},
    "yunet_n_640x384": {},
}
ACTIVATIONS = ("Relu", "Clip", "Sigmoid", "LeakyRelu", "PRelu", "HardSigmoid", "HardSwish", "Tanh", "Mul")
FUSED = {
    "fastestdet_352x352": {"relu": 48, "sigmoid": 1, "none": 21},
    "hourglass_192x192": {"clip": 105, "relu": 52},
    "retinaface_mnet025_640x384": {"relu": 38, "none": 18},
    "yolox_nano_640x384": {"silu": 104, "sigmoid": 6, "none": 3},
    "yunet_n_640x384": {"relu": 18, "none": 41},
}


@pytest.mark.parametrize("seed", range(78))
def test_random_network_computes_the_same(seed: int) -> None:
    batch = "N" if seed % 4 == 0 else 1
    model = random_network(seed, opset=11 + seed % 13, batch=batch)
    graph = simplify(dense_graph(model))
    assert_equal_results(model, graph, seed)
    assert "Conv" not in op_types(graph)
    assert not {"BatchNormalization", "Pad", "Reshape", "Transpose", "Identity", "Dropout"} & set(op_types(graph))


@pytest.mark.parametrize("name", UNFUSED)
def test_shared_network_is_canonical(name: str) -> None:
    path = shared_file(f"networks/{name}.onnx")
    model, dense = onnx.load(str(path)), load_graph(path)
    graph = simplify(dense)
    picture = np.random.default_rng(1).uniform(0, 255, dense.shape(dense.inputs[0])).astype(np.float32)
    assert_equal_results(model, graph, seed=1, picture=picture)
    counts = op_types(graph)
    assert counts["FusedConv"] == sum(node.op_type == "Conv" for node in dense.nodes)
    assert {op: counts[op] for op in ACTIVATIONS if counts[op]} == UNFUSED[name]
    kinds = Counter(node.attributes["activation"] for node in graph.nodes if node.op_type == "FusedConv")
    assert dict(kinds) == FUSED[name]


def test_fastestdet_shuffles_are_plain_channel_gathers() -> None:
    graph = simplify(load_graph(shared_file("networks/fastestdet_352x352.onnx")))
    assert not {"Reshape", "Transpose"} & set(op_types(graph))
    gathers = [node for node in graph.nodes if node.op_type == "Gather"]
    assert len(gathers) == 26
    for node in gathers:
        indices = graph.constants[node.inputs[1]]
        assert node.attributes["axis"] == 1
        np.testing.assert_array_equal(np.diff(indices), 2)  # half a shuffle of two groups: every second channel


def test_yolox_focus_is_one_convolution_on_the_picture() -> None:
    graph = simplify(load_graph(shared_file("networks/yolox_nano_640x384.onnx")))
    first = graph.nodes[0]
    assert first.op_type == "FusedConv"
    assert first.inputs[0] == "images"
    assert graph.constants[first.inputs[1]].shape == (16, 3, 6, 6)
    assert (first.attributes["strides"], first.attributes["pads"]) == ([2, 2], [2, 2, 2, 2])
    assert "Slice" not in op_types(graph)


def test_simplify_leaves_its_argument_alone() -> None:
    dense = dense_graph(random_network(seed=4))
    before = [(node.op_type, tuple(node.inputs), tuple(node.outputs), dict(node.attributes)) for node in dense.nodes]
    constants = {name: value.copy() for name, value in dense.constants.items()}
    simplify(dense)
    after = [(node.op_type, tuple(node.inputs), tuple(node.outputs), dict(node.attributes)) for node in dense.nodes]
    assert after == before
    assert constants.keys() == dense.constants.keys()
    for name, value in constants.items():
        np.testing.assert_array_equal(dense.constants[name], value)


def test_simplify_twice_changes_nothing() -> None:
    once = simplify(dense_graph(random_network(seed=6)))
    twice = simplify(once)
    assert [node.outputs for node in twice.nodes] == [node.outputs for node in once.nodes]
    assert op_types(twice) == op_types(once)
