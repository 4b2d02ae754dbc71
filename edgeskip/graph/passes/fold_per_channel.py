"""BatchNormalization and per-channel constants after a convolution go into its weights and bias."""

from __future__ import annotations

import numpy as np

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.fused_conv import is_linear, may_fold_output, out_channels, scale_outputs
from edgeskip.graph.passes.links import Links
from edgeskip.graph.passes.per_channel import PerChannel, per_channel


def fold_per_channel(graph: Graph) -> int:
    """Fold while nothing else reads the convolution's output; past a residual only a shift folds exactly."""
    links = Links(graph)
    changes = 0
    for node in graph.nodes:
        while may_fold_output(node) and (follower := links.sole_consumer(node.outputs[0])) is not None:
            change = per_channel(graph, follower, node.outputs[0], out_channels(graph, node))
            if change is None or not _may_fold(node, change):
                break
            scale_outputs(graph, node, change.scale, change.shift)
            links.merge(node, [follower], follower.outputs[0])
            changes += 1
    links.finish()
    return changes


def _may_fold(node: Node, change: PerChannel) -> bool:
    if not (np.isfinite(change.scale).all() and np.isfinite(change.shift).all()):
        return False
    return is_linear(node) or (node.attributes["activation"] == "none" and bool((change.scale == 1).all()))
