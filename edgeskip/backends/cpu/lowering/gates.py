"""SkipGate and SkipConv: the ops that decide what changed."""

from __future__ import annotations

import numpy as np

from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.base import Function, Lowering, floats
from edgeskip.backends.cpu.lowering.unary import function_of
from edgeskip.backends.cpu.plan import NO_MASK, NO_TENSOR
from edgeskip.core.contract import SKIP_CONV
from edgeskip.graph.ir import Node


def _input(node: Node, name: str) -> str:
    return node.input(SKIP_CONV.inputs.index(name))


def _gate_refused(node: Node, facts: Facts) -> str | None:
    size = facts.size(node.inputs[0])
    return None if size else f"{node.inputs[0]} is not a float32 picture [N, C, H, W] of fixed size"


def _lower_gate(node: Node, builder: Builder) -> None:
    y = builder.slot(node.outputs[0])
    builder.begin_layer(node, y.height * y.width)
    attributes = node.attributes
    taken_in = builder.facts.read_once(node.inputs[0])
    if taken_in:
        builder.plan.taken_in[node.inputs[0]] = len(builder.plan.taken_in)
    # what did not change is no further from the reference than it was: a window sees more than one pixel
    mask_x = NO_MASK if taken_in or attributes["window"] > 1 else builder.slot(node.inputs[0]).mask
    builder.added(
        builder.native.add_gate(
            node.outputs[0],
            NO_TENSOR if taken_in else builder.tensor(node.inputs[0]),
            y.tensor,
            builder.mask_named(node.outputs[1]),
            attributes["norm"],
            float(attributes["threshold"]),
            float(attributes["threshold_signed"]),
            int(attributes["window"]),
            mask_x,
        )
    )


def _conv_refused(node: Node, facts: Facts) -> str | None:
    for name in ("w", "b", "channel_weight"):
        tensor = _input(node, name)
        if tensor and facts.constant(tensor) is None:
            return f"input {name} ({tensor}) is not constant"
    for name in ("x", "z"):
        tensor = _input(node, name)
        if tensor and facts.size(tensor) is None:
            return f"{tensor} is not a float32 picture [N, C, H, W] of fixed size"
    z = _input(node, "z")
    if z and facts.size(z) != facts.size(node.outputs[0]):
        return f"residual {z} has another size than the output"
    return None


def _lower_conv(node: Node, builder: Builder) -> None:
    y = builder.slot(node.outputs[0])
    pixels = y.height * y.width
    weight = np.ascontiguousarray(builder.facts.constant(_input(node, "w")), np.float32)
    macs = conv_macs(node, weight, builder)
    builder.begin_layer(node, pixels, macs)
    attributes = node.attributes
    picture, vector = builder.products.get(_input(node, "x"), (_input(node, "x"), ""))
    op = builder.native.add_conv(
        node.outputs[0],
        builder.tensor(picture),
        builder.mask_named(_input(node, "mask_x")),
        y.tensor,
        builder.mask_named(node.outputs[1]),
        weight,
        _vector(builder, _input(node, "b")),
        list(attributes["strides"]),
        list(attributes["pads"]),
        list(attributes["dilations"]),
        int(attributes["group"]),
        bool(attributes["transposed"]),
        attributes["activation"],
        floats(attributes["alpha"]),
        float(attributes["beta"]),
        float(attributes["threshold"]),
        attributes["norm"],
        int(attributes["block"]),
        **_optional_inputs(node, builder),
        scale=builder.tensor(vector) if vector else NO_TENSOR,
        activated=_activated(node, builder),
    )
    builder.convolution(builder.added(op), macs, pixels)


def _optional_inputs(node: Node, builder: Builder) -> dict[str, object]:
    z, mask_z = _input(node, "z"), _input(node, "mask_z")
    gate, pending = _input(node, "gate"), _input(node, "pending")
    return {
        "z": builder.tensor(z) if z else NO_MASK,
        "mask_z": builder.mask_named(mask_z) if mask_z else NO_MASK,
        "channel_weight": _vector(builder, _input(node, "channel_weight")),
        "gate": builder.mask_named(gate) if gate else NO_MASK,
        # the state output and the state input are the same mask: it is updated in place
        "pending": builder.mask_named(pending) if pending else NO_MASK,
    }


def _activated(node: Node, builder: Builder) -> tuple[int, str, np.ndarray, float] | None:
    """The activation's tensor and function, where the convolution writes it too."""
    nodes = builder.activations.get(node.outputs[0])
    if nodes is None:
        return None
    function = Function("silu") if len(nodes) > 1 else function_of(nodes[0], builder.facts)
    assert isinstance(function, Function)
    return builder.tensor(nodes[-1].outputs[0]), function.kind, function.alpha, function.beta


def conv_macs(node: Node, weight: np.ndarray, builder: Builder) -> int:
    """Multiply-accumulates when every pixel is active.

    A tap costs one per input channel of its group and output channel: both weight layouts hold that as their
    size, once per output pixel, or once per input pixel where the convolution is transposed.
    """
    picture = builder.slot(_input(node, "x") if node.attributes["transposed"] else node.outputs[0])
    return picture.height * picture.width * weight.size


def _vector(builder: Builder, name: str) -> np.ndarray | None:
    return floats(builder.facts.constant(name)) if name else None


GATES = {
    "SkipGate": Lowering(_gate_refused, _lower_gate),
    "SkipConv": Lowering(_conv_refused, _lower_conv),
}
