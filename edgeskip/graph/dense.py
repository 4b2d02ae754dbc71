"""The dense network inside a skip model, so that peers and agreement need no other file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeskip.core.contract import METADATA_KEY, SKIP_CONV
from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes import expand_fused
from edgeskip.graph.passes.copy_graph import copy_graph
from edgeskip.graph.passes.fused_conv import DOMAIN as FUSED_DOMAIN
from edgeskip.graph.passes.fused_conv import OP_TYPE as FUSED_OP
from edgeskip.graph.passes.trained_gates import INPUT
from edgeskip.graph.skip_model import SkipModel, dense_name, is_op

if TYPE_CHECKING:
    from onnx import ModelProto

_SKIP_ONLY = ("threshold", "norm", "block")


def dense_model(skip: SkipModel) -> ModelProto:
    """The dense equivalent of `skip` in standard ops, with the dense network's tensor names."""
    from edgeskip.graph.onnx_io import to_proto

    return to_proto(expand_fused(dense_graph(skip)))


def dense_graph(skip: SkipModel) -> Graph:
    """The dense equivalent in canonical form: gates, masks and states dropped, convolutions FusedConv."""
    graph = copy_graph(skip.graph)
    names = _dense_names(graph)
    graph.info = {names.get(name, name): info for name, info in graph.info.items()}
    graph.nodes = [_dense(node, names) for node in graph.nodes if not is_op(node) or is_op(node, "SkipConv")]
    # where a state was also an output of the network, an Identity copied it
    graph.nodes = [node for node in graph.nodes if not (node.op_type == "Identity" and node.inputs == node.outputs)]
    graph.inputs, graph.outputs = list(skip.frame_inputs), list(skip.outputs)
    graph.metadata.pop(METADATA_KEY, None)
    graph.remove_unused()
    return graph


def _dense_names(graph: Graph) -> dict[str, str]:
    """File name to dense name, of what gates and convolutions read and write."""
    names: dict[str, str] = {}
    convolved = {dense_name(node.outputs[0]) for node in graph.nodes if is_op(node, "SkipConv")}
    for node in graph.nodes:
        if is_op(node, "SkipConv"):
            names[node.outputs[0]] = dense_name(node.outputs[0])
        if is_op(node, "SkipGate"):
            source = node.inputs[0]
            tensor = dense_name(node.outputs[0])
            if tensor.endswith(f".{INPUT}") and tensor.removesuffix(f".{INPUT}") in convolved:
                names[node.outputs[0]] = names.get(source, source)  # a layer's own gate, other readers go past it
                continue
            names[node.outputs[0]] = source if source in graph.inputs else tensor
            if source not in graph.inputs:
                names[source] = names[node.outputs[0]]
    return names


def _dense(node: Node, names: dict[str, str]) -> Node:
    outputs = [names.get(name, name) for name in node.outputs]
    if not is_op(node, "SkipConv"):
        inputs = [names.get(name, name) for name in node.inputs]
        return Node(node.op_type, inputs, outputs, node.attributes, node.domain, node.name)
    given = dict(zip(SKIP_CONV.inputs, node.inputs, strict=False))
    inputs = [names.get(given.get(key, ""), given.get(key, "")) for key in ("x", "w", "b", "z")]
    attributes = {key: value for key, value in node.attributes.items() if key not in _SKIP_ONLY}
    return Node(FUSED_OP, inputs, outputs[:1], attributes, FUSED_DOMAIN, node.name)
