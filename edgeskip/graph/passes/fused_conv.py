"""The node that every convolution becomes: op `FusedConv` of domain `edgeskip.internal`."""

from __future__ import annotations

import numpy as np

from edgeskip.core.contract import Activation
from edgeskip.graph.ir import Graph, Node

OP_TYPE = "FusedConv"
DOMAIN = "edgeskip.internal"
_FOLDED = ".folded"
# attribute of a convolution with a trained gate: the layer's name; passes must not change what its gate sees
LAYER = "layer"
# attribute of one whose gate compares its output: nothing may be folded into that either
COMPARES_OUTPUT = "compares_output"


def is_fused_conv(node: Node | None) -> bool:
    """Whether `node` is a FusedConv: inputs (x, w, [b], [z])."""
    return node is not None and node.op_type == OP_TYPE and node.domain == DOMAIN


def is_plain_conv(node: Node | None) -> bool:
    """Whether `node` is a FusedConv without a trained gate, free for any rewriting."""
    return is_fused_conv(node) and LAYER not in node.attributes


def may_fold_output(node: Node | None) -> bool:
    """Whether `node` is a FusedConv that may take in what is done to its output."""
    return is_fused_conv(node) and not node.attributes.get(COMPARES_OUTPUT, 0)


def activation_of(node: Node) -> Activation:
    """The activation that `node` ends with."""
    attributes = node.attributes
    return Activation(attributes["activation"], tuple(attributes["alpha"]), attributes["beta"])


def set_activation(node: Node, activation: Activation) -> None:
    """Let `node` end with `activation`."""
    node.attributes["activation"] = activation.kind
    node.attributes["alpha"] = [float(value) for value in activation.alpha]
    node.attributes["beta"] = float(activation.beta)


def is_linear(node: Node) -> bool:
    """Whether nothing follows the convolution yet: no activation, no residual."""
    return node.attributes["activation"] == "none" and not node.input(3)


def out_channels(graph: Graph, node: Node) -> int:
    """Channels that `node` writes."""
    weight = graph.constants[node.inputs[1]]
    return weight.shape[1] * node.attributes["group"] if node.attributes["transposed"] else weight.shape[0]


def bias_of(graph: Graph, node: Node) -> np.ndarray:
    """Bias [C], zeros where `node` has none."""
    if node.input(2):
        return graph.constants[node.inputs[2]]
    return np.zeros(out_channels(graph, node), np.float32)


def set_weights(graph: Graph, node: Node, weight: np.ndarray, bias: np.ndarray | None) -> None:
    """Give `node` new weights and bias (float32, rounded once from `weight` and `bias`)."""
    node.inputs[1] = _store(graph, node.inputs[1], weight)
    if bias is not None:
        previous = node.input(2) or f"{node.outputs[0]}.bias"
        bias_name = _store(graph, previous, bias)
        node.inputs = [*node.inputs[:2], bias_name, *node.inputs[3:]]


def scale_outputs(graph: Graph, node: Node, scale: np.ndarray, shift: np.ndarray) -> None:
    """Fold y -> scale[c] * y + shift[c] into the weights. `node` is linear, or scale is 1."""
    weight = graph.constants[node.inputs[1]].astype(np.float64)
    bias = bias_of(graph, node).astype(np.float64) * scale + shift
    if (scale == 1).all():
        set_weights(graph, node, weight, bias)
        return
    if node.attributes["transposed"]:
        groups = node.attributes["group"]
        split = weight.reshape(groups, -1, *weight.shape[1:])
        weight = (split * scale.reshape(groups, 1, -1, 1, 1)).reshape(weight.shape)
    else:
        weight = weight * scale[:, None, None, None]
    set_weights(graph, node, weight, bias)


def _store(graph: Graph, previous: str, value: np.ndarray) -> str:
    return graph.add_constant(previous.split(_FOLDED)[0] + _FOLDED, value.astype(np.float32))
