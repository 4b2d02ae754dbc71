"""Chains of Add, Mul, Clip, Relu and the like are all one function: clip(slope * x + offset, low, high)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from edgeskip.core.contract import Activation
from edgeskip.graph.ir import Graph, Node

_INFINITY = math.inf


@dataclass(frozen=True)
class Ramp:
    """y = min(max(slope * x + offset, low), high); the set is closed under the ops of `step`."""

    slope: float = 1.0
    offset: float = 0.0
    low: float = -_INFINITY
    high: float = _INFINITY

    def scaled(self, factor: float) -> Ramp | None:
        """The ramp times `factor` > 0."""
        if not factor > 0:
            return None
        return Ramp(self.slope * factor, self.offset * factor, self.low * factor, self.high * factor)

    def shifted(self, term: float) -> Ramp:
        """The ramp plus `term`."""
        return Ramp(self.slope, self.offset + term, self.low + term, self.high + term)

    def clipped(self, low: float, high: float) -> Ramp:
        """The ramp clipped once more; as in Clip, `high` wins where the bounds cross."""
        bound = min(max(self.low, low), high)
        return replace(self, low=bound, high=min(max(self.high, low), high))

    def close_to(self, slope: float, offset: float, low: float, high: float) -> bool:
        """Whether the coefficients are these, within the rounding of printed constants."""
        pairs = zip((self.slope, self.offset, self.low, self.high), (slope, offset, low, high), strict=True)
        return all(a == b or math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-7) for a, b in pairs)


def ramp_of(activation: Activation) -> Ramp | None:
    """`activation` as a ramp, or None where it is none."""
    if activation.kind == "none":
        return Ramp()
    if activation.kind == "relu":
        return Ramp(low=0.0)
    if activation.kind == "clip":
        return Ramp(low=activation.alpha[0], high=activation.beta)
    if activation.kind == "hard_sigmoid":
        return Ramp(activation.alpha[0], activation.beta, 0.0, 1.0)
    return None


def activation_of_ramp(ramp: Ramp) -> Activation | None:
    """The activation that computes `ramp`, or None where there is none."""
    if ramp.slope == 1 and ramp.offset == 0:
        if ramp.low == -_INFINITY and ramp.high == _INFINITY:
            return None
        if ramp.low == 0 and ramp.high == _INFINITY:
            return Activation("relu")
        return Activation("clip", (ramp.low,), ramp.high)
    if ramp.low == 0 and math.isclose(ramp.high, 1.0, rel_tol=1e-5):
        return Activation("hard_sigmoid", (ramp.slope,), ramp.offset)
    return None


def step(graph: Graph, ramp: Ramp, node: Node, tensor: str) -> Ramp | None:
    """`ramp` of `tensor`, followed by `node`; None where the result is no ramp."""
    if node.domain or node.inputs.count(tensor) != 1:
        return None
    if node.op_type == "Relu":
        return ramp.clipped(0.0, _INFINITY)
    if node.op_type == "HardSigmoid":
        scaled = ramp.scaled(node.attributes.get("alpha", 0.2))
        return scaled.shifted(node.attributes.get("beta", 0.5)).clipped(0.0, 1.0) if scaled else None
    if node.op_type == "Clip":
        low, high = _bound(graph, node, 1, -_INFINITY), _bound(graph, node, 2, _INFINITY)
        return None if low is None or high is None or node.inputs[0] != tensor else ramp.clipped(low, high)
    return _binary_step(graph, ramp, node, tensor)


def _binary_step(graph: Graph, ramp: Ramp, node: Node, tensor: str) -> Ramp | None:
    if len(node.inputs) != 2:
        return None
    first = node.inputs[0] == tensor
    value = scalar(graph, node.inputs[1 if first else 0])
    if value is None:
        return None
    if node.op_type == "Add":
        return ramp.shifted(value)
    if node.op_type == "Sub" and first:
        return ramp.shifted(-value)
    if node.op_type == "Mul":
        return ramp.scaled(value)
    if node.op_type == "Div" and first and value != 0:
        return ramp.scaled(1.0 / value)
    if node.op_type == "Min":
        return ramp.clipped(-_INFINITY, value)
    if node.op_type == "Max":
        return ramp.clipped(value, _INFINITY)
    return None


def scalar(graph: Graph, tensor: str) -> float | None:
    """Value of a constant of one element that broadcasts without adding axes to a picture."""
    value = graph.constant(tensor)
    if value is None or value.size != 1 or value.ndim > 4 or not np.issubdtype(value.dtype, np.floating):
        return None
    return float(value.reshape(()))


def _bound(graph: Graph, node: Node, index: int, default: float) -> float | None:
    return scalar(graph, node.inputs[index]) if node.input(index) else default
