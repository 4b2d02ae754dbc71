"""A BatchNormalization with no convolution before it goes into the one behind it, or becomes one itself."""

from __future__ import annotations

import numpy as np

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.fused_conv import DOMAIN, OP_TYPE, bias_of, is_plain_conv, set_weights
from edgeskip.graph.passes.links import Links
from edgeskip.graph.passes.per_channel import PerChannel, batch_norm


def fold_batch_norms(graph: Graph) -> int:
    """Fold forward where that is exact, else write a depthwise 1x1 convolution.

    A shift reaches the border of a padded convolution only from inside the picture, so forward
    folding needs no pads, or no shift. Runs after `fold_per_channel`, which takes the usual order.
    """
    links = Links(graph)
    changes = 0
    for node in graph.nodes:
        if node.op_type != "BatchNormalization" or node.domain or len(graph.shape(node.inputs[0]) or ()) != 4:
            continue
        change = batch_norm(graph, node)
        if change is None:
            continue
        follower = links.sole_consumer(node.outputs[0])
        if is_plain_conv(follower) and _is_exact_before(follower, change):
            _fold_into(graph, follower, change)
            links.redirect(node.outputs[0], node.inputs[0])
            links.drop(node)
        else:
            _to_depthwise(graph, node, change)
        changes += 1
    links.finish()
    return changes


def _is_exact_before(conv: Node, change: PerChannel) -> bool:
    if conv.attributes["transposed"] or conv.inputs.count(conv.inputs[0]) != 1:
        return False
    return not any(conv.attributes["pads"]) or not change.shift.any()


def _fold_into(graph: Graph, conv: Node, change: PerChannel) -> None:
    """w'[o,c] = w[o,c] * scale[c]; b'[o] = b[o] + sum over c and taps of w[o,c] * shift[c]."""
    weight = graph.constants[conv.inputs[1]].astype(np.float64)
    groups = conv.attributes["group"]
    split = weight.reshape(groups, -1, *weight.shape[1:])
    scale, shift = (value.reshape(groups, 1, -1, 1, 1) for value in (change.scale, change.shift))
    bias = bias_of(graph, conv) + (split * shift).sum(axis=(2, 3, 4)).reshape(-1)
    set_weights(graph, conv, (split * scale).reshape(weight.shape), bias)


def _to_depthwise(graph: Graph, node: Node, change: PerChannel) -> None:
    """The node itself becomes a FusedConv with one weight per channel."""
    channels = len(change.scale)
    weight = change.scale.reshape(channels, 1, 1, 1).astype(np.float32)
    names = [
        graph.add_constant(f"{node.outputs[0]}.weight", weight),
        graph.add_constant(f"{node.outputs[0]}.bias", change.shift.astype(np.float32)),
    ]
    node.op_type, node.domain, node.inputs = OP_TYPE, DOMAIN, [node.inputs[0], *names]
    node.outputs = node.outputs[:1]
    node.attributes = {
        "kernel_shape": [1, 1], "strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 1], "group": channels,
        "transposed": 0, "output_padding": [0, 0], "activation": "none", "alpha": [], "beta": 0.0,
    }  # fmt: skip
