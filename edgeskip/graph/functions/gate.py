"""SkipGate in standard ops."""

from __future__ import annotations

from onnx import FunctionProto

from edgeskip.core.contract import SKIP_GATE
from edgeskip.graph.functions.builder import Body
from edgeskip.graph.functions.norms import exceeds, norm
from edgeskip.graph.ir import Node


def gate_overload(node: Node) -> str:
    """The window is part of it: a pooling kernel can't be built from an integer attribute."""
    return f"{node.attributes['norm']}.window{node.attributes['window']}"


def gate_function(node: Node, opset: int) -> FunctionProto:
    """mask = not (box(norm(d)) <= threshold) or not (norm(|box(d)|) <= threshold_signed), d = x - ref."""
    body = Body("SkipGate", SKIP_GATE, opset)
    kind, window = node.attributes["norm"], node.attributes["window"]
    difference = body.op("Sub", "x", "ref")
    texture = exceeds(body, _box_mean(body, norm(body, kind, difference), window), body.attribute("threshold"))
    signed = norm(body, kind, _box_mean(body, difference, window))
    changed = body.op("Or", texture, exceeds(body, signed, body.attribute("threshold_signed")))
    body.op("Where", changed, "x", "ref", output="y")
    body.to_mask(changed, "mask")
    return body.function(gate_overload(node), ["x", "ref"], ["y", "mask"])


def _box_mean(body: Body, tensor: str, window: int) -> str:
    if window == 1:
        return tensor
    return body.op("AveragePool", tensor, kernel_shape=[window, window], pads=[window // 2] * 4, count_include_pad=0)
