"""YOLOX: one map [1, 5 + classes, h, w] per level, no anchors (arXiv 2107.08430). Also the bundled network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.core.placement import Placement
from edgeskip.tasks.base import Decoder, Detections
from edgeskip.tasks.boxes import BoxSettings, Candidates, corners, detections, exponential
from edgeskip.tasks.labels import labels_for
from edgeskip.tasks.maps import levels, shape_table
from edgeskip.tasks.registry import register


@register
class YoloxDecoder(Decoder):
    """cx, cy = (p0, p1 + grid) x stride; w, h = exp(p2, p3) x stride; score = p4 x best of p5 onwards.

    The sigmoid of p4 onwards is in the network. A cell yields one detection, of its best class.
    Parameters: score_threshold (0.35), nms_threshold (0.45).
    """

    name = "yolox"

    def __init__(self, settings: BoxSettings, labels: tuple[str, ...], input_size: tuple[int, int]) -> None:
        self._settings = settings
        self._labels = labels
        self._input_size = input_size

    @classmethod
    def create(cls, task: Task, preparation: Preparation) -> YoloxDecoder:
        return cls(BoxSettings.of(task, score=0.35, nms=0.45), task.labels, preparation.size)

    @classmethod
    def preparation(cls, size: tuple[int, int]) -> Preparation:
        return Preparation(size=size, pad_value=114.0)

    @classmethod
    def matches(cls, input_shape: tuple[int, ...], output_shapes: Mapping[str, tuple[int, ...]]) -> bool:
        table = shape_table(input_shape, output_shapes.values())
        if table is None or len(table) < 2 or any(len(channels) != 1 for channels in table.values()):
            return False
        counts = {channels[0] for channels in table.values()}
        return len(counts) == 1 and min(counts) >= 6 and min(table) >= 4

    def decode(self, outputs: Mapping[str, np.ndarray], placement: Placement, margin: float = 0.0) -> Detections:
        maps = [(stride, value) for stride, values in levels(outputs, self._input_size) for value in values]
        classes = {value.shape[0] - 5 for _, value in maps}
        if len(classes) != 1 or min(classes) < 1:
            raise ModelError(
                f"task yolox: maps of {sorted(count + 5 for count in classes)} channels, all must have 5 + classes",
                hint="choose the task of this network with --task",
            )
        lowest = self._settings.score - margin
        candidates = Candidates.concatenate([_level(value, stride, lowest) for stride, value in maps])
        return detections(candidates, self._settings, placement, labels_for(self._labels, classes.pop()))


def _level(values: np.ndarray, stride: int, lowest: float) -> Candidates:
    """Candidates of one map [5 + classes, h, w] with a score above `lowest`."""
    best = values[4] * values[5:].max(axis=0)
    rows, columns = np.nonzero(best > lowest)
    cells = values[:, rows, columns]
    center_x, center_y = (columns + cells[0]) * stride, (rows + cells[1]) * stride
    width, height = exponential(cells[2]) * stride, exponential(cells[3]) * stride
    return Candidates(corners(center_x, center_y, width, height), best[rows, columns], cells[5:].argmax(axis=0))
