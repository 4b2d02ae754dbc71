"""Ops across channels: Concat, Split, Gather (shuffle) and Identity, which mostly cost nothing, and Softmax."""

from __future__ import annotations

import numpy as np

from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.base import Lowering, Views
from edgeskip.graph.ir import Node


def _nothing(node: Node, builder: Builder) -> None:
    """Views are made by the layout; only their slot must exist."""
    for output in node.outputs:
        if output:
            builder.slot(output)


def _axis(node: Node, default: int = 0) -> int:
    return int(node.attributes.get("axis", default)) % 4


def _concat_refused(node: Node, facts: Facts) -> str | None:
    refused = facts.missing_picture(node)
    if refused:
        return refused
    return None if _axis(node) == 1 else f"Concat on axis {_axis(node)}"


def _lower_concat(node: Node, builder: Builder) -> None:
    """Copies only those inputs that could not be computed in place."""
    y = builder.slot(node.outputs[0])
    builder.begin_layer(node, y.height * y.width)
    first = 0
    for index, name in enumerate(node.inputs):
        x = builder.slot(name)
        if not builder.layout.in_place(node, index):
            _copy_part(node, builder, name, first)
        first += x.channels


def _copy_part(node: Node, builder: Builder, name: str, first: int) -> None:
    x, part = builder.slot(name), builder.part(node.outputs[0], first, builder.slot(name).channels)
    value = builder.facts.constant(name)
    if value is not None:
        builder.plan.constants.append((part, np.ascontiguousarray(value[0], np.float32)))
        return
    mask = builder.mask(name if builder.facts.mask_of(name) else node.outputs[0])
    builder.added(builder.native.add_gather(node.outputs[0], x.tensor, part, mask, None))


def _split_refused(node: Node, facts: Facts) -> str | None:
    refused = facts.missing_picture(node)
    if refused:
        return refused
    return None if _axis(node) == 1 else f"Split on axis {_axis(node)}"


def _split_views(node: Node, facts: Facts) -> Views:
    views: Views = {}
    first = 0
    for output in node.outputs:
        size = facts.size(output)
        assert size is not None
        views[output] = (node.inputs[0], first)
        first += size[0]
    return views


def _identity_refused(node: Node, facts: Facts) -> str | None:
    return facts.missing_picture(node) if facts.constant(node.inputs[0]) is None else "its input is constant"


def _identity_views(node: Node, facts: Facts) -> Views:
    return {node.outputs[0]: (node.inputs[0], 0)}


def _indices(node: Node, facts: Facts) -> np.ndarray | None:
    value, size = facts.constant(node.inputs[1]), facts.size(node.inputs[0])
    if value is None or size is None or value.ndim != 1:
        return None
    return np.ascontiguousarray(np.where(value < 0, value + size[0], value), np.int32)


def _gather_refused(node: Node, facts: Facts) -> str | None:
    if _axis(node) != 1:
        return f"Gather on axis {_axis(node)}"
    if _indices(node, facts) is None:
        return "Gather with indices that are no constant vector"
    return facts.missing_picture(node)


def _gather_views(node: Node, facts: Facts) -> Views:
    indices = _indices(node, facts)
    assert indices is not None
    if len(indices) and np.array_equal(indices, np.arange(indices[0], indices[0] + len(indices))):
        return {node.outputs[0]: (node.inputs[0], int(indices[0]))}
    return {}


def _lower_gather(node: Node, builder: Builder) -> None:
    y = builder.slot(node.outputs[0])
    if node.outputs[0] in builder.layout.views:
        return
    builder.begin_layer(node, y.height * y.width)
    x, indices = builder.tensor(node.inputs[0]), _indices(node, builder.facts)
    builder.added(builder.native.add_gather(node.outputs[0], x, y.tensor, builder.mask(node.outputs[0]), indices))


def _softmax_refused(node: Node, facts: Facts) -> str | None:
    if _axis(node, -1) != 1:
        return f"Softmax on axis {_axis(node, -1)}"
    return facts.missing_picture(node)


def _lower_softmax(node: Node, builder: Builder) -> None:
    x, y = builder.tensor(node.inputs[0]), builder.slot(node.outputs[0])
    mask = builder.mask(node.outputs[0])
    builder.begin_layer(node, y.height * y.width)
    builder.added(builder.native.add_softmax(node.outputs[0], x, y.tensor, mask))


CHANNELS = {
    "Concat": Lowering(_concat_refused, _lower_concat),
    "Split": Lowering(_split_refused, _nothing, _split_views),
    "Identity": Lowering(_identity_refused, _nothing, _identity_views),
    "Gather": Lowering(_gather_refused, _lower_gather, _gather_views),
    "Softmax": Lowering(_softmax_refused, _lower_softmax),
}
