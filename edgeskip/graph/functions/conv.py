"""SkipConv in standard ops."""

from __future__ import annotations

import onnx
from onnx import FunctionProto

from edgeskip.core.contract import SKIP_CONV
from edgeskip.graph.functions.builder import Body
from edgeskip.graph.functions.norms import activation, exceeds, norm
from edgeskip.graph.ir import Node

_OPTIONAL = ("b", "z", "mask_z", "gate", "channel_weight")


def conv_overload(node: Node) -> str:
    """Which body a SkipConv needs: kind of convolution, activation, norm and the optional inputs present."""
    attributes = node.attributes
    kind = "transposed" if attributes["transposed"] else "conv"
    present = [name for name in _OPTIONAL if _has(node, name)]
    return ".".join([kind, attributes["activation"], attributes["norm"], *present])


def conv_function(node: Node, opset: int) -> FunctionProto:
    """y = where(mask_y, yhat, y_prev), with yhat computed densely and masked afterwards."""
    body = Body("SkipConv", SKIP_CONV, opset)
    value = _convolution(body, node, "x", "w", ["b"] if _has(node, "b") else [], grouped=True)
    if _has(node, "z"):
        value = body.op("Add", value, "z")
    value = activation(body, node.attributes["activation"], value)
    active = _candidates(body, node)
    if _has(node, "gate"):
        active = _gated(body, active)
    changed = body.op("And", active, _changed(body, node, value))
    body.op("Where", changed, value, "y_prev", output="y")
    body.to_mask(changed, "mask_y")
    outputs = ["y", "mask_y", "pending_next"] if _has(node, "gate") else ["y", "mask_y"]
    return body.function(conv_overload(node), list(SKIP_CONV.inputs), outputs)


def _has(node: Node, name: str) -> bool:
    return bool(node.input(SKIP_CONV.inputs.index(name)))


def _convolution(body: Body, node: Node, x: str, w: str, b: list[str], grouped: bool) -> str:
    refs = ("kernel_shape", "strides", "pads", "dilations") + (("group",) if grouped else ())
    if node.attributes["transposed"]:
        return body.op("ConvTranspose", x, w, *b, refs=(*refs, "output_padding"))
    return body.op("Conv", x, w, *b, refs=refs)


def _candidates(body: Body, node: Node) -> str:
    # Convolving the mask with ones reaches what the convolution reaches, transposed or not, and
    # unlike MaxPool takes any padding.
    shape = body.op("Concat", body.constant([1, 1]), body.attribute("kernel_shape"), axis=0)
    one = onnx.helper.make_tensor("one", onnx.TensorProto.FLOAT, [1], [1.0])
    ones = body.op("ConstantOfShape", shape, value=one)
    reached = _convolution(body, node, body.to_float("mask_x"), ones, [], grouped=False)
    candidates = body.op("Greater", reached, body.constant(0.5))
    return body.op("Or", candidates, body.to_bool("mask_z")) if _has(node, "mask_z") else candidates


def _gated(body: Body, candidates: str) -> str:
    """A = (pending | c) & (gate | isnan(y_prev)); writes pending_next = (pending | c) & ~A."""
    wanted = body.op("Or", body.to_bool("pending"), candidates)
    total = body.op("ReduceSum", "y_prev", body.constant([1]), keepdims=1)
    active = body.op("And", wanted, body.op("Or", body.to_bool("gate"), body.op("IsNaN", total)))
    body.to_mask(body.op("And", wanted, body.op("Not", active)), "pending_next")
    return active


def _changed(body: Body, node: Node, value: str) -> str:
    difference = body.op("Sub", value, "y_prev")
    if _has(node, "channel_weight"):
        weight = body.op("Reshape", "channel_weight", body.constant([1, -1, 1, 1]))
        difference = body.op("Mul", difference, weight)
    return exceeds(body, norm(body, node.attributes["norm"], difference), body.attribute("threshold"))
