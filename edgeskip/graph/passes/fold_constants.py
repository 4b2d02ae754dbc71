"""Nodes whose inputs are all constant become constants."""

from __future__ import annotations

import math

import numpy as np

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.evaluate import evaluate_node

LARGEST_RESULT = 1 << 24  # elements; a larger constant costs more to keep than to compute


def fold_constants(graph: Graph) -> int:
    """Evaluate every node that depends on constants only; graph outputs keep their node."""
    kept: list[Node] = []
    for node in graph.nodes:
        values = _values(graph, node)
        if values is None:
            kept.append(node)
            continue
        for name, value in zip((name for name in node.outputs if name), values, strict=True):
            graph.constants[name] = np.asarray(value)
            graph.info.pop(name, None)
    changes = len(graph.nodes) - len(kept)
    graph.nodes = kept
    return changes


def _values(graph: Graph, node: Node) -> list[np.ndarray] | None:
    names = list(dict.fromkeys(name for name in node.inputs if name))
    if any(name not in graph.constants for name in names) or any(name in graph.outputs for name in node.outputs):
        return None
    shape = graph.shape(node.outputs[0]) or ()
    if math.prod(size if isinstance(size, int) else 1 for size in shape) > LARGEST_RESULT:
        return None
    return evaluate_node(node, [graph.constants[name] for name in names], graph.opset)
