"""SkipMask of every kind, and the decision of a learned gate as a mask."""

from __future__ import annotations

import numpy as np

from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.base import Lowering
from edgeskip.backends.cpu.lowering.pooling import reaching_pads
from edgeskip.backends.cpu.lowering.resize import tables
from edgeskip.backends.cpu.lowering.resize_tables import COORDINATES, NEAREST
from edgeskip.graph.ir import Node


def _refused(node: Node, facts: Facts) -> str | None:
    attributes = node.attributes
    if attributes["kind"] != "resize":
        return None
    if attributes["coordinate_transformation_mode"] not in COORDINATES or attributes["nearest_mode"] not in NEAREST:
        return f"a mask's resize of {attributes['coordinate_transformation_mode']}, {attributes['nearest_mode']}"
    return None if attributes["mode"] in ("nearest", "linear") else f"a mask's resize mode {attributes['mode']}"


def _lower(node: Node, builder: Builder) -> None:
    inputs = [builder.mask_named(name) for name in node.inputs]
    output = builder.mask_named(node.outputs[0])
    builder.begin_layer(node, 0)
    builder.added(_KINDS[node.attributes["kind"]](node, builder, inputs, output))


def _union(node: Node, builder: Builder, inputs: list[int], output: int) -> int:
    return builder.native.add_mask_union(node.outputs[0], inputs, output)


def _reduce(node: Node, builder: Builder, inputs: list[int], output: int) -> int:
    return builder.native.add_mask_reduce(node.outputs[0], inputs[0], output)


def _pool(node: Node, builder: Builder, inputs: list[int], output: int) -> int:
    kernel, strides, pads, dilations = (
        [int(value) for value in node.attributes[name]] for name in ("kernel_shape", "strides", "pads", "dilations")
    )
    sizes = builder.facts.mask_size(node.inputs[0]), builder.facts.mask_size(node.outputs[0])
    pads = reaching_pads(pads, *sizes, kernel, strides, dilations)
    return builder.native.add_mask_pool(node.outputs[0], inputs[0], output, kernel, strides, pads, dilations)


def _resize(node: Node, builder: Builder, inputs: list[int], output: int) -> int:
    before = builder.facts.mask_size(node.inputs[0])
    after = builder.facts.mask_size(node.outputs[0])
    scales = [float(scale) for scale in node.attributes["scales"]][-2:]
    if not scales:
        scales = [after[0] / before[0], after[1] / before[1]]
    rows, columns = tables(node.attributes, before, after, (scales[0], scales[1]))
    return builder.native.add_mask_resize(node.outputs[0], inputs[0], output, rows.indices, columns.indices)


def _upsample(node: Node, builder: Builder, inputs: list[int], output: int) -> int:
    factor = int(node.attributes["factor"])
    rows, columns = (_repeated(size, factor) for size in builder.facts.mask_size(node.outputs[0]))
    return builder.native.add_mask_resize(node.outputs[0], inputs[0], output, rows, columns)


def _repeated(size: int, factor: int) -> np.ndarray:
    index = np.arange(size, dtype=np.int32) // factor
    return np.ascontiguousarray(np.stack([index, index], 1))


def _slice(node: Node, builder: Builder, inputs: list[int], output: int) -> int:
    size = builder.facts.mask_size(node.inputs[0])
    steps = [int(step) for step in node.attributes["steps"]]
    offset = [first_index(int(s), d, step) for s, d, step in zip(node.attributes["starts"], size, steps, strict=True)]
    return builder.native.add_mask_window(node.outputs[0], inputs[0], output, offset, steps)


def first_index(start: int, size: int, step: int) -> int:
    """First index that Slice reads on an axis of `size`."""
    start = start + size if start < 0 else start
    return min(max(start, 0), size if step > 0 else size - 1)


def _pad(node: Node, builder: Builder, inputs: list[int], output: int) -> int:
    """A padded pixel counts as its nearest pixel of the picture, so that the border is written once."""
    sizes = builder.facts.mask_size(node.inputs[0]), builder.facts.mask_size(node.outputs[0])
    rows, columns = (_nearest(int(node.attributes["pads"][axis]), sizes[0][axis], sizes[1][axis]) for axis in (0, 1))
    return builder.native.add_mask_resize(node.outputs[0], inputs[0], output, rows, columns)


def _nearest(before: int, in_size: int, out_size: int) -> np.ndarray:
    index = (np.arange(out_size) - before).clip(0, in_size - 1).astype(np.int32)
    return np.ascontiguousarray(np.stack([index, index], 1))


_KINDS = {
    "union": _union,
    "reduce": _reduce,
    "pool": _pool,
    "resize": _resize,
    "upsample": _upsample,
    "slice": _slice,
    "pad": _pad,
}


def _decision_refused(node: Node, facts: Facts) -> str | None:
    """Cast(Greater(x, 0)): how a learned gate's decision is written in standard ops."""
    greater = facts.producers.get(node.inputs[0])
    if facts.graph.info.get(node.outputs[0]) is None or facts.graph.info[node.outputs[0]].dtype != np.int32:
        return "Cast to another type than a mask's"
    if greater is None or greater.op_type != "Greater":
        return "Cast of what is no comparison with 0"
    zero, size = facts.constant(greater.inputs[1]), facts.size(greater.inputs[0])
    if zero is None or np.any(zero != 0):
        return "a comparison with another value than 0"
    if size is None or size[0] != 1 or facts.mask_of(greater.inputs[0]) is None:
        return "a comparison of what is no masked picture of one channel"
    return None


def _lower_decision(node: Node, builder: Builder) -> None:
    decision = builder.facts.producers[node.inputs[0]].inputs[0]
    x = builder.slot(decision)
    builder.begin_layer(node, x.height * x.width)
    builder.added(builder.native.add_mask_from_tensor(node.outputs[0], x.tensor, builder.mask_named(node.outputs[0])))


def _compare_refused(node: Node, facts: Facts) -> str | None:
    """Greater costs nothing where the Cast that follows it is run by the engine."""
    readers = facts.graph.consumers().get(node.outputs[0], [])
    if not readers or node.outputs[0] in facts.graph.outputs:
        return "its result is read as it is"
    reasons = [_decision_refused(reader, facts) if reader.op_type == "Cast" else "no mask" for reader in readers]
    return next((reason for reason in reasons if reason), None)


def _nothing(node: Node, builder: Builder) -> None:
    pass


MASKS = {
    "SkipMask": Lowering(_refused, _lower),
    "Cast": Lowering(_decision_refused, _lower_decision),
    "Greater": Lowering(_compare_refused, _nothing),
}
