"""Helpers for tests of the passes over dense graphs."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.onnx_io import load_graph, to_proto
from edgeskip.graph.passes import expand_fused, simplify
from support.networks import random_picture
from support.onnx_run import run_all_tensors, run_model

TOLERANCE = 1e-4  # of the largest value: rounding of folded weights, summed over the depth
HELPERS = (".blocks", ".padded", ".partial", ".conv", ".sum", ".gate")


def dense_graph(model: onnx.ModelProto) -> Graph:
    """`model` as `load_graph` reads it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        onnx.save(model, str(path))
        return load_graph(path)


def simplified(model: onnx.ModelProto, seed: int = 1) -> Graph:
    """The canonical graph of `model`, after it was checked to compute the same."""
    graph = simplify(dense_graph(model))
    assert_equal_results(model, graph, seed)
    return graph


def assert_equal_results(model: onnx.ModelProto, graph: Graph, seed: int, picture: np.ndarray | None = None) -> None:
    """`graph` in ONNX Runtime gives the outputs of `model`; each of its tensors is one of `model`'s."""
    picture = random_picture(model, seed, batch=2) if picture is None else picture
    expected, written = run_all_tensors(model, picture), expand_fused(graph)
    onnx.checker.check_model(to_proto(written))
    outputs = run_model(to_proto(written), picture)
    assert list(outputs) == [output.name for output in model.graph.output]
    for name, value in outputs.items():
        _assert_close(value, expected[name], f"output {name}, seed {seed}")
    names = {name for node in graph.nodes for name in node.outputs if name and not _is_helper(name)}
    assert names <= set(expected), f"tensors that the network does not have: {sorted(names - set(expected))}"
    values = run_all_tensors(to_proto(written), picture)
    for name in names:
        _assert_close(values[name], expected[name], f"tensor {name}, seed {seed}")


def _is_helper(name: str) -> bool:
    return any(part in name for part in HELPERS)


def _assert_close(value: np.ndarray, expected: np.ndarray, what: str) -> None:
    assert value.shape == expected.shape, what
    same = value == expected  # infinities too
    difference = np.abs(np.where(same, 0, value) - np.where(same, 0, expected)).max()
    error = difference / max(float(np.abs(expected).max()), 1e-6)
    assert error <= TOLERANCE, f"{what}: {error:.2e} of the largest value"


def op_types(graph: Graph) -> Counter[str]:
    """How often each op occurs."""
    return Counter(node.op_type for node in graph.nodes)


def only_conv(graph: Graph) -> Node:
    """The graph's one FusedConv."""
    convs = [node for node in graph.nodes if node.op_type == "FusedConv"]
    assert len(convs) == 1, op_types(graph)
    return convs[0]
