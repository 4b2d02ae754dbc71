"""Shape arithmetic becomes constants, also where the batch is symbolic."""

from __future__ import annotations

import math

import numpy as np

from edgeskip.graph.ir import Dim, Graph, Node

Dims = list[Dim]


def fold_shapes(graph: Graph) -> int:
    """Follow integer vectors from Shape on; write what is known as constants."""
    known: dict[str, Dims] = {}
    changes = 0
    for node in list(graph.nodes):
        value = _value(graph, known, node) if not node.domain else None
        if value is not None and not any(name in graph.outputs for name in node.outputs):
            known[node.outputs[0]] = value
            changes += _store(graph, node, value)
        if node.op_type == "Reshape" and not node.domain:
            changes += _fix_reshape(graph, known, node)
        elif node.op_type == "Resize" and not node.domain:
            changes += _fix_resize(graph, node)
    return changes


def _store(graph: Graph, node: Node, value: Dims) -> int:
    if not all(isinstance(entry, int) for entry in value):
        return 0
    info = graph.info.pop(node.outputs[0], None)
    array = np.array(value, np.int64)
    graph.constants[node.outputs[0]] = array.reshape(()) if info and info.shape == () else array
    graph.nodes.remove(node)
    return 1


def _value(graph: Graph, known: dict[str, Dims], node: Node) -> Dims | None:
    """Entries of the integer vector that `node` writes; symbolic ones are names or None."""
    if node.op_type == "Shape":
        shape = graph.shape(node.inputs[0])
        if shape is None:
            return None
        return list(shape)[node.attributes.get("start", 0) : node.attributes.get("end", len(shape))]
    vectors = [_vector(graph, known, name) for name in node.inputs]
    if node.op_type == "Concat" and all(vector is not None for vector in vectors):
        return [entry for vector in vectors for entry in vector]
    if not vectors or vectors[0] is None or node.inputs[0] in graph.constants:
        return None
    if node.op_type in ("Unsqueeze", "Squeeze", "Identity", "Cast"):
        return vectors[0] if node.attributes.get("to", 7) == 7 else None
    if node.op_type == "Gather" and vectors[1] is not None and node.attributes.get("axis", 0) == 0:
        return [vectors[0][index] for index in vectors[1]]
    if node.op_type == "Slice" and all(vector is not None for vector in vectors):
        starts, ends, steps = vectors[1], vectors[2], vectors[4] if len(vectors) > 4 else [1]
        return vectors[0][starts[0] : ends[0] : steps[0]]
    return None


def _vector(graph: Graph, known: dict[str, Dims], name: str) -> Dims | None:
    value = graph.constant(name)
    if value is None:
        return known.get(name)
    small_integers = value.dtype in (np.int64, np.int32) and value.ndim <= 1 and value.size <= 64
    return [int(entry) for entry in value.reshape(-1)] if small_integers else None


def _fix_reshape(graph: Graph, known: dict[str, Dims], node: Node) -> int:
    """A Reshape to a shape with symbols reads a constant: 0 where a symbol stays in its place, one -1 elsewhere."""
    if node.inputs[1] in graph.constants or node.attributes.get("allowzero", 0):
        return 0
    shape, source = known.get(node.inputs[1]) or graph.shape(node.outputs[0]), graph.shape(node.inputs[0]) or ()
    if shape is None or 0 in shape:
        return 0
    target = []
    for index, entry in enumerate(shape):
        stays = isinstance(entry, str) and index < len(source) and source[index] == entry
        target.append(entry if isinstance(entry, int) else 0 if stays else -1)
    if target.count(-1) > 1:
        return 0
    node.inputs[1] = graph.add_constant(f"{node.outputs[0]}.shape", np.array(target, np.int64))
    return 1


def _fix_resize(graph: Graph, node: Node) -> int:
    """A Resize to computed sizes of a picture with a symbolic batch reads constant scales."""
    if not node.input(3) or node.inputs[3] in graph.constants or node.attributes.get("axes"):
        return 0
    source, target = graph.shape(node.inputs[0]), graph.shape(node.outputs[0])
    if source is None or target is None or len(source) != 4 or source[:2] != target[:2]:
        return 0
    if not all(isinstance(size, int) for size in (*source[2:], *target[2:])):
        return 0
    scales = np.array([1, 1, target[2] / source[2], target[3] / source[3]], np.float32)
    if any(math.floor(source[axis] * scales[axis]) != target[axis] for axis in (2, 3)):
        return 0
    node.inputs = [*node.inputs[:2], graph.add_constant(f"{node.outputs[0]}.scales", scales)]
    return 1
