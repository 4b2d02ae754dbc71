"""How a mask passes through an op that is no skip convolution: one rule per op, None where there is none.

An op without a rule stays dense, and what changed in its output is found by comparing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.reference.pooling import pool_geometry
from edgeskip.graph.reference.resize import COORDINATES, NEAREST


@dataclass(frozen=True)
class MaskRule:
    """The mask of a node's outputs: `SkipMask(kind, **attributes)` of the masks of `inputs`.

    kind "union" of a single mask is that mask.
    """

    kind: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)


# the output at a pixel depends on the inputs at that pixel only
POINTWISE = frozenset([
    "Abs", "Acos", "Add", "And", "Asin", "Atan", "BatchNormalization", "BitShift", "Cast", "Ceil", "Celu", "Clip",
    "Cos", "Cosh", "Div", "Dropout", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual",
    "HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN", "LRN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max",
    "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu",
    "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Swish", "Tan", "Tanh",
    "ThresholdedRelu", "Where", "Xor",
])  # fmt: skip
_OVER_CHANNELS = frozenset({"Softmax", "LogSoftmax", "Hardmax"})
_REDUCTIONS = frozenset([
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSum", "ReduceSumSquare",
])  # fmt: skip


def mask_rule(node: Node, graph: Graph) -> MaskRule | None:
    """The rule of `node`, or None where it has to stay dense."""
    if node.domain or not all(_picture(graph, name) for name in node.outputs if name):
        return None
    if node.op_type in POINTWISE:
        return _pointwise(node, graph)
    rule = _RULES.get(node.op_type)
    if rule is None or _picture(graph, node.inputs[0]) is None:
        return None
    return rule(node, graph)


def size_of(graph: Graph, tensor: str) -> tuple[int, int] | None:
    """(height, width) of a picture tensor [N, C, H, W] with fixed C, H and W, None for anything else."""
    return _picture(graph, tensor)


def _picture(graph: Graph, tensor: str) -> tuple[int, int] | None:
    shape = graph.shape(tensor)
    if shape is None or len(shape) != 4 or not all(isinstance(size, int) for size in shape[1:]):
        return None
    return shape[2], shape[3]  # type: ignore[return-value]


def _variables(node: Node, graph: Graph) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in node.inputs if name and graph.constant(name) is None))


def _pointwise(node: Node, graph: Graph) -> MaskRule | None:
    """Union; an input of one pixel broadcasts. A constant may not be what gives the output its size."""
    inputs, size = _variables(node, graph), _picture(graph, node.outputs[0])
    sizes = [_picture(graph, name) for name in inputs]
    if not inputs or any(other not in (size, (1, 1)) for other in sizes) or size not in sizes:
        return None
    if len([name for name in node.outputs if name]) > 1:
        return None
    return MaskRule("union", inputs)


def _concat(node: Node, graph: Graph) -> MaskRule | None:
    if node.attributes["axis"] not in (1, -3):
        return None
    inputs = _variables(node, graph)
    return MaskRule("union", inputs) if inputs else None


def _same_over_channels(node: Node, graph: Graph) -> MaskRule | None:
    default = -1 if node.op_type in _OVER_CHANNELS else 0
    axis = node.attributes.get("axis", default)
    kept = node.attributes.get("keepdims", 1)
    if axis not in (1, -3) or not kept or len(_variables(node, graph)) != 1:
        return None
    return MaskRule("union", (node.inputs[0],))


def _reduction(node: Node, graph: Graph) -> MaskRule | None:
    axes = node.attributes.get("axes")
    if axes is None and node.input(1):
        axes = graph.constant(node.input(1))
    if axes is None or not node.attributes.get("keepdims", 1):
        return None
    axes = sorted(int(axis) % 4 for axis in axes)
    if axes == [1]:
        return MaskRule("union", (node.inputs[0],))
    return MaskRule("reduce", (node.inputs[0],)) if axes == [2, 3] else None


def _pool(node: Node, graph: Graph) -> MaskRule | None:
    size = _picture(graph, node.inputs[0])
    if len([name for name in node.outputs if name]) > 1 or len(node.attributes["kernel_shape"]) != 2:
        return None
    return MaskRule("pool", (node.inputs[0],), pool_geometry(node, size))


def _global_pool(node: Node, graph: Graph) -> MaskRule:
    return MaskRule("reduce", (node.inputs[0],))


def _gather(node: Node, graph: Graph) -> MaskRule | None:
    indices = graph.constant(node.inputs[1])
    if node.attributes.get("axis", 0) not in (1, -3) or indices is None or indices.ndim != 1:
        return None
    return MaskRule("union", (node.inputs[0],))


def _slice(node: Node, graph: Graph) -> MaskRule | None:
    shape = graph.shape(node.inputs[0])
    values = [graph.constant(name) if name else None for name in (*node.inputs[1:], "", "")[:4]]
    if values[0] is None or values[1] is None or _is_variable(node, graph, 3) or _is_variable(node, graph, 4):
        return None
    count = len(values[0])
    axes = [int(axis) % 4 for axis in values[2]] if values[2] is not None else list(range(count))
    steps = [int(step) for step in values[3]] if values[3] is not None else [1] * count
    window = {axis: slice(int(values[0][k]), int(values[1][k]), steps[k]) for k, axis in enumerate(axes)}
    if 0 in window or any(window[axis].step < 1 for axis in (2, 3) if axis in window):
        return None
    if not {2, 3} & window.keys():
        return MaskRule("union", (node.inputs[0],))
    ranges = [window.get(axis, slice(0, shape[axis], 1)).indices(shape[axis]) for axis in (2, 3)]
    starts, ends, steps = (list(column) for column in zip(*ranges, strict=True))
    return MaskRule("slice", (node.inputs[0],), {"starts": starts, "ends": ends, "steps": steps})


def _pad(node: Node, graph: Graph) -> MaskRule | None:
    pads = graph.constant(node.inputs[1])
    if node.attributes.get("mode", "constant") != "constant" or pads is None:
        return None
    if _is_variable(node, graph, 2) or _is_variable(node, graph, 3):
        return None
    axes = graph.constant(node.input(3)) if node.input(3) else np.arange(4)
    before, after = np.zeros(4, int), np.zeros(4, int)
    for k, axis in enumerate(axes):
        before[axis], after[axis] = pads[k], pads[k + len(axes)]
    if before[0] or after[0]:
        return None
    spatial = [int(value) for value in (*before[2:], *after[2:])]
    source = (node.inputs[0],)
    return MaskRule("pad", source, {"pads": spatial}) if any(spatial) else MaskRule("union", source)


def _resize(node: Node, graph: Graph) -> MaskRule | None:
    attributes = node.attributes
    mode = attributes.get("mode", "nearest")
    coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
    nearest = attributes.get("nearest_mode", "round_prefer_floor")
    if mode not in ("nearest", "linear") or coordinates not in COORDINATES or nearest not in NEAREST:
        return None
    if attributes.get("antialias", 0) or attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        return None
    shape, out = graph.shape(node.inputs[0]), graph.shape(node.outputs[0])
    if shape[1] != out[1] or "axes" in attributes or _is_variable(node, graph, 2) or _is_variable(node, graph, 3):
        return None
    scales = graph.constant(node.input(2)) if node.input(2) else None
    given = [float(value) for value in scales[2:]] if scales is not None and scales.size else []
    geometry = {"mode": mode, "coordinate_transformation_mode": coordinates, "nearest_mode": nearest}
    return MaskRule("resize", (node.inputs[0],), {**geometry, "scales": given, "sizes": [out[2], out[3]]})


def _depth_to_space(node: Node, graph: Graph) -> MaskRule:
    return MaskRule("upsample", (node.inputs[0],), {"factor": node.attributes["blocksize"]})


def _space_to_depth(node: Node, graph: Graph) -> MaskRule:
    block = [node.attributes["blocksize"]] * 2
    return MaskRule("pool", (node.inputs[0],), {"kernel_shape": block, "strides": block})


def _is_variable(node: Node, graph: Graph, index: int) -> bool:
    return bool(node.input(index)) and graph.constant(node.input(index)) is None


_RULES: dict[str, Callable[[Node, Graph], MaskRule | None]] = {
    "Concat": _concat,
    "Split": _same_over_channels,
    "ArgMax": _same_over_channels,
    "ArgMin": _same_over_channels,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "LpPool": _pool,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "Gather": _gather,
    "Slice": _slice,
    "Pad": _pad,
    "Resize": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    **dict.fromkeys(_OVER_CHANNELS, _same_over_channels),
    **dict.fromkeys(_REDUCTIONS, _reduction),
}
