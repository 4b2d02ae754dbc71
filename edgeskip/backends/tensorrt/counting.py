"""Active pixels of each convolution, counted on the device from the masks of the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeskip.backends.tensorrt.library import COUNT_ITEM
from edgeskip.core.contract import SKIP_CONV
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import ConvInfo, SkipModel


@dataclass(frozen=True)
class Counted:
    """A convolution that the plugin computes: what its active pixels follow from, as names in the contract."""

    info: ConvInfo
    mask_x: str
    mask_z: str
    pending: str


def counted_convolutions(model: SkipModel, plugin_tensors: set[str], masks: set[str]) -> list[Counted]:
    """Convolutions whose pixels can be counted: those of the plugin, where their masks can be read.

    All others count as computed whole: TensorRT computes them so.
    """
    found = []
    for info in model.convolutions:
        mask_x, mask_z = (_given(info.node, name) for name in ("mask_x", "mask_z"))
        readable = mask_x in masks and (not mask_z or mask_z in masks)
        if info.name in plugin_tensors and readable and not info.node.attributes["transposed"]:
            found.append(Counted(info, mask_x, mask_z, _given(info.node, "pending")))
    return found


def count_items(
    counted: list[Counted],
    addresses: dict[str, int],
    shapes: dict[str, tuple[int, ...]],
    pending: dict[str, tuple[int, int]],
) -> np.ndarray:
    """COUNT_ITEM [convolutions].

    Args:
        counted: the convolutions, in the order of the counts.
        addresses, shapes: of each mask on the device.
        pending: of each pending state, the addresses of what it was before the frame and of what it is after.
    """  # fmt: skip
    items = np.zeros(len(counted), COUNT_ITEM)
    for item, conv in zip(items, counted, strict=True):
        item["mask_x"], item["mask_z"] = addresses[conv.mask_x], addresses.get(conv.mask_z, 0)
        item["pending_before"], item["pending_after"] = pending.get(conv.pending, (0, 0))
        item["in_height"], item["in_width"] = shapes[conv.mask_x][2:]
        item["z_height"], item["z_width"] = shapes[conv.mask_z][2:] if conv.mask_z else (0, 0)
        item["out_height"], item["out_width"] = conv.info.out_shape[2:]
        kernel, stride, dilation, pads = _window(conv, shapes[conv.mask_x][2:])
        for name, sides in (("kernel", kernel), ("stride", stride), ("dilation", dilation)):
            item[f"{name}_height"], item[f"{name}_width"] = sides
        item["pad_top"], item["pad_left"] = pads
    return items


def _window(conv: Counted, mask_size: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Kernel, stride, dilation and pads, by height and width, with which a pixel looks at mask_x."""
    if tuple(mask_size) == (1, 1) != tuple(conv.info.in_shape[2:]):
        return (1, 1), (0, 0), (1, 1), (0, 0)  # one bit for all
    attributes = conv.info.node.attributes
    return tuple(tuple(attributes[key][:2]) for key in ("kernel_shape", "strides", "dilations", "pads"))


def _given(node: Node, name: str) -> str:
    return node.input(SKIP_CONV.inputs.index(name))
