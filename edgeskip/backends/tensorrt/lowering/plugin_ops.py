"""The contract's ops become the plugins' ops: other names, no absent inputs, attributes that a creator takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeskip.backends.tensorrt.lowering.names import (
    CONV,
    CONV_INPUTS,
    GATE,
    MASK,
    PLUGIN_NAMESPACE,
    PLUGIN_VERSION,
)
from edgeskip.core.contract import DOMAIN, SKIP_CONV
from edgeskip.graph.ir import Graph, Node

LARGEST_UNION = 32  # kLargestUnion of plugins/cuda/include/edgeskip/mask.h
_GATE_FLOATS = ("threshold", "threshold_signed")
_CONV_SAME = ("kernel_shape", "strides", "pads", "dilations", "group", "activation", "norm", "block")


def plugin_gate(x: str, ref: str, outputs: list[str], attributes: dict[str, Any], name: str = "") -> Node:
    """EdgeskipGate, channels not last until the layout pass decides."""
    values = {key: float(attributes[key]) for key in _GATE_FLOATS}
    values |= {"norm": attributes["norm"], "window": int(attributes["window"])}
    return Node(GATE, [x, ref], outputs, {**values, **_common()}, DOMAIN, name or f"gate {outputs[0]}")


def plugin_masks(node: Node, graph: Graph) -> list[Node]:
    """EdgeskipMask of a SkipMask; lists that are empty are left out, since a creator takes no empty field.

    A union of more masks than the plugin takes (a concat of many layers) is put together in parts.
    """
    values = {key: value for key, value in node.attributes.items() if value != []} | _common(layout=False)
    waiting, nodes = list(node.inputs), []
    while len(waiting) > LARGEST_UNION:
        part = graph.fresh(f"{node.outputs[0]}.part")
        graph.info[part] = graph.info[node.outputs[0]]
        nodes.append(Node(MASK, waiting[:LARGEST_UNION], [part], dict(values), DOMAIN, part))
        waiting = [part, *waiting[LARGEST_UNION:]]
    return [*nodes, Node(MASK, waiting, node.outputs, values, DOMAIN, node.name)]


def plugin_conv(node: Node, graph: Graph, name: str) -> Node:
    """EdgeskipConv of a SkipConv; its weights are stored again as [O, kh, kw, I / group]."""
    given = dict(zip(SKIP_CONV.inputs, node.inputs, strict=False))
    weight = graph.constants[given["w"]]
    given["w"] = _stored(graph, f"{given['w']}.ohwi", weight.transpose(0, 2, 3, 1))
    flags = {flag: int(bool(given.get(key))) for key, flag in CONV_INPUTS if flag}
    values = {key: node.attributes[key] for key in _CONV_SAME}
    values |= {"threshold": float(node.attributes["threshold"]), "beta": float(node.attributes["beta"])}
    if node.attributes["alpha"]:
        values["alpha"] = [float(value) for value in node.attributes["alpha"]]
    inputs = [given[key] for key, flag in CONV_INPUTS if not flag or flags[flag]]
    return Node(CONV, inputs, list(node.outputs), {**values, **flags, **_common()}, DOMAIN, name)


def _common(layout: bool = True) -> dict[str, Any]:
    values: dict[str, Any] = {"plugin_namespace": PLUGIN_NAMESPACE, "plugin_version": PLUGIN_VERSION}
    return {"channels_last": 0, **values} if layout else values


def _stored(graph: Graph, name: str, value: np.ndarray) -> str:
    """Layers that share their weights share the transposed ones."""
    if name not in graph.constants:
        graph.constants[name] = np.ascontiguousarray(value)
    return name
