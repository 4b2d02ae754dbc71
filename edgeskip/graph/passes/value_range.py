"""What is known of a tensor's values from the ops before it."""

from __future__ import annotations

from edgeskip.graph.passes.fused_conv import activation_of, is_fused_conv
from edgeskip.graph.passes.links import Links
from edgeskip.graph.passes.ramp import ramp_of, scalar

_NONNEGATIVE = {"Relu", "Sigmoid", "HardSigmoid", "Softmax", "Abs", "Exp"}
_KEEPS_SIGN = {"MaxPool", "GlobalMaxPool", "GlobalAveragePool", "Slice", "Split", "Gather", "Reshape", "Transpose"}


def is_nonnegative(links: Links, tensor: str) -> bool:
    """Whether no value of `tensor` is below zero, as far as a look at its producers tells."""
    node = links.producers.get(tensor)
    if node is None:
        return False
    if is_fused_conv(node):
        activation = activation_of(node)
        ramp = ramp_of(activation)
        return activation.kind == "sigmoid" or (ramp is not None and ramp.low >= 0 and ramp.high >= 0)
    if node.domain:
        return False
    if node.op_type in _NONNEGATIVE:
        return True
    if node.op_type == "Clip":
        low = scalar(links.graph, node.input(1))
        high = scalar(links.graph, node.input(2)) if node.input(2) else 0.0
        return low is not None and low >= 0 and high is not None and high >= 0
    return node.op_type in _KEEPS_SIGN and is_nonnegative(links, node.inputs[0])
