"""y = f(x), element by element."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.base import Function, Lowering, floats
from edgeskip.graph.ir import Node

LARGEST = float(np.finfo(np.float32).max)
PLAIN = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "HardSwish": "hard_swish",
    "Exp": "exp",
    "Sqrt": "sqrt",
    "Neg": "neg",
    "Abs": "abs",
    "Reciprocal": "reciprocal",
    "Log": "log",
}


def function_of(node: Node, facts: Facts) -> Function | str:
    """The native function of an element-wise node, or why there is none."""
    if node.op_type in PLAIN:
        return Function(PLAIN[node.op_type])
    return _PARAMETERS[node.op_type](node, facts)


def _clip(node: Node, facts: Facts) -> Function | str:
    limits = [-LARGEST, LARGEST]
    for index in (0, 1):
        name = node.input(index + 1)
        if name and facts.constant(name) is None:
            return f"limit {name} is not constant"
        if name:
            limits[index] = float(np.asarray(facts.constant(name)).reshape(-1)[0])
    return Function("clip", floats([limits[0]]), limits[1])


def _leaky_relu(node: Node, facts: Facts) -> Function | str:
    return Function("leaky_relu", floats([node.attributes.get("alpha", 0.01)]))


def _hard_sigmoid(node: Node, facts: Facts) -> Function | str:
    return Function("hard_sigmoid", floats([node.attributes.get("alpha", 0.2)]), node.attributes.get("beta", 0.5))


def _prelu(node: Node, facts: Facts) -> Function | str:
    slope, size = facts.constant(node.inputs[1]), facts.size(node.inputs[0])
    if slope is None or size is None:
        return f"slope {node.inputs[1]} is not constant"
    if slope.size == 1:
        return Function("leaky_relu", floats(slope))
    if slope.size != size[0] or slope.ndim < 3 or slope.shape[-3] != size[0]:
        return f"slope of shape {slope.shape} is not one per channel"
    return Function("prelu", floats(slope))


_PARAMETERS: dict[str, Callable[[Node, Facts], Function | str]] = {
    "Clip": _clip,
    "LeakyRelu": _leaky_relu,
    "HardSigmoid": _hard_sigmoid,
    "PRelu": _prelu,
}


def _refused(node: Node, facts: Facts) -> str | None:
    refused = facts.missing_picture(node)
    function = function_of(node, facts)
    return refused or (function if isinstance(function, str) else None)


def _lower(node: Node, builder: Builder) -> None:
    function = function_of(node, builder.facts)
    assert isinstance(function, Function)
    x, y = builder.slot(node.inputs[0]), builder.slot(node.outputs[0])
    mask = builder.mask(node.outputs[0])
    builder.begin_layer(node, y.height * y.width)
    native = builder.native
    builder.added(
        native.add_unary(node.outputs[0], x.tensor, y.tensor, mask, function.kind, function.alpha, function.beta)
    )


UNARY = {op_type: Lowering(_refused, _lower) for op_type in (*PLAIN, *_PARAMETERS)}
