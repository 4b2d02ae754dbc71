"""The oldest ONNX that can say the network: opset 17 and IR 8 are what the parser of TensorRT 8.6 knows."""

from __future__ import annotations

from collections.abc import Callable

from edgeskip.graph.ir import Graph, Node

OLD_OPSET, OLD_IR, NEW_IR = 17, 8, 10


def settle_opset(graph: Graph) -> list[str]:
    """Lower `graph` to opset 17 where every op allows it; returns the ops that do not (empty: it was done)."""
    if graph.opset <= OLD_OPSET:
        return []
    rewritten, newer = [], []
    for node in graph.nodes:
        old = _as_old(node, graph)
        rewritten.append(old or node)
        if old is None:
            newer.append(node.op_type)
    if newer:
        return sorted(set(newer))
    graph.nodes, graph.opset = rewritten, OLD_OPSET
    return []


def ir_version(graph: Graph) -> int:
    """ONNX IR version to write `graph` in."""
    return OLD_IR if graph.opset <= OLD_OPSET else NEW_IR


def _as_old(node: Node, graph: Graph) -> Node | None:
    if node.domain or _since(node.op_type, graph.opset) <= OLD_OPSET:
        return node
    rule = _RULES.get(node.op_type)
    if rule is None and node.op_type.startswith("Reduce"):
        rule = _reduction
    return rule(node, graph) if rule else None


def _since(op_type: str, opset: int) -> int:
    """The opset in which the meaning that `op_type` has in `opset` came."""
    from onnx import defs

    try:
        return defs.get_schema(op_type, opset).since_version
    except defs.SchemaError:
        return opset


def _reduction(node: Node, graph: Graph) -> Node | None:
    """Axes were an attribute (save ReduceSum's)."""
    if not node.input(1):
        return node if not node.attributes.get("noop_with_empty_axes") else None
    axes = graph.constant(node.inputs[1])
    if axes is None:
        return None
    attributes = {key: value for key, value in node.attributes.items() if key != "noop_with_empty_axes"}
    return _copy(node, node.inputs[:1], {**attributes, "axes": [int(axis) for axis in axes]})


def _split(node: Node, graph: Graph) -> Node | None:
    """Parts of equal size needed no count."""
    shape = graph.shape(node.inputs[0])
    axis = int(node.attributes.get("axis", 0))
    count = node.attributes.get("num_outputs")
    if count is None:
        return node
    if shape is None or not isinstance(shape[axis], int) or shape[axis] % count:
        return None
    return _copy(node, node.inputs, {"axis": axis})


def _without(*names: str) -> Callable[[Node, Graph], Node | None]:
    """The op as it was, where attributes that came later are not used."""

    def rule(node: Node, graph: Graph) -> Node | None:
        used = [name for name in names if node.attributes.get(name) not in (None, 0, "stretch", [])]
        if used or (node.op_type == "Pad" and (node.input(3) or node.attributes.get("mode") == "wrap")):
            return None
        kept = {key: value for key, value in node.attributes.items() if key not in names}
        return _copy(node, node.inputs, kept)

    return rule


def _copy(node: Node, inputs: list[str], attributes: dict) -> Node:
    return Node(node.op_type, list(inputs), list(node.outputs), attributes, node.domain, node.name)


_RULES: dict[str, Callable[[Node, Graph], Node | None]] = {
    **dict.fromkeys((
        "Add", "And", "BitwiseNot", "Cast", "Clip", "Concat", "Constant", "Equal", "Flatten", "Identity", "IsInf",
        "IsNaN", "Reshape", "Shape", "Size", "Sqrt", "Squeeze", "Transpose", "Unsqueeze", "GlobalMaxPool",
        "GlobalAveragePool", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Relu", "Conv", "ConvTranspose", "MaxPool",
        "GridSample", "ConstantOfShape",
    ), _without("allowzero", "saturate", "round_mode")),
    "AveragePool": _without("dilations"),
    "Pad": _without(),
    "Resize": _without("axes", "antialias", "keep_aspect_ratio_policy"),
    "Split": _split,
}  # fmt: skip
