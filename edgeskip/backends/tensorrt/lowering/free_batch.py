"""A network that was exported for one picture, opened for several streams: where every op treats pictures alike.

Exporters fix the batch to 1 unless they are told otherwise. All ops of the contract treat each picture by itself, and
so do most others; a Resize or Reshape that names the 1 is rewritten. Where one op can't be judged the batch stays 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeskip.backends.tensorrt.lowering.batch import BATCH
from edgeskip.backends.tensorrt.lowering.layout_rules import BLIND
from edgeskip.backends.tensorrt.lowering.names import is_plugin
from edgeskip.graph.ir import Graph, Node, TensorInfo

# each picture by itself, whatever the attributes
_ALWAYS = frozenset([
    "AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "DepthToSpace", "GlobalAveragePool", "GlobalMaxPool",
    "InstanceNormalization", "LRN", "LpPool", "MaxPool", "SpaceToDepth",
])  # fmt: skip
_ONE_AXIS = frozenset(["ArgMax", "ArgMin", "Gather", "Hardmax", "LogSoftmax", "Softmax", "Split"])
_LAST_BY_DEFAULT = frozenset(["Hardmax", "LogSoftmax", "Softmax"])


def free_batch(graph: Graph) -> bool:
    """Give every tensor of `graph` the batch `N` in place of 1; False, and nothing done, where that is not safe."""
    if any(not (shape := graph.info[name].shape) or shape[0] != 1 for name in graph.inputs):
        return False
    rewritten: list[tuple[Node, int, np.ndarray]] = []
    for node in graph.nodes:
        if not _treats_pictures_alike(node, graph, rewritten):
            return False
    for node, index, value in rewritten:
        node.inputs[index] = graph.add_constant(f"{node.outputs[0]}.batch", value)
    for node in graph.nodes:
        if node.op_type == "Resize" and node.input(2) and node.input(3):
            node.inputs = node.inputs[:3]
    for name, info in graph.info.items():
        if info.shape:
            graph.info[name] = TensorInfo(info.dtype, (BATCH, *info.shape[1:]))
    return True


def _treats_pictures_alike(node: Node, graph: Graph, rewritten: list[tuple[Node, int, np.ndarray]]) -> bool:
    if is_plugin(node) or (node.domain == "" and node.op_type in _ALWAYS):
        return True
    infos = [graph.info.get(name) for name in node.outputs if name]
    if node.domain or any(info is None or not info.shape or info.shape[0] != 1 for info in infos):
        return False
    if node.op_type in BLIND:
        return all(_broadcasts(graph, name, len(infos[0].shape)) for name in node.inputs if name)
    if node.op_type in _ONE_AXIS:
        return _axis_is_inner(node, graph)
    if node.op_type.startswith("Reduce"):
        return _reduces_inside(node, graph)
    rule = _RULES.get(node.op_type)
    return rule is not None and rule(node, graph, rewritten)


def _broadcasts(graph: Graph, name: str, rank: int) -> bool:
    """A constant over all pictures, or a tensor of as many dimensions, whose first is the batch."""
    shape = graph.shape(name)
    if name in graph.constants:
        return len(shape) < rank or shape[0] == 1
    return shape is not None and (len(shape) == 0 or len(shape) == rank)


def _axis_is_inner(node: Node, graph: Graph) -> bool:
    axis = int(node.attributes.get("axis", -1 if node.op_type in _LAST_BY_DEFAULT else 0))
    rank = len(graph.shape(node.inputs[0]) or ())
    return rank > 0 and axis % rank != 0 and (node.op_type != "Gather" or node.inputs[0] not in graph.constants)


def _reduces_inside(node: Node, graph: Graph) -> bool:
    axes = node.attributes.get("axes")
    if axes is None and node.input(1):
        axes = graph.constant(node.inputs[1])
    rank = len(graph.shape(node.inputs[0]) or ())
    return axes is not None and rank > 0 and all(int(axis) % rank != 0 for axis in axes)


def _concat(node: Node, graph: Graph, rewritten: list) -> bool:
    constants = any(name in graph.constants for name in node.inputs)
    return not constants and node.attributes["axis"] % len(graph.shape(node.outputs[0])) != 0


def _slice(node: Node, graph: Graph, rewritten: list) -> bool:
    axes = graph.constant(node.input(3)) if node.input(3) else None
    rank = len(graph.shape(node.outputs[0]))
    return axes is not None and all(int(axis) % rank != 0 for axis in axes)


def _pad(node: Node, graph: Graph, rewritten: list) -> bool:
    pads = graph.constant(node.input(1))
    return pads is not None and not node.input(3) and pads[0] == 0 == pads[len(pads) // 2]


def _transpose(node: Node, graph: Graph, rewritten: list) -> bool:
    return "perm" in node.attributes and node.attributes["perm"][0] == 0


def _flatten(node: Node, graph: Graph, rewritten: list) -> bool:
    return node.attributes.get("axis", 1) == 1


def _resize(node: Node, graph: Graph, rewritten: list) -> bool:
    """Sizes name the batch; the scales that give the same size do not."""
    scales = graph.constant(node.input(2)) if node.input(2) else None
    if scales is not None and scales.size:
        return float(scales[0]) == 1
    before, after = graph.shape(node.inputs[0]), graph.shape(node.outputs[0])
    if "axes" in node.attributes or before is None or not all(isinstance(size, int) for size in (*before, *after)):
        return False
    factors = np.array(after, np.float32) / np.array(before, np.float32)
    if [int(np.floor(size * factor)) for size, factor in zip(before, factors, strict=True)] != list(after):
        return False
    node.inputs += [""] * (4 - len(node.inputs))
    rewritten.append((node, 2, factors.astype(np.float32)))
    return True


def _reshape(node: Node, graph: Graph, rewritten: list) -> bool:
    """[1, ...] becomes [0, ...], which takes the input's first size; [-1, ...] may stay if the rest is one picture."""
    shape, before = graph.constant(node.inputs[1]), graph.shape(node.inputs[0])
    if shape is None or not shape.size or before is None or before[0] != 1 or node.attributes.get("allowzero"):
        return False
    if not all(isinstance(size, int) for size in before):
        return False
    if shape[0] == -1:
        kept = [before[k] if size == 0 else int(size) for k, size in enumerate(shape) if k]
        return int(np.prod(kept)) == int(np.prod(before))
    if shape[0] == 1:
        rewritten.append((node, 1, np.concatenate([[0], shape[1:]]).astype(np.int64)))
    return shape[0] in (0, 1)


_RULES: dict[str, Callable[[Node, Graph, list], bool]] = {
    "Concat": _concat, "Slice": _slice, "Pad": _pad, "Transpose": _transpose, "Flatten": _flatten, "Resize": _resize,
    "Reshape": _reshape,
}  # fmt: skip
