"""Equal constants are stored once, equal nodes are computed once."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.links import Links


def merge_constants(graph: Graph) -> int:
    """Readers of equal constants read the first one."""
    first: dict[tuple, str] = {}
    rename: dict[str, str] = {}
    for name, value in graph.constants.items():
        original = first.setdefault(_fingerprint(value), name)
        if original != name and name not in graph.outputs:
            rename[name] = original
    for node in graph.nodes:
        node.inputs = [rename.get(name, name) for name in node.inputs]
    for name in rename:
        del graph.constants[name]
    return len(rename)


def merge_nodes(graph: Graph) -> int:
    """Readers of a node that repeats an earlier one read the earlier one; graph outputs keep their node."""
    links = Links(graph)
    first: dict[tuple, Node] = {}
    changes = 0
    for node in graph.nodes:
        original = first.setdefault(_key(node), node)
        if original is node or any(links.is_output(name) for name in node.outputs) or _is_random(node):
            continue
        for name, same in zip(node.outputs, original.outputs, strict=True):
            links.redirect(name, same)
        links.drop(node)
        changes += 1
    links.finish()
    return changes


def _is_random(node: Node) -> bool:
    return bool(node.domain and not node.domain.startswith("edgeskip")) or node.op_type.startswith(("Random", "Multi"))


def _key(node: Node) -> tuple:
    attributes = tuple(sorted((name, _hashable(value)) for name, value in node.attributes.items()))
    present = tuple(bool(name) for name in node.outputs)
    return node.domain, node.op_type, tuple(node.inputs), attributes, present


def _hashable(value: Any) -> str:
    return repr(_fingerprint(value)) if isinstance(value, np.ndarray) else repr(value)


def _fingerprint(value: np.ndarray) -> tuple:
    content = value.tobytes() if value.dtype != object else repr(value.tolist()).encode()
    return str(value.dtype), value.shape, hashlib.sha256(content).digest()
