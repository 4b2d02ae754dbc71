"""Pooling with ceil_mode as pooling with larger padding at the end, and the sizes that follow.

A window that would start in the padding is left out, says ONNX since opset 19 and do all runtimes, but not ONNX's
own shape inference: behind such a pool it gives sizes that nobody computes.

An average that counts its padding counts none behind it: what the last window reads there has no share in the divisor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeskip.graph.ir import Dim, Graph, Node, TensorInfo

POOLS = ("MaxPool", "AveragePool")


def explicit_ceil(graph: Graph) -> int:
    """Rewrite pools with ceil_mode whose input's size is known; returns how many changed, or got another size."""
    changes = 0
    for node in list(graph.nodes):
        if node.op_type in POOLS and node.domain in ("", "ai.onnx") and node.attributes.get("ceil_mode"):
            size = _size(node, graph)
            if size is not None:
                changes += _settle_size(node, size, graph) | _settle_pads(node, size, graph)
    return changes


def shaped_alike(node: Node, graph: Graph) -> Node:
    """A node whose output has the right size by ONNX's shape inference too: `node` itself for most."""
    if node.op_type not in POOLS or not node.attributes.get("ceil_mode"):
        return node
    size = _size(node, graph)
    if size is None:
        return node
    attributes = {**node.attributes, **_explicit(node, size, graph)}
    return Node(node.op_type, node.inputs, node.outputs, attributes, node.domain, node.name)


def _size(node: Node, graph: Graph) -> tuple[int, int] | None:
    """Height and width of the output; None where they are not known, or padding is automatic."""
    inputs = _picture(graph.shape(node.inputs[0]))
    if inputs is None or node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", ""):
        return None
    kernel, strides, pads, dilations = _geometry(node)
    size = []
    for axis in (0, 1):
        room = inputs[axis] + pads[axis] + pads[axis + 2] - dilations[axis] * (kernel[axis] - 1) - 1
        count = -(-room // strides[axis]) + 1
        starts_behind = (count - 1) * strides[axis] >= inputs[axis] + pads[axis]
        size.append(count - starts_behind)
    return size[0], size[1]


def _settle_size(node: Node, size: tuple[int, int], graph: Graph) -> bool:
    known = graph.shape(node.outputs[0])
    if known is None or tuple(known[2:]) == size:
        return False
    _forget_behind(node, graph)
    graph.info[node.outputs[0]].shape = (*known[:2], *size)
    return True


def _settle_pads(node: Node, size: tuple[int, int], graph: Graph) -> bool:
    explicit = _explicit(node, size, graph)
    if node.attributes.get("count_include_pad"):
        _settle_counted(node, explicit["pads"], graph)
        return True
    if any(pad >= kernel for pad, kernel in zip(explicit["pads"][2:], node.attributes["kernel_shape"], strict=True)):
        return False  # ONNX Runtime refuses such padding
    node.attributes.update(explicit)
    return True


def _settle_counted(node: Node, reached: list[int], graph: Graph) -> None:
    """Padding that counts up to where it was given; the rest of the last window as padding that does not count."""
    given = _geometry(node)[2]
    counted = [*given[:2], *(min(pad, most) for pad, most in zip(reached[2:], given[2:], strict=True))]
    rest = [pad - most for pad, most in zip(reached[2:], counted[2:], strict=True)]
    if not any(rest):
        node.attributes.update(pads=counted, ceil_mode=0)
        return
    if any(counted):
        _pad_input(node, counted, graph)
    node.attributes.update(pads=[0, 0, *rest], ceil_mode=0, count_include_pad=0)


def _pad_input(node: Node, pads: list[int], graph: Graph) -> None:
    """`node` reads its input with zeros around it: values to it, not padding."""
    source = node.inputs[0]
    widths = graph.add_constant(f"{node.outputs[0]}.pads", np.array([0, 0, *pads[:2], 0, 0, *pads[2:]], np.int64))
    padded = graph.fresh(f"{node.outputs[0]}.padded")
    graph.nodes.insert(graph.nodes.index(node), Node("Pad", [source, widths], [padded]))
    info = graph.info[source]
    height, width = (size + pads[axis] + pads[axis + 2] for axis, size in enumerate(_picture(info.shape) or ()))
    graph.info[padded] = TensorInfo(info.dtype, (*info.shape[:2], height, width))
    node.inputs = [padded]


def _explicit(node: Node, size: tuple[int, int], graph: Graph) -> dict[str, Any]:
    """Padding with which the last window ends where the padding does."""
    inputs = _picture(graph.shape(node.inputs[0]))
    assert inputs is not None
    kernel, strides, pads, dilations = _geometry(node)
    ends = [
        max((size[axis] - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1 - inputs[axis] - pads[axis], 0)
        for axis in (0, 1)
    ]
    return {"pads": [*pads[:2], *ends], "ceil_mode": 0}


def _forget_behind(node: Node, graph: Graph) -> None:
    """What depends on `node` has no known size any more: infer_shapes finds the sizes again."""
    doubtful = set(node.outputs)
    for reader in graph.nodes:
        if reader is node or not doubtful & set(reader.inputs):
            continue
        doubtful.update(name for name in reader.outputs if name)
    for name in doubtful & graph.info.keys():
        info = graph.info[name]
        graph.info[name] = TensorInfo(info.dtype, (*info.shape[:1], *[None] * (len(info.shape) - 1)))


def _geometry(node: Node) -> tuple[list[int], list[int], list[int], list[int]]:
    attributes = node.attributes
    return (
        list(attributes["kernel_shape"]),
        list(attributes.get("strides") or [1, 1]),
        list(attributes.get("pads") or [0, 0, 0, 0]),
        list(attributes.get("dilations") or [1, 1]),
    )


def _picture(shape: tuple[Dim, ...] | None) -> tuple[int, int] | None:
    if shape is None or len(shape) != 4 or not isinstance(shape[2], int) or not isinstance(shape[3], int):
        return None
    return shape[2], shape[3]
