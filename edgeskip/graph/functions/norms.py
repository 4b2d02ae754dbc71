"""Norms over channels and the activations, as nodes of a function body."""

from __future__ import annotations

from edgeskip.graph.functions.builder import Body


def norm(body: Body, kind: str, difference: str) -> str:
    """norm_c of `difference` [N, C, H, W] as [N, 1, H, W]; NaN in any channel gives NaN."""
    axes = body.constant([1])
    if kind == "l2":
        mean = _channel_mean(body, body.op("Mul", difference, difference), difference, axes)
        return body.op("Sqrt", mean)
    magnitude = body.op("Abs", difference)
    if kind == "l1":
        return _channel_mean(body, magnitude, difference, axes)
    if body.opset >= 18:
        largest = body.op("ReduceMax", magnitude, axes, keepdims=1)
    else:
        largest = body.op("ReduceMax", magnitude, axes=[1], keepdims=1)
    # a maximum may lose a NaN, a sum does not
    total = body.op("ReduceSum", magnitude, axes, keepdims=1)
    return body.op("Where", body.op("IsNaN", total), total, largest)


def exceeds(body: Body, value: str, threshold: str) -> str:
    """not (value <= threshold), so that NaN exceeds."""
    return body.op("Not", body.op("LessOrEqual", value, threshold))


def activation(body: Body, kind: str, x: str) -> str:
    """act(x) of one of the contract's kinds."""
    return _ACTIVATIONS[kind](body, x) if kind != "none" else x


def _channel_mean(body: Body, summand: str, like: str, axes: str) -> str:
    channels = body.op("Gather", body.op("Shape", like), body.constant(1))
    return body.op("Div", body.op("ReduceSum", summand, axes, keepdims=1), body.to_float(channels))


def _clip(body: Body, x: str) -> str:
    return body.op("Max", body.op("Min", x, body.attribute("beta")), body.attribute("alpha"))


def _leaky_relu(body: Body, x: str) -> str:
    return body.op("PRelu", x, body.attribute("alpha"))


def _prelu(body: Body, x: str) -> str:
    slope = body.op("Reshape", body.attribute("alpha"), body.constant([-1, 1, 1]))
    return body.op("PRelu", x, slope)


def _silu(body: Body, x: str) -> str:
    return body.op("Mul", x, body.op("Sigmoid", x))


def _hard_swish(body: Body, x: str) -> str:
    return body.op("Mul", x, body.op("HardSigmoid", x, alpha=1.0 / 6.0, beta=0.5))


def _hard_sigmoid(body: Body, x: str) -> str:
    line = body.op("Add", body.op("Mul", x, body.attribute("alpha")), body.attribute("beta"))
    return body.op("Max", body.op("Min", line, body.constant(1.0)), body.constant(0.0))


_ACTIVATIONS = {
    "relu": lambda body, x: body.op("Relu", x),
    "clip": _clip,
    "leaky_relu": _leaky_relu,
    "prelu": _prelu,
    "silu": _silu,
    "hard_swish": _hard_swish,
    "hard_sigmoid": _hard_sigmoid,
    "sigmoid": lambda body, x: body.op("Sigmoid", x),
    "tanh": lambda body, x: body.op("Tanh", x),
}
