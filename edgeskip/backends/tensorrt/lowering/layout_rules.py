"""How an op reads channels-last tensors: as it is, with its axes moved, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.place_masks import POINTWISE

TO_LAST = (0, 2, 3, 1)
_AXIS_IN_LAST = (0, 3, 1, 2)  # axis k of [N, C, H, W] in [N, H, W, C]
# pointwise, but with parameters along axis 1
BLIND = POINTWISE - {"BatchNormalization", "LRN", "Dropout"}


@dataclass
class Moved:
    """A node for channels-last tensors: `data` are the inputs that it reads so; `result_last` says how it writes."""

    node: Node
    data: frozenset[int]
    result_last: bool = True


def move(node: Node, graph: Graph) -> Moved | None:
    """`node` rewritten, or None where it has to see channels first."""
    if node.domain or not all(_rank(graph, name) == 4 for name in node.outputs if name):
        return None
    if node.op_type in BLIND:
        return _blind(node, graph)
    rule = _RULES.get(node.op_type)
    return rule(node, graph) if rule and _rank(graph, node.inputs[0]) == 4 else None


def _blind(node: Node, graph: Graph) -> Moved | None:
    """Element-wise: constants are transposed with the pictures; other variables have to be pictures or numbers."""
    data, inputs = set(), list(node.inputs)
    for index, name in enumerate(node.inputs):
        rank = _rank(graph, name)
        if not name or rank == 0:
            continue
        if name not in graph.constants:
            if rank != 4:
                return None
            data.add(index)
            continue
        value = graph.constants[name]
        if value.ndim > 4:
            return None
        if value.size > 1:
            full = value.reshape((1,) * (4 - value.ndim) + value.shape)
            inputs[index] = _constant(graph, f"{name}.nhwc", np.ascontiguousarray(full.transpose(TO_LAST)))
    return Moved(_copy(node, inputs), frozenset(data))


def _axis(node: Node, graph: Graph) -> Moved | None:
    """Concat, Split, Softmax and the like: one axis."""
    default = -1 if node.op_type in ("Softmax", "LogSoftmax", "Hardmax") else 0
    axis = int(node.attributes.get("axis", default)) % 4
    if not node.attributes.get("keepdims", 1):
        return None
    data = range(len(node.inputs)) if node.op_type == "Concat" else [0]
    if any(_rank(graph, node.inputs[index]) != 4 for index in data):
        return None
    return Moved(_copy(node, axis=_AXIS_IN_LAST[axis]), frozenset(data))


def _gather(node: Node, graph: Graph) -> Moved | None:
    indices = graph.constant(node.inputs[1])
    return _axis(node, graph) if indices is not None and indices.ndim == 1 else None


def _slice(node: Node, graph: Graph) -> Moved | None:
    values = [graph.constant(name) if name else None for name in node.inputs[1:]]
    if any(value is None and name for value, name in zip(values, node.inputs[1:], strict=True)) or not values:
        return None
    axes = values[2] if len(values) > 2 and values[2] is not None else np.arange(len(values[0]))
    moved = _constant(graph, f"{node.outputs[0]}.axes", np.array([_AXIS_IN_LAST[int(axis) % 4] for axis in axes]))
    inputs = [*node.inputs[:3], moved, *node.inputs[4:]]
    return Moved(_copy(node, inputs), frozenset([0]))


def _pad(node: Node, graph: Graph) -> Moved | None:
    pads = graph.constant(node.inputs[1])
    if pads is None or node.input(3) or len(pads) != 8:
        return None
    moved = np.array([pads[axis + end] for end in (0, 4) for axis in TO_LAST], np.int64)
    inputs = [node.inputs[0], _constant(graph, f"{node.outputs[0]}.pads.nhwc", moved), *node.inputs[2:]]
    return Moved(_copy(node, inputs), frozenset([0]))


def _reduction(node: Node, graph: Graph) -> Moved | None:
    axes = node.attributes.get("axes")
    if axes is None and node.input(1):
        axes = graph.constant(node.input(1))
    if axes is None or not node.attributes.get("keepdims", 1):
        return None
    moved = [_AXIS_IN_LAST[int(axis) % 4] for axis in axes]
    if "axes" in node.attributes:
        return Moved(_copy(node, axes=moved), frozenset([0]))
    inputs = [node.inputs[0], _constant(graph, f"{node.outputs[0]}.axes", np.array(moved, np.int64))]
    return Moved(_copy(node, inputs), frozenset([0]))


def _resize(node: Node, graph: Graph) -> Moved | None:
    """Nearest only: TensorRT's linear resize works on the last dimensions, which are not the picture's here."""
    if node.attributes.get("mode", "nearest") != "nearest" or "axes" in node.attributes or node.input(1):
        return None
    inputs = list(node.inputs)
    for index in (2, 3):
        if not node.input(index):
            continue
        value = graph.constant(node.inputs[index])
        if value is None or value.size not in (0, 4):
            return None
        if value.size:
            inputs[index] = _constant(graph, f"{node.outputs[0]}.size{index}.nhwc", value[list(TO_LAST)])
    return Moved(_copy(node, inputs), frozenset([0]))


def _global_pool(node: Node, graph: Graph) -> Moved:
    kind = "ReduceMean" if node.op_type == "GlobalAveragePool" else "ReduceMax"
    if graph.opset < 18:
        moved = Node(kind, list(node.inputs), list(node.outputs), {"axes": [1, 2], "keepdims": 1}, "", node.name)
    else:
        axes = _constant(graph, f"{node.outputs[0]}.axes", np.array([1, 2], np.int64))
        moved = Node(kind, [node.inputs[0], axes], list(node.outputs), {"keepdims": 1}, "", node.name)
    return Moved(moved, frozenset([0]))


def _transpose(node: Node, graph: Graph) -> Moved:
    """The order that the node asks for, out of the order that is there: what a head wants is often no work at all."""
    wanted = [_AXIS_IN_LAST[axis] for axis in node.attributes.get("perm", [3, 2, 1, 0])]
    moved = _copy(node, perm=wanted)
    if wanted == sorted(wanted):
        moved.op_type, moved.attributes = "Identity", {}
    return Moved(moved, frozenset([0]), result_last=False)


def _copy(node: Node, inputs: list[str] | None = None, **attributes: Any) -> Node:
    values = {**node.attributes, **attributes}
    return Node(node.op_type, list(inputs or node.inputs), list(node.outputs), values, node.domain, node.name)


def _constant(graph: Graph, hint: str, value: np.ndarray) -> str:
    return graph.add_constant(hint, value)


def _rank(graph: Graph, tensor: str) -> int | None:
    shape = graph.shape(tensor)
    return None if shape is None else len(shape)


_RULES: dict[str, Callable[[Node, Graph], Moved | None]] = {
    **dict.fromkeys(("Concat", "Split", "Softmax", "LogSoftmax", "Hardmax", "ArgMax", "ArgMin"), _axis),
    **dict.fromkeys((
        "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
        "ReduceSum", "ReduceSumSquare",
    ), _reduction),
    "Gather": _gather,
    "Slice": _slice,
    "Pad": _pad,
    "Resize": _resize,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "Transpose": _transpose,
}  # fmt: skip
