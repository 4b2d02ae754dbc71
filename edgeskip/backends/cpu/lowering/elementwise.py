"""Element-wise ops of two or more operands, and what is left of BatchNormalization."""

from __future__ import annotations

import numpy as np

from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.base import NO_ALPHA, Lowering, floats
from edgeskip.graph.ir import Node

BINARY = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow"}
ANY_NUMBER = {"Sum": "add", "Max": "max", "Min": "min"}


def channel_vector(value: np.ndarray, channels: int) -> np.ndarray | None:
    """A constant operand as one value per channel, or None where it varies within the picture."""
    shape = (1,) * (4 - value.ndim) + value.shape
    if len(shape) != 4 or shape[0] != 1 or shape[2:] != (1, 1) or shape[1] not in (1, channels):
        return None
    return np.ascontiguousarray(np.broadcast_to(value.reshape(-1), (channels,)), np.float32)


def reciprocal(vector: np.ndarray) -> np.ndarray | None:
    """1 / vector, since a multiplication costs a tenth of a division; None where that is no normal number."""
    with np.errstate(divide="ignore", over="ignore"):
        inverse = (1.0 / vector.astype(np.float64)).astype(np.float32)
    tiny = np.finfo(np.float32).tiny
    fits = np.isfinite(inverse) & np.isfinite(vector) & (np.abs(inverse) >= tiny)
    return np.ascontiguousarray(inverse) if fits.all() else None


def _operand_refused(name: str, out_size: tuple[int, int, int], facts: Facts) -> str | None:
    constant = facts.constant(name)
    if constant is not None:
        if constant.dtype != np.float32 or constant.ndim > 4 or (constant.ndim == 4 and constant.shape[0] != 1):
            return f"constant {name} of shape {constant.shape}, {constant.dtype}"
        if channel_vector(constant, out_size[0]) is not None:
            return None
        size: tuple[int, ...] | None = ((1,) * (4 - constant.ndim) + constant.shape)[1:]
    else:
        size = facts.size(name)
    if size is None or size[0] not in (1, out_size[0]) or size[1:] not in ((1, 1), out_size[1:]):
        return f"operand {name} of size {size} does not broadcast over pixels or channels of {out_size}"
    return None


def _refused(node: Node, facts: Facts) -> str | None:
    refused = facts.missing_picture(node)
    size = facts.size(node.outputs[0])
    if refused or size is None:
        return refused
    if all(facts.constant(name) is not None for name in node.inputs[:2]):
        return "both operands are constant"
    return next((reason for name in node.inputs if (reason := _operand_refused(name, size, facts))), None)


def _lower(node: Node, builder: Builder) -> None:
    """One native op per operand after the first; those after the second work in place on the output."""
    y = builder.slot(node.outputs[0])
    builder.mask(node.outputs[0])
    builder.begin_layer(node, y.height * y.width)
    kind = BINARY.get(node.op_type) or ANY_NUMBER[node.op_type]
    if len(node.inputs) == 1:
        _copy(node, builder, y.tensor)
        return
    _add_op(node, builder, kind, node.inputs[0], node.inputs[1])
    for name in node.inputs[2:]:
        _add_op(node, builder, kind, node.outputs[0], name)


def _copy(node: Node, builder: Builder, y: int) -> None:
    mask = builder.mask(node.outputs[0])
    builder.added(builder.native.add_gather(node.outputs[0], builder.tensor(node.inputs[0]), y, mask, None))


def _add_op(node: Node, builder: Builder, kind: str, a: str, b: str) -> None:
    y = builder.slot(node.outputs[0])
    constants = {name: builder.facts.constant(name) for name in (a, b)}
    vectors = {name: channel_vector(v, y.channels) for name, v in constants.items() if v is not None}
    name, mask = node.outputs[0], builder.mask(node.outputs[0])
    for operand, other in ((b, a), (a, b)):
        # the native op has the picture in full size on its other side
        whole = builder.facts.constant(other) is None and builder.facts.size(other) == (y.channels, y.height, y.width)
        if vectors.get(operand) is not None and whole:
            reverse = operand == a and operand != b
            inverse = reciprocal(vectors[operand]) if kind == "div" and not reverse else None
            vector, used = (vectors[operand], kind) if inverse is None else (inverse, "mul")
            op = builder.native.add_binary_constant(
                name, used, builder.tensor(other), vector, reverse, y.tensor, mask, "none", NO_ALPHA, 0.0
            )
            builder.added(op)
            return
    tensors = (builder.tensor(a), builder.tensor(b), y.tensor)
    builder.added(builder.native.add_binary(name, kind, *tensors, mask, "none", NO_ALPHA, 0.0))


def _norm_refused(node: Node, facts: Facts) -> str | None:
    if node.attributes.get("training_mode") or any(node.outputs[1:]):
        return "BatchNormalization in training mode"
    if any(facts.constant(name) is None for name in node.inputs[1:]):
        return "BatchNormalization with parameters that are not constant"
    return facts.missing_picture(node)


def _lower_norm(node: Node, builder: Builder) -> None:
    """y = x * scale, then y = y + offset in place, both on the same active pixels."""
    gamma, beta, mean, variance = (np.asarray(builder.facts.constant(name), np.float64) for name in node.inputs[1:5])
    scale = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    x, y = builder.slot(node.inputs[0]), builder.slot(node.outputs[0])
    mask = builder.mask(node.outputs[0])
    builder.begin_layer(node, y.height * y.width)
    for kind, source, vector in (("mul", x, scale), ("add", y, beta - mean * scale)):
        op = builder.native.add_binary_constant(
            node.outputs[0], kind, source.tensor, floats(vector), False, y.tensor, mask, "none", NO_ALPHA, 0.0
        )
        builder.added(op)


ELEMENTWISE = {
    **{op_type: Lowering(_refused, _lower) for op_type in (*BINARY, *ANY_NUMBER)},
    "BatchNormalization": Lowering(_norm_refused, _lower_norm),
}
