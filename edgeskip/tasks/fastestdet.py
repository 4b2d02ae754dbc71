"""FastestDet: one map [1, 5 + classes, h, w], one detection a cell (github.com/dog-qiuqiu/FastestDet)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.core.placement import Placement
from edgeskip.tasks.base import Decoder, Detections
from edgeskip.tasks.boxes import BoxSettings, Candidates, corners, detections, sigmoid
from edgeskip.tasks.labels import labels_for
from edgeskip.tasks.maps import shape_table, stride_of
from edgeskip.tasks.registry import register


@register
class FastestDetDecoder(Decoder):
    """score = p0^0.6 x (best of p5 onwards)^0.4; cx, cy = (grid + tanh(p1, p2)) / (w, h); size = sigmoid(p3, p4).

    Sigmoid of p0 and softmax of p5 onwards are in the network; centre and size are shares of the input.
    Parameters: score_threshold (0.45), nms_threshold (0.45).
    """

    name = "fastestdet"

    def __init__(self, settings: BoxSettings, labels: tuple[str, ...], input_size: tuple[int, int]) -> None:
        self._settings = settings
        self._labels = labels
        self._input_size = input_size

    @classmethod
    def create(cls, task: Task, preparation: Preparation) -> FastestDetDecoder:
        return cls(BoxSettings.of(task, score=0.45, nms=0.45), task.labels, preparation.size)

    @classmethod
    def preparation(cls, size: tuple[int, int]) -> Preparation:
        return Preparation(size=size, resize="stretch", scale=(1 / 255, 1 / 255, 1 / 255))

    @classmethod
    def matches(cls, input_shape: tuple[int, ...], output_shapes: Mapping[str, tuple[int, ...]]) -> bool:
        table = shape_table(input_shape, output_shapes.values())
        return table is not None and list(table) == [16] and len(table[16]) == 1 and table[16][0] >= 6

    def decode(self, outputs: Mapping[str, np.ndarray], placement: Placement, margin: float = 0.0) -> Detections:
        if len(outputs) != 1:
            raise ModelError(f"task fastestdet: one output map is read, the network has {len(outputs)}")
        name, value = next(iter(outputs.items()))
        stride_of(name, value, self._input_size)
        if value.shape[1] < 6:
            raise ModelError(f"task fastestdet: output {name} has {value.shape[1]} channels, at least 6 are read")
        candidates = _candidates(value[0], self._input_size, self._settings.score - margin)
        return detections(candidates, self._settings, placement, labels_for(self._labels, value.shape[1] - 5))


def _candidates(values: np.ndarray, input_size: tuple[int, int], lowest: float) -> Candidates:
    """Candidates of the map [5 + classes, h, w] with a score above `lowest`, in pixels of the input."""
    height, width = values.shape[1:]
    # rounding in a network can put a probability a hair below 0, whose power would be NaN
    best = np.maximum(values[0], 0) ** 0.6 * np.maximum(values[5:].max(axis=0), 0) ** 0.4
    rows, columns = np.nonzero(best > lowest)
    cells = values[:, rows, columns]
    center_x = (columns + np.tanh(cells[1])) / width * input_size[0]
    center_y = (rows + np.tanh(cells[2])) / height * input_size[1]
    box_width, box_height = (sigmoid(cells[3 + axis]) * input_size[axis] for axis in (0, 1))
    return Candidates(corners(center_x, center_y, box_width, box_height), best[rows, columns], cells[5:].argmax(axis=0))
