"""What the lowered file and the plugins agree on."""

from __future__ import annotations

from edgeskip.core.contract import DOMAIN
from edgeskip.graph.ir import Node

CONV, GATE, MASK = "EdgeskipConv", "EdgeskipGate", "EdgeskipMask"
OPS = (CONV, GATE, MASK)
PLUGIN_NAMESPACE, PLUGIN_VERSION = "edgeskip", "1"

# inputs of EdgeskipConv in order; one of them is there where the attribute beside it says 1
CONV_INPUTS = (
    ("x", ""), ("mask_x", ""), ("w", ""), ("b", "has_bias"), ("z", "has_residual"), ("mask_z", "has_residual_mask"),
    ("gate", "has_gate"), ("channel_weight", "has_channel_weight"), ("y_prev", ""), ("pending", "has_pending"),
)  # fmt: skip


def is_plugin(node: Node, op_type: str | None = None) -> bool:
    """Whether `node` is one of the plugins' ops (and this one)."""
    return node.domain == DOMAIN and node.op_type in OPS and op_type in (None, node.op_type)


def conv_input(node: Node, name: str) -> str:
    """The tensor that an EdgeskipConv reads as `name`, "" where it reads none."""
    present = [key for key, flag in CONV_INPUTS if not flag or node.attributes[flag]]
    return node.inputs[present.index(name)] if name in present else ""
