"""MaxPool, AveragePool and global pooling."""

from __future__ import annotations

from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.base import Lowering, ints, text
from edgeskip.graph.ir import Node


def _refused(node: Node, facts: Facts) -> str | None:
    if node.output(1):
        return "MaxPool with indices"
    if node.attributes.get("count_include_pad") and node.attributes.get("ceil_mode"):
        return "AveragePool that counts padding, with ceil_mode"
    return facts.missing_picture(node)


def _lower(node: Node, builder: Builder) -> None:
    x, y = builder.slot(node.inputs[0]), builder.slot(node.outputs[0])
    kernel = ints(node, "kernel_shape", [])
    strides, dilations = ints(node, "strides", [1, 1]), ints(node, "dilations", [1, 1])
    in_size, out_size = (x.height, x.width), (y.height, y.width)
    pads = _pads(node, in_size, out_size, kernel, strides, dilations)
    pads = reaching_pads(pads, in_size, out_size, kernel, strides, dilations)
    builder.begin_layer(node, y.height * y.width)
    builder.added(
        builder.native.add_pool(
            node.outputs[0],
            "max" if node.op_type == "MaxPool" else "average",
            x.tensor,
            y.tensor,
            builder.mask(node.outputs[0]),
            kernel,
            strides,
            pads,
            dilations,
            bool(node.attributes.get("count_include_pad", 0)),
        )
    )


def _pads(
    node: Node,
    in_size: tuple[int, int],
    out_size: tuple[int, int],
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
) -> list[int]:
    """Padding top, left, bottom, right, with auto_pad resolved."""
    auto_pad = text(node, "auto_pad", "NOTSET")
    if auto_pad in ("NOTSET", ""):
        return ints(node, "pads", [0, 0, 0, 0])
    if auto_pad == "VALID":
        return [0, 0, 0, 0]
    totals = [
        max(0, (out_size[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - in_size[i]) for i in range(2)
    ]
    small = [total // 2 for total in totals]
    large = [total - half for total, half in zip(totals, small, strict=True)]
    return [*small, *large] if auto_pad == "SAME_UPPER" else [*large, *small]


def reaching_pads(
    pads: list[int],
    in_size: tuple[int, int],
    out_size: tuple[int, int],
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
) -> list[int]:
    """`pads` with the end moved so that the last window ends there: ceil_mode, as the engine counts sizes."""
    ends = [
        (out_size[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - in_size[i] - pads[i] for i in range(2)
    ]
    return [*pads[:2], *(max(end, 0) for end in ends)]


def _lower_global(node: Node, builder: Builder) -> None:
    x, y = builder.slot(node.inputs[0]), builder.tensor(node.outputs[0])
    mask = builder.mask(node.outputs[0])
    builder.begin_layer(node, 1)
    kind = "max" if node.op_type == "GlobalMaxPool" else "average"
    builder.added(builder.native.add_global_pool(node.outputs[0], kind, x.tensor, y, mask, x.mask))


def _global_refused(node: Node, facts: Facts) -> str | None:
    return facts.missing_picture(node)


POOLING = {
    "MaxPool": Lowering(_refused, _lower),
    "AveragePool": Lowering(_refused, _lower),
    "GlobalAveragePool": Lowering(_global_refused, _lower_global),
    "GlobalMaxPool": Lowering(_global_refused, _lower_global),
}
