"""Resize, nearest and linear, and the mask that goes with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.base import Lowering, ints, text
from edgeskip.backends.cpu.lowering.resize_tables import (
    COORDINATES,
    NEAREST,
    AxisTable,
    linear_table,
    nearest_table,
)
from edgeskip.graph.ir import Node

SCALES, SIZES = 2, 3


def tables(
    attributes: dict[str, Any], in_size: tuple[int, int], out_size: tuple[int, int], scales: tuple[float, float]
) -> tuple[AxisTable, AxisTable]:
    """Row and column table of a Resize (or of a mask's resize, which has the same attributes)."""
    coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
    if attributes.get("mode", "nearest") == "linear":
        rows, columns = (linear_table(*axis, coordinates) for axis in zip(in_size, out_size, scales, strict=True))
    else:
        rounding = attributes.get("nearest_mode", "round_prefer_floor")
        rows, columns = (
            nearest_table(*axis, coordinates, rounding) for axis in zip(in_size, out_size, scales, strict=True)
        )
    return rows, columns


def _refused(node: Node, facts: Facts) -> str | None:
    mode = text(node, "mode", "nearest")
    if mode not in ("nearest", "linear"):
        return f"Resize mode {mode}"
    coordinates = text(node, "coordinate_transformation_mode", "half_pixel")
    if coordinates not in COORDINATES:
        return f"Resize coordinate_transformation_mode {coordinates}"
    if text(node, "nearest_mode", "round_prefer_floor") not in NEAREST:
        return f"Resize nearest_mode {text(node, 'nearest_mode', '')}"
    if node.attributes.get("antialias"):
        return "Resize with antialias"
    if any(name and facts.constant(name) is None for name in node.inputs[1:]):
        return "Resize with scales or sizes that are not constant"
    refused = facts.missing_picture(node)
    if refused:
        return refused
    before, after = facts.size(node.inputs[0]), facts.size(node.outputs[0])
    return None if before and after and before[0] == after[0] else "Resize of the channels"


def _scales(node: Node, facts: Facts, in_size: tuple[int, int], out_size: tuple[int, int]) -> tuple[float, float]:
    """Scales of height and width; those of `sizes` where the node has these and stretches."""
    given = facts.constant(node.input(SCALES))
    if given is None or given.size == 0:
        return out_size[0] / in_size[0], out_size[1] / in_size[1]
    scales = np.ones(4, np.float32)
    scales[ints(node, "axes", list(range(len(given))))] = given
    return float(scales[2]), float(scales[3])


def is_nearest(node: Node) -> bool:
    """Whether each output pixel is a copy of one input pixel."""
    return text(node, "mode", "nearest") == "nearest"


def nearest_reads(node: Node, facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    """Row and column, int32, that each output row and column of a nearest Resize copies."""
    rows, columns = _node_tables(node, facts)
    return np.ascontiguousarray(rows.indices[:, 0]), np.ascontiguousarray(columns.indices[:, 0])


def _node_tables(node: Node, facts: Facts) -> tuple[AxisTable, AxisTable]:
    before, after = facts.size(node.inputs[0]), facts.size(node.outputs[0])
    assert before is not None
    assert after is not None
    return tables(node.attributes, before[1:], after[1:], _scales(node, facts, before[1:], after[1:]))


def _lower(node: Node, builder: Builder) -> None:
    x, y = builder.slot(node.inputs[0]), builder.slot(node.outputs[0])
    rows, columns = _node_tables(node, builder.facts)
    builder.begin_layer(node, y.height * y.width)
    builder.added(
        builder.native.add_resize(
            node.outputs[0],
            x.tensor,
            y.tensor,
            builder.mask(node.outputs[0]),
            rows.indices,
            rows.weights,
            columns.indices,
            columns.weights,
        )
    )


RESIZE = {"Resize": Lowering(_refused, _lower)}
