"""YuNet: faces with five key points, per level cls, obj, bbox and kps (github.com/ShiqiYu/libfacedetection.train)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.core.placement import Placement
from edgeskip.tasks.base import Decoder, Detections
from edgeskip.tasks.boxes import BoxSettings, Candidates, corners, detections, exponential, sigmoid
from edgeskip.tasks.maps import levels, shape_table
from edgeskip.tasks.registry import register


@register
class YunetDecoder(Decoder):
    """score = sqrt(sigmoid(cls) x sigmoid(obj)); cx, cy = (grid + b0, b1) x stride; w, h = exp(b2, b3) x stride.

    Key point k: (grid + kps[2k, 2k + 1]) x stride. cls and obj have the same shape and enter the
    score alike, so the order of the outputs does not matter.
    Parameters: score_threshold (0.6), nms_threshold (0.45).
    """

    name = "yunet"

    def __init__(self, settings: BoxSettings, labels: tuple[str, ...], input_size: tuple[int, int]) -> None:
        self._settings = settings
        self._labels = labels or ("face",)
        self._input_size = input_size

    @classmethod
    def create(cls, task: Task, preparation: Preparation) -> YunetDecoder:
        return cls(BoxSettings.of(task, score=0.6, nms=0.45), task.labels, preparation.size)

    @classmethod
    def preparation(cls, size: tuple[int, int]) -> Preparation:
        return Preparation(size=size)

    @classmethod
    def matches(cls, input_shape: tuple[int, ...], output_shapes: Mapping[str, tuple[int, ...]]) -> bool:
        table = shape_table(input_shape, output_shapes.values())
        return bool(table) and all(channels in ([1, 1, 4], [1, 1, 4, 10]) for channels in table.values())

    def decode(self, outputs: Mapping[str, np.ndarray], placement: Placement, margin: float = 0.0) -> Detections:
        lowest = self._settings.score - margin
        parts = [_level(maps, stride, lowest) for stride, maps in levels(outputs, self._input_size)]
        return detections(Candidates.concatenate(parts), self._settings, placement, self._labels)


def _level(maps: list[np.ndarray], stride: int, lowest: float) -> Candidates:
    """Candidates of one level: maps of 1, 1, 4 and perhaps 10 channels."""
    by_channels = sorted(maps, key=len)
    if [len(value) for value in by_channels[:3]] != [1, 1, 4] or len(maps) > 4:
        raise ModelError(
            f"task yunet: maps of {[len(value) for value in maps]} channels at stride {stride}, read are 1, 1, 4, 10",
            hint="choose the task of this network with --task",
        )
    scores = np.sqrt(sigmoid(by_channels[0][0]) * sigmoid(by_channels[1][0]))
    rows, columns = np.nonzero(scores > lowest)
    box = by_channels[2][:, rows, columns]
    boxes = corners(
        (columns + box[0]) * stride, (rows + box[1]) * stride,
        exponential(box[2]) * stride, exponential(box[3]) * stride,
    )  # fmt: skip
    points = None
    if len(maps) == 4:
        offsets = by_channels[3][:, rows, columns].T.reshape(len(rows), 5, 2)
        points = (offsets + np.stack([columns, rows], axis=1)[:, None]) * np.float32(stride)
    return Candidates(boxes, scores[rows, columns], np.zeros(len(rows), np.int32), points)
