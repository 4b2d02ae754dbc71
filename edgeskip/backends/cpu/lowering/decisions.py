"""GateDecision and GateReference: Gumbel gates (see `edgeskip.backends.cpu.decisions`)."""

from __future__ import annotations

from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.decisions import DECISION, REFERENCE
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.base import Lowering
from edgeskip.graph.ir import Node


def _refused(node: Node, facts: Facts) -> str | None:
    signal = node.inputs[0]
    return None if facts.size(signal) else f"{signal} is not a float32 picture [N, C, H, W] of fixed size"


def _lower_decision(node: Node, builder: Builder) -> None:
    signal, mask, reference, pending = node.inputs
    u = builder.slot(signal)
    builder.begin_layer(node, u.height * u.width)
    builder.added(
        builder.native.add_gate_decision(
            node.outputs[0],
            u.tensor,
            builder.mask_named(mask),
            builder.tensor(reference),
            builder.mask_named(pending),
            builder.mask_named(node.outputs[0]),
            _moved(reference, builder),
            float(node.attributes["bias"]),
            bool(node.attributes["magnitude"]),
            int(node.attributes["block"]),
        )
    )


def _lower_reference(node: Node, builder: Builder) -> None:
    signal, reference, _, pending = node.inputs  # the third is pending's next state: after the convolution
    u = builder.slot(signal)
    builder.begin_layer(node, u.height * u.width)
    builder.added(
        builder.native.add_gate_reference(
            node.outputs[0],
            u.tensor,
            builder.tensor(reference),
            builder.mask_named(pending),
            _moved(reference, builder),
        )
    )


def _moved(reference: str, builder: Builder) -> int:
    """The mask that both ops share: where u may differ from the reference."""
    name = f"moved.{reference}"
    if name not in builder.plan.masks:
        slot = builder.slot(reference)
        builder.plan.masks[name] = builder.new_mask(slot.height, slot.width)
    return builder.plan.masks[name]


DECISIONS = {
    DECISION: Lowering(_refused, _lower_decision),
    REFERENCE: Lowering(_refused, _lower_reference),
}
