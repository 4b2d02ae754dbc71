"""SkipMask in standard ops, one body per kind."""

from __future__ import annotations

from collections.abc import Callable

from onnx import FunctionProto

from edgeskip.core.contract import SKIP_MASK
from edgeskip.graph.functions.builder import Body
from edgeskip.graph.ir import Node


def mask_overload(node: Node) -> str:
    """The kind, with what a body can't take from an attribute: the input count, the resize mode and rule."""
    attributes = node.attributes
    kind = attributes["kind"]
    if kind == "union":
        return f"union{len(node.inputs)}"
    if kind == "resize":
        rule = "scales" if attributes["scales"] else "sizes"
        return ".".join([kind, attributes["mode"], rule])
    return kind


def mask_function(node: Node, opset: int) -> FunctionProto:
    """The body of one kind of SkipMask."""
    body = Body("SkipMask", SKIP_MASK, opset)
    inputs = [f"mask{index}" for index in range(len(node.inputs))]
    _KINDS[node.attributes["kind"]](body, node, inputs)
    return body.function(mask_overload(node), inputs, ["mask_out"])


def _union(body: Body, node: Node, inputs: list[str]) -> None:
    body.op("Max", *inputs, output="mask_out")


def _pool(body: Body, node: Node, inputs: list[str]) -> None:
    refs = ("kernel_shape", "strides", "pads", "dilations", "ceil_mode")
    body.to_mask(body.op("MaxPool", body.to_float(inputs[0]), refs=refs), "mask_out")


def _resize(body: Body, node: Node, inputs: list[str]) -> None:
    refs = ("mode", "coordinate_transformation_mode", "nearest_mode")
    mask = body.to_float(inputs[0])
    if node.attributes["scales"]:
        ones = body.op("Constant", value_floats=[1.0, 1.0])
        resized = body.op("Resize", mask, "", body.op("Concat", ones, body.attribute("scales"), axis=0), refs=refs)
    else:
        first = body.op("Slice", body.op("Shape", mask), body.constant([0]), body.constant([2]))
        sizes = body.op("Concat", first, body.attribute("sizes"), axis=0)
        resized = body.op("Resize", mask, "", "", sizes, refs=refs)
    body.to_mask(body.op("Greater", resized, body.constant(0.0)), "mask_out")


def _reduce(body: Body, node: Node, inputs: list[str]) -> None:
    body.to_mask(body.op("GlobalMaxPool", body.to_float(inputs[0])), "mask_out")


def _slice(body: Body, node: Node, inputs: list[str]) -> None:
    window = [body.attribute("starts"), body.attribute("ends"), body.constant([2, 3]), body.attribute("steps")]
    body.op("Slice", inputs[0], *window, output="mask_out")


def _pad(body: Body, node: Node, inputs: list[str]) -> None:
    """A padded pixel counts as its nearest pixel of the picture, so that unknown state fills it once."""
    pads, zeros = body.attribute("pads"), body.constant([0, 0])
    before = body.op("Slice", pads, body.constant([0]), body.constant([2]))
    after = body.op("Slice", pads, body.constant([2]), body.constant([4]))
    whole = body.op("Concat", zeros, before, zeros, after, axis=0)
    body.to_mask(body.op("Pad", body.to_float(inputs[0]), whole, mode="edge"), "mask_out")


def _upsample(body: Body, node: Node, inputs: list[str]) -> None:
    factor = body.op("Reshape", body.to_float(body.attribute("factor")), body.constant([1]))
    ones = body.op("Constant", value_floats=[1.0, 1.0])
    scales = body.op("Concat", ones, factor, factor, axis=0)
    resized = body.op(
        "Resize", body.to_float(inputs[0]), "", scales,
        mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip
    body.to_mask(resized, "mask_out")


_KINDS: dict[str, Callable[[Body, Node, list[str]], None]] = {
    "union": _union,
    "pool": _pool,
    "resize": _resize,
    "reduce": _reduce,
    "slice": _slice,
    "pad": _pad,
    "upsample": _upsample,
}
