"""From a node of the skip model to native ops: one file per family of ops.

Each family is a `Lowering` per op type: `supports` says why the engine can't run a node (None: it
can), `lower` adds it to the plan. `views` names outputs that are channel ranges of the input and
cost nothing.
"""

from __future__ import annotations

from edgeskip.backends.cpu.decisions import DOMAIN as ENGINE_DOMAIN
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.base import Lowering
from edgeskip.backends.cpu.lowering.channels import CHANNELS
from edgeskip.backends.cpu.lowering.decisions import DECISIONS
from edgeskip.backends.cpu.lowering.elementwise import ELEMENTWISE
from edgeskip.backends.cpu.lowering.gates import GATES
from edgeskip.backends.cpu.lowering.masks import MASKS
from edgeskip.backends.cpu.lowering.pooling import POOLING
from edgeskip.backends.cpu.lowering.resize import RESIZE
from edgeskip.backends.cpu.lowering.spatial import SPATIAL
from edgeskip.backends.cpu.lowering.unary import UNARY
from edgeskip.core.contract import DOMAIN
from edgeskip.graph.ir import Node

LOWERINGS: dict[str, Lowering] = {
    **CHANNELS, **DECISIONS, **ELEMENTWISE, **GATES, **MASKS, **POOLING, **RESIZE, **SPATIAL, **UNARY,
}  # fmt: skip


def lowering_of(node: Node) -> Lowering | None:
    """How the engine runs nodes of this op type, None where it does not know the op."""
    return LOWERINGS.get(node.op_type) if node.domain in ("", "ai.onnx", DOMAIN, ENGINE_DOMAIN) else None


def supports(node: Node, facts: Facts) -> str | None:
    """Why the engine can't run `node`, None where it can: the planner's only question."""
    lowering = lowering_of(node)
    if lowering is None:
        return f"the engine has no op {node.domain + '.' if node.domain else ''}{node.op_type}"
    return lowering.supports(node, facts)
