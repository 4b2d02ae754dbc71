"""auto_pad of pooling becomes explicit pads; the rule of SAME padding, written once."""

from __future__ import annotations

from collections.abc import Sequence

from edgeskip.graph.ir import Dim, Graph

_POOLS = ("MaxPool", "AveragePool", "LpPool")


def resolve_auto_pad(graph: Graph) -> int:
    """Write explicit pads into pooling nodes whose input size is known."""
    changes = 0
    for node in graph.nodes:
        mode = node.attributes.get("auto_pad", "NOTSET")
        if node.op_type not in _POOLS or node.domain or mode == "NOTSET":
            continue
        pads = [0, 0, 0, 0] if mode == "VALID" else same_pads(graph.shape(node.inputs[0]), mode, node.attributes)
        if pads is not None and len(node.attributes["kernel_shape"]) == 2:
            node.attributes = {key: value for key, value in node.attributes.items() if key != "auto_pad"}
            node.attributes["pads"] = pads
            changes += 1
    return changes


def same_pads(shape: tuple[Dim, ...] | None, mode: str, geometry: dict[str, Sequence[int]]) -> list[int] | None:
    """Pads [top, left, bottom, right] for SAME_UPPER or SAME_LOWER, or None where the size is unknown.

    The output has ceil(size / stride) pixels; an odd pad goes to the end for SAME_UPPER.
    """
    if shape is None or len(shape) != 4 or not all(isinstance(size, int) for size in shape[2:]):
        return None
    begin, end = [], []
    for axis, size in enumerate(shape[2:]):
        stride = geometry.get("strides", [1, 1])[axis]
        extent = (geometry["kernel_shape"][axis] - 1) * geometry.get("dilations", [1, 1])[axis] + 1
        total = max(0, (-(-size // stride) - 1) * stride + extent - size)
        first = total // 2 if mode == "SAME_UPPER" else total - total // 2
        begin.append(first)
        end.append(total - first)
    return begin + end
