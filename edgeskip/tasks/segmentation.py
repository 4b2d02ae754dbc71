"""Semantic segmentation: class maps [1, C, h, w], the class of a pixel is its highest channel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.core.placement import Placement
from edgeskip.tasks.base import Decoder, Segmentation
from edgeskip.tasks.maps import shape_table
from edgeskip.tasks.parameters import Parameters
from edgeskip.tasks.registry import register
from edgeskip.tasks.single import single_output

# mean and standard deviation of ImageNet in pixel units, RGB: what most backbones are trained with
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_DEVIATION = (58.395, 57.12, 57.375)


@register
class SegmentationDecoder(Decoder):
    """class_map = arg max over channels.

    Parameters: `resize` (false): the map at the source's size, nearest pixel, without the
    letterbox's padding; else as the network gives it. `output`: which output, where there are several (the last).
    """

    name = "segmentation"

    def __init__(self, resize: bool, output: str, labels: tuple[str, ...], input_size: tuple[int, int]) -> None:
        self._resize = resize
        self._output = output
        self._labels = labels
        self._input_size = input_size

    @classmethod
    def create(cls, task: Task, preparation: Preparation) -> SegmentationDecoder:
        parameters = Parameters(task)
        decoder = cls(parameters.flag("resize", False), parameters.text("output", ""), task.labels, preparation.size)
        parameters.finish()
        return decoder

    @classmethod
    def preparation(cls, size: tuple[int, int]) -> Preparation:
        scale = tuple(1 / deviation for deviation in IMAGENET_DEVIATION)
        return Preparation(size=size, color="RGB", resize="stretch", mean=IMAGENET_MEAN, scale=scale)

    @classmethod
    def matches(cls, input_shape: tuple[int, ...], output_shapes: Mapping[str, tuple[int, ...]]) -> bool:
        table = shape_table(input_shape, output_shapes.values())
        if table is None or len(table) != 1:
            return False
        stride, channels = next(iter(table.items()))
        return stride <= 8 and len(channels) == 1 and 2 <= channels[0] <= 256

    def decode(self, outputs: Mapping[str, np.ndarray], placement: Placement, margin: float = 0.0) -> Segmentation:
        name, value = single_output(self.name, outputs, self._output)
        if value.shape[1] < 2:
            raise ModelError(f"task segmentation: output {name} has {value.shape[1]} class, at least 2 are read")
        class_map = value[0].argmax(axis=0).astype(np.int32)
        if self._resize:
            class_map = to_source(class_map, self._input_size, placement)
        return Segmentation(class_map, self._labels)


def to_source(class_map: np.ndarray, input_size: tuple[int, int], placement: Placement) -> np.ndarray:
    """`class_map` [h, w] of an input of (width, height), at the source's size: the nearest pixel's class."""
    rows = _nearest(placement.source_size[1], placement.scale_y, input_size[1], class_map.shape[0])
    columns = _nearest(placement.source_size[0], placement.scale_x, input_size[0], class_map.shape[1])
    return class_map[rows[:, None], columns[None, :]]


def _nearest(source: int, scale: float, input_side: int, map_side: int) -> np.ndarray:
    """Map pixel under the centre of each of `source` pixels."""
    centers = (np.arange(source) + 0.5) * scale * map_side / input_side
    return np.clip(centers.astype(np.int64), 0, map_side - 1)
