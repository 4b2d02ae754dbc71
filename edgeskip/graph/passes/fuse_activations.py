"""Activations move into the convolution that they follow, fused or decomposed."""

from __future__ import annotations

from edgeskip.graph.ir import Graph
from edgeskip.graph.passes.fused_conv import activation_of, may_fold_output, set_activation
from edgeskip.graph.passes.links import Links
from edgeskip.graph.passes.match_activation import match_activation


def fuse_activations(graph: Graph) -> int:
    """Fuse where nothing else reads the convolution's output; Clip then Relu and the like collapse."""
    links = Links(graph)
    changes = 0
    for node in graph.nodes:
        if not may_fold_output(node) or node in links.dropped:
            continue
        match = match_activation(graph, links, node.outputs[0], activation_of(node))
        if match:
            set_activation(node, match.activation)
            links.merge(node, match.nodes, match.output)
            changes += 1
    links.finish()
    return changes
