"""Slice, Pad, SpaceToDepth and DepthToSpace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.base import Lowering, Views, text
from edgeskip.backends.cpu.lowering.masks import first_index
from edgeskip.graph.ir import Node


@dataclass(frozen=True)
class Window:
    """First index and step of each axis of a Slice."""

    first: tuple[int, int, int]
    step: tuple[int, int, int]

    @property
    def whole_picture(self) -> bool:
        """Whether height and width begin at 0 and have step 1."""
        return self.first[1:] == (0, 0) and self.step[1:] == (1, 1)


def _window(node: Node, facts: Facts) -> Window | str:
    values = [facts.constant(name) if name else None for name in (node.input(i) for i in range(1, 5))]
    if values[0] is None or any(node.input(i + 1) and value is None for i, value in enumerate(values)):
        return "Slice with indices that are not constant"
    size = facts.size(node.inputs[0])
    if size is None:
        return f"{node.inputs[0]} is not a float32 picture [N, C, H, W] of fixed size"
    count = len(values[0])
    axes = range(count) if values[2] is None else [int(axis) % 4 for axis in values[2]]
    steps = [1] * count if values[3] is None else [int(step) for step in values[3]]
    first, step = [0, 0, 0], [1, 1, 1]
    for axis, start, stride in zip(axes, values[0], steps, strict=True):
        if axis == 0:
            return "Slice of the batch"
        step[axis - 1] = stride
        first[axis - 1] = first_index(int(start), size[axis - 1], stride)
    return Window((first[0], first[1], first[2]), (step[0], step[1], step[2]))


def _slice_refused(node: Node, facts: Facts) -> str | None:
    window = _window(node, facts)
    if isinstance(window, str):
        return window
    if window.step[0] != 1 and not _channels_only(window, node, facts):
        return "Slice of channels with a step, and of the picture"
    return facts.missing_picture(node)


def _channels_only(window: Window, node: Node, facts: Facts) -> bool:
    before, after = facts.size(node.inputs[0]), facts.size(node.outputs[0])
    return window.whole_picture and before is not None and after is not None and before[1:] == after[1:]


def _slice_views(node: Node, facts: Facts) -> Views:
    window = _window(node, facts)
    assert isinstance(window, Window)
    if window.step[0] == 1 and _channels_only(window, node, facts):
        return {node.outputs[0]: (node.inputs[0], window.first[0])}
    return {}


def _lower_slice(node: Node, builder: Builder) -> None:
    y = builder.slot(node.outputs[0])
    if node.outputs[0] in builder.layout.views:
        return
    window = _window(node, builder.facts)
    assert isinstance(window, Window)
    builder.begin_layer(node, y.height * y.width)
    name, mask = node.outputs[0], builder.mask(node.outputs[0])
    builder.slot(node.inputs[0])
    if window.whole_picture and window.step[0] != 1:
        indices = (window.first[0] + window.step[0] * np.arange(y.channels)).astype(np.int32)
        builder.added(builder.native.add_gather(name, builder.tensor(node.inputs[0]), y.tensor, mask, indices))
        return
    x = builder.part(node.inputs[0], window.first[0], y.channels)
    offset, step = list(window.first[1:]), list(window.step[1:])
    builder.added(builder.native.add_window(name, x, y.tensor, mask, offset, step, 0.0))


def _pads(node: Node, facts: Facts) -> list[int] | str:
    """Top, left of a Pad with constant value; the reason where it is another one."""
    if text(node, "mode", "constant") != "constant":
        return f"Pad mode {text(node, 'mode', '')}"
    if any(name and facts.constant(name) is None for name in node.inputs[1:]):
        return "Pad with widths or value that are not constant"
    given = facts.constant(node.inputs[1])
    axes = facts.constant(node.input(3))
    assert given is not None
    positions = list(range(4)) if axes is None else [int(axis) % 4 for axis in axes]
    pads = np.zeros((2, 4), np.int64)
    pads[:, positions] = given.reshape(2, -1)
    return "Pad of batch or channels" if pads[:, :2].any() else [int(pads[0, 2]), int(pads[0, 3])]


def _pad_refused(node: Node, facts: Facts) -> str | None:
    pads = _pads(node, facts)
    return pads if isinstance(pads, str) else facts.missing_picture(node)


def _lower_pad(node: Node, builder: Builder) -> None:
    pads = _pads(node, builder.facts)
    assert not isinstance(pads, str)
    given = builder.facts.constant(node.input(2))
    value = 0.0 if given is None else float(given.reshape(-1)[0])
    x, y = builder.slot(node.inputs[0]), builder.slot(node.outputs[0])
    mask = builder.mask(node.outputs[0])
    builder.begin_layer(node, y.height * y.width)
    offset = [-pads[0], -pads[1]]
    builder.added(builder.native.add_window(node.outputs[0], x.tensor, y.tensor, mask, offset, [1, 1], value))


def _block_refused(node: Node, facts: Facts) -> str | None:
    return facts.missing_picture(node)


def _lower_space_to_depth(node: Node, builder: Builder) -> None:
    x, y, mask = builder.tensor(node.inputs[0]), builder.slot(node.outputs[0]), builder.mask(node.outputs[0])
    builder.begin_layer(node, y.height * y.width)
    block = int(node.attributes["blocksize"])
    builder.added(builder.native.add_space_to_depth(node.outputs[0], x, y.tensor, mask, block))


def _lower_depth_to_space(node: Node, builder: Builder) -> None:
    x, y, mask = builder.tensor(node.inputs[0]), builder.slot(node.outputs[0]), builder.mask(node.outputs[0])
    builder.begin_layer(node, y.height * y.width)
    block, column_row_depth = int(node.attributes["blocksize"]), text(node, "mode", "DCR") == "CRD"
    builder.added(builder.native.add_depth_to_space(node.outputs[0], x, y.tensor, mask, block, column_row_depth))


SPATIAL = {
    "Slice": Lowering(_slice_refused, _lower_slice, _slice_views),
    "Pad": Lowering(_pad_refused, _lower_pad),
    "SpaceToDepth": Lowering(_block_refused, _lower_space_to_depth),
    "DepthToSpace": Lowering(_block_refused, _lower_depth_to_space),
}
