"""A skip convolution that stays TensorRT's own: dense convolution, then a gate that compares with the last output.

The gate's mask is that of the contract. Outside of the candidates no input changed, so the dense convolution gives the
value of the frame before; that one was published, or was within the threshold, and is so again. P2 and P3 follow.
"""

from __future__ import annotations

import math

from edgeskip.backends.tensorrt.lowering.plugin_ops import plugin_gate
from edgeskip.core.contract import SKIP_CONV
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.passes.expand import expand_fused
from edgeskip.graph.passes.fused_conv import DOMAIN, OP_TYPE

_GEOMETRY = (
    "kernel_shape", "strides", "pads", "dilations", "group", "transposed", "output_padding", "activation", "alpha",
    "beta",
)  # fmt: skip
_RAW = ".raw"


def own_layer(node: Node, graph: Graph, name: str) -> list[Node]:
    """The nodes that stand for `node`, the convolution still as one FusedConv."""
    given = dict(zip(SKIP_CONV.inputs, node.inputs, strict=False))
    raw = graph.fresh(f"{name}{_RAW}")
    graph.info[raw] = graph.info[node.outputs[0]]
    attributes = {key: node.attributes[key] for key in _GEOMETRY}
    convolution = Node(OP_TYPE, [given[key] for key in ("x", "w", "b", "z")], [raw], attributes, DOMAIN, name)
    gate = {"threshold": node.attributes["threshold"], "threshold_signed": math.inf, "norm": node.attributes["norm"]}
    return [convolution, plugin_gate(raw, given["y_prev"], list(node.outputs[:2]), {**gate, "window": 1})]


def expand_own(graph: Graph) -> Graph:
    """A copy of `graph` whose FusedConv nodes are standard ops, every tensor between with its type."""
    raws = [node.outputs[0] for node in graph.nodes if node.op_type == OP_TYPE and node.domain == DOMAIN]
    result = expand_fused(graph)
    for raw in raws:
        info = result.info[raw]
        for ending in (".sum", ".conv", ".gate"):
            result.info.setdefault(f"{raw}{ending}", TensorInfo(info.dtype, info.shape))
    written = {output for node in result.nodes for output in node.outputs} | set(result.inputs)
    result.info = {tensor: info for tensor, info in result.info.items() if tensor in written}
    return result
