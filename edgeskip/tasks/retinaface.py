"""RetinaFace with MobileNet: faces from anchors on three levels (arXiv 1905.00641; github.com/biubug6)."""

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

# sides of the square anchors in pixels of the input, by stride
ANCHORS = {8: (10.0, 20.0), 16: (32.0, 64.0), 32: (128.0, 256.0)}
CENTER_VARIANCE, SIZE_VARIANCE = 0.1, 0.2
CHANNELS = ([4, 8], [4, 8, 20])


@register
class RetinaFaceDecoder(Decoder):
    """Per level: class [2 anchors x 2] (softmax, the second is the face), box [2 x 4], landmarks [2 x 10].

    cx = anchor_x + 0.1 p0 x side, w = side x exp(0.2 p2), landmark = anchor + 0.1 p x side; anchors
    are centred on their cell. Parameters: score_threshold (0.5), nms_threshold (0.4).
    """

    name = "retinaface"

    def __init__(self, settings: BoxSettings, labels: tuple[str, ...], input_size: tuple[int, int]) -> None:
        self._settings = settings
        self._labels = labels or ("face",)
        self._input_size = input_size

    @classmethod
    def create(cls, task: Task, preparation: Preparation) -> RetinaFaceDecoder:
        return cls(BoxSettings.of(task, score=0.5, nms=0.4), task.labels, preparation.size)

    @classmethod
    def preparation(cls, size: tuple[int, int]) -> Preparation:
        return Preparation(size=size, mean=(104.0, 117.0, 123.0))

    @classmethod
    def matches(cls, input_shape: tuple[int, ...], output_shapes: Mapping[str, tuple[int, ...]]) -> bool:
        table = shape_table(input_shape, output_shapes.values())
        return bool(table) and set(table) <= set(ANCHORS) and all(value in CHANNELS for value in table.values())

    def decode(self, outputs: Mapping[str, np.ndarray], placement: Placement, margin: float = 0.0) -> Detections:
        lowest = self._settings.score - margin
        parts = [_level(maps, stride, lowest) for stride, maps in levels(outputs, self._input_size)]
        return detections(Candidates.concatenate(parts), self._settings, placement, self._labels)


def _level(maps: list[np.ndarray], stride: int, lowest: float) -> Candidates:
    """Candidates of one level: maps of 4, 8 and perhaps 20 channels."""
    ordered = sorted(maps, key=len)
    if [len(value) for value in ordered] not in CHANNELS or stride not in ANCHORS:
        raise ModelError(
            f"task retinaface: maps of {[len(value) for value in maps]} channels at stride {stride}, "
            f"read are 4, 8 and 20 at strides {', '.join(map(str, ANCHORS))}",
            hint="choose the task of this network with --task",
        )
    classes = _by_anchor(ordered[0], 2)
    # softmax over two classes is the sigmoid of their difference
    scores = sigmoid(classes[:, 1] - classes[:, 0])
    anchors, rows, columns = np.nonzero(scores > lowest)
    side = np.array(ANCHORS[stride], np.float32)[anchors]
    centers = (np.stack([columns, rows], axis=1) + np.float32(0.5)) * stride
    box = _by_anchor(ordered[1], 4)[anchors, :, rows, columns]
    center = centers + box[:, :2] * CENTER_VARIANCE * side[:, None]
    size = exponential(box[:, 2:] * SIZE_VARIANCE) * side[:, None]
    points = None
    if len(ordered) == 3:
        offsets = _by_anchor(ordered[2], 10)[anchors, :, rows, columns].reshape(len(rows), 5, 2)
        points = centers[:, None] + offsets * CENTER_VARIANCE * side[:, None, None]
    boxes = corners(center[:, 0], center[:, 1], size[:, 0], size[:, 1])
    return Candidates(boxes, scores[anchors, rows, columns], np.zeros(len(rows), np.int32), points)


def _by_anchor(values: np.ndarray, width: int) -> np.ndarray:
    """[anchors x width, h, w] as [anchors, width, h, w]."""
    return values.reshape(-1, width, *values.shape[1:])
