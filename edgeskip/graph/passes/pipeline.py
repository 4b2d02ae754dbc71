"""The passes over dense graphs in their order, each stage repeated until it changes nothing."""

from __future__ import annotations

from collections.abc import Callable

from edgeskip.graph.ir import Graph
from edgeskip.graph.passes.auto_pad import resolve_auto_pad
from edgeskip.graph.passes.canonical_convs import canonical_convs
from edgeskip.graph.passes.channel_moves import channel_moves
from edgeskip.graph.passes.copy_graph import copy_graph
from edgeskip.graph.passes.explicit_ceil import explicit_ceil
from edgeskip.graph.passes.focus import focus
from edgeskip.graph.passes.fold_batch_norms import fold_batch_norms
from edgeskip.graph.passes.fold_constants import fold_constants
from edgeskip.graph.passes.fold_pads import fold_pads
from edgeskip.graph.passes.fold_per_channel import fold_per_channel
from edgeskip.graph.passes.fold_shapes import fold_shapes
from edgeskip.graph.passes.fuse_activations import fuse_activations
from edgeskip.graph.passes.fuse_residuals import fuse_residuals
from edgeskip.graph.passes.global_pools import global_pools
from edgeskip.graph.passes.infer_shapes import infer_shapes
from edgeskip.graph.passes.merge_duplicates import merge_constants, merge_nodes
from edgeskip.graph.passes.remove_no_ops import remove_no_ops
from edgeskip.graph.passes.stacked_sums import stacked_sums

Pass = Callable[[Graph], int]  # rewrites the graph in place, returns the number of changes

MOST_ROUNDS = 200

# Shapes first: every later pass asks for them, and shape arithmetic hides what a Reshape does.
FOLDING: tuple[Pass, ...] = (explicit_ceil, fold_shapes, fold_constants, infer_shapes, remove_no_ops)
# Twins hide each other from the passes that ask for a sole reader.
MERGING: tuple[Pass, ...] = (merge_constants, merge_nodes)
REWRITING: tuple[Pass, ...] = (
    resolve_auto_pad,  # pads must be numbers before Pad nodes are added to them
    canonical_convs,
    fold_pads,
    global_pools,
    stacked_sums,
    channel_moves,  # leaves block patterns alone; a Concat of all parts of one tensor goes here
    focus,
    # Decomposed activations begin with a Mul or Add by a constant, which the next pass would take for itself.
    fuse_activations,
    fold_per_channel,
    fold_batch_norms,  # only what found no convolution before it
    fuse_residuals,
    remove_no_ops,
)


def simplify(graph: Graph, *, residuals_apart: bool = False) -> Graph:
    """The canonical form of a dense network, as a new graph that computes the same function.

    With `residuals_apart` sums stay nodes of their own instead of becoming a convolution's residual input.
    Convolutions are FusedConv nodes (see `fused_conv`); every tensor that is left, save helpers
    with a suffix of their own, is a tensor of `graph` with the same values.
    """
    result = copy_graph(graph)
    rewriting = tuple(step for step in REWRITING if not (residuals_apart and step is fuse_residuals))
    for stage in (FOLDING, MERGING, rewriting, MERGING):
        _repeat(stage, result)
    return result


def _repeat(stage: tuple[Pass, ...], graph: Graph) -> None:
    """Apply `stage` until it changes nothing; each change removes or settles a node, so the rounds are bounded."""
    graph.remove_unused()
    for _ in range(MOST_ROUNDS):
        changes = {rewrite.__name__: rewrite(graph) for rewrite in stage}
        graph.remove_unused()
        if not any(changes.values()):
            return
    raise AssertionError(f"passes undo each other's work: {changes}")
