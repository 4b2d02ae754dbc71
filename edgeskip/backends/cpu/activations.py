"""Activations of what a convolution publishes, where its output is compared in front of them: it writes both."""

from __future__ import annotations

from edgeskip.backends.cpu.chains import Chains
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.chain import is_silu
from edgeskip.backends.cpu.lowering.unary import UNARY
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import is_op


def activations(nodes: tuple[Node, ...], chains: Chains, facts: Facts) -> dict[str, tuple[Node, ...]]:
    """A convolution's tensor to the nodes of its activation, for convolutions of `nodes` that another op activates.

    Both change at the same pixels. Of several activations the first one is the convolution's.
    """
    masks = {node.outputs[0]: node.outputs[1] for node in nodes if is_op(node, "SkipConv")}
    found: dict[str, tuple[Node, ...]] = {}
    for node in nodes:
        parts = _activation(node, chains)
        source = parts[0].inputs[0] if parts else ""
        if source in masks and source not in found and facts.mask_of(node.outputs[0]) == masks[source]:
            found[source] = parts
    return found


def _activation(node: Node, chains: Chains) -> tuple[Node, ...]:
    """The nodes of the activation that ends in `node`, in order; none where it is something else."""
    chain = chains.ending_in(node)
    if chain is not None:
        return chain.nodes if is_silu(chain.nodes) else ()
    return (node,) if node.op_type in UNARY and id(node) not in chains.absorbed else ()
