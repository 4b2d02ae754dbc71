"""Conv and ConvTranspose over pictures become FusedConv with every attribute written out."""

from __future__ import annotations

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.auto_pad import same_pads
from edgeskip.graph.passes.fused_conv import DOMAIN, OP_TYPE


def canonical_convs(graph: Graph) -> int:
    """Rewrite each 2-D convolution whose weights and bias are constants; the others stay."""
    changes = 0
    for node in graph.nodes:
        if node.op_type in ("Conv", "ConvTranspose") and node.domain == "" and _has_constant_weights(graph, node):
            attributes = _attributes(graph, node)
            if attributes is not None:
                node.op_type, node.domain, node.attributes = OP_TYPE, DOMAIN, attributes
                changes += 1
    return changes


def _has_constant_weights(graph: Graph, node: Node) -> bool:
    weight = graph.constant(node.inputs[1])
    if weight is None or weight.ndim != 4 or weight.dtype != "float32":
        return False
    return not node.input(2) or graph.constant(node.inputs[2]) is not None


def _attributes(graph: Graph, node: Node) -> dict[str, object] | None:
    """Attributes of the FusedConv, or None where the padding is one that it can't express."""
    source = node.attributes
    transposed = int(node.op_type == "ConvTranspose")
    attributes: dict[str, object] = {
        "kernel_shape": list(graph.constants[node.inputs[1]].shape[2:]),
        "strides": list(source.get("strides", [1, 1])),
        "dilations": list(source.get("dilations", [1, 1])),
        "group": int(source.get("group", 1)),
        "transposed": transposed,
        "output_padding": list(source.get("output_padding", [0, 0])),
        "activation": "none",
        "alpha": [],
        "beta": 0.0,
    }
    pads = _transposed_pads(graph, node, attributes) if transposed else _pads(graph, node, attributes)
    if pads is None or min(pads) < 0:
        return None
    attributes["pads"] = pads
    return attributes


def _pads(graph: Graph, node: Node, attributes: dict) -> list[int] | None:
    mode = node.attributes.get("auto_pad", "NOTSET")
    if mode == "NOTSET":
        return list(node.attributes.get("pads", [0, 0, 0, 0]))
    if mode == "VALID":
        return [0, 0, 0, 0]
    return same_pads(graph.shape(node.inputs[0]), mode, attributes)


def _transposed_pads(graph: Graph, node: Node, attributes: dict) -> list[int] | None:
    """Pads of a ConvTranspose; `output_shape` and auto_pad as in the ONNX operator's formula."""
    source = node.attributes
    mode = source.get("auto_pad", "NOTSET")
    if "output_shape" not in source:
        if mode == "NOTSET":
            return list(source.get("pads", [0, 0, 0, 0]))
        if mode == "VALID":
            return [0, 0, 0, 0]
    shape = graph.shape(node.inputs[0])
    if shape is None or not all(isinstance(size, int) for size in shape[2:]):
        return None
    begin, end = [], []
    for axis in range(2):
        stride = attributes["strides"][axis]
        extent = (attributes["kernel_shape"][axis] - 1) * attributes["dilations"][axis] + 1
        full = stride * (shape[2 + axis] - 1) + attributes["output_padding"][axis] + extent
        wanted = source["output_shape"][-2 + axis] if "output_shape" in source else shape[2 + axis] * stride
        total = full - wanted
        first = total // 2 if mode == "SAME_UPPER" else total - total // 2
        begin.append(first)
        end.append(total - first)
    return begin + end
