"""What the gates of these networks learn from: the dense network's heat maps and boxes, weighed as their tasks do.

Losses are called as `loss(outputs, targets, teacher)` with maps [N, T, ...]; the first frame is the reference and left
out. A plain squared error over all pixels would mostly see the background, where nothing is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edgeskip.demos.networks.efficientdet import efficientdet_small
from edgeskip.demos.networks.pck import PCK_FRACTION, joints_from_heatmaps, pck, person_sizes
from edgeskip.demos.networks.precision import detections, precision_figures
from edgeskip.video.synthetic import CLASS_NAMES

# a box that is off by a tenth of its anchor costs as much as one object that is lost in five
BOX_WEIGHT = 2.0
SMALLEST_FOREGROUND = 1e-3


def pose_distillation(outputs: Tensor, targets: tuple[Any, ...], teacher: Tensor) -> Tensor:
    """Divergence (nats, mean over joints) of the places that the heat maps [N, T, K, h, w] speak for.

    Each map is a distribution over its pixels, as in the dense training: a constant offset means nothing.
    """
    got, wanted = (maps[:, 1:].float().flatten(3).log_softmax(-1) for maps in (outputs, teacher))
    return (wanted.exp() * (wanted - got)).sum(-1).mean()


def pose_displacement(outputs: Tensor, targets: tuple[Any, ...], teacher: Tensor) -> Tensor:
    """`pose_distillation`, and how far joints [N, T, K] moved from the teacher's: in units of what PCK@0.2 forgives, at
    most 1, weighed by how sure the teacher is (the peak of its distribution). No gradient: for a search."""
    found, wanted = (
        joints_from_heatmaps(maps[:, 1:].flatten(0, 1).float().cpu().numpy()) for maps in (outputs, teacher)
    )
    reach = PCK_FRACTION * np.maximum(person_sizes(wanted), 1.0)
    moved = np.minimum(np.linalg.norm(found - wanted, axis=-1) / reach[:, None], 1.0)
    sure = teacher[:, 1:].flatten(0, 1).float().flatten(2).softmax(-1).amax(-1).cpu().numpy()
    displacement = float((sure * moved).sum() / sure.sum())
    return pose_distillation(outputs, targets, teacher) + torch.tensor(displacement)


def detection_distillation(outputs: Sequence[Tensor], targets: tuple[Any, ...], teacher: Sequence[Tensor]) -> Tensor:
    """Divergence (nats) of the class probabilities, and distance of the boxes where the teacher sees an object, both
    per unit of foreground; maps in the order of `efficientdet.OUTPUTS`."""
    levels = len(outputs) // 2
    classes, boxes, foreground = outputs[0].new_zeros(()), outputs[0].new_zeros(()), outputs[0].new_zeros(())
    for level in range(levels):
        got, wanted, box, true_box = (
            _by_anchor(maps[index], size)
            for index, size in ((level, len(CLASS_NAMES)), (level + levels, 4))
            for maps in (outputs, teacher)
        )
        probability = wanted.sigmoid()
        crossed, own = (functional.binary_cross_entropy_with_logits(logits, probability, reduction="sum")
                        for logits in (got, wanted))  # fmt: skip
        classes = classes + crossed - own
        weight = probability.amax(-1)
        boxes = boxes + (weight * (box - true_box).abs().sum(-1)).sum()
        foreground = foreground + weight.sum()
    return (classes + BOX_WEIGHT * boxes) / foreground.clamp_min(SMALLEST_FOREGROUND)


class PoseAccuracy:
    """Metric of a training: PCK@0.2 of the torso in percent, on the truth of the clips."""

    name = "pck_torso"

    def __init__(self) -> None:
        self._rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def update(self, outputs: Tensor, targets: tuple[Any, ...], teacher: Any) -> None:
        """Add clips: heat maps [N, T, K, h, w], joints [N, T, K, 2] and which of them can be seen [N, T, K]."""
        joints, visible = (value[:, 1:].flatten(0, 1).cpu().numpy() for value in targets)
        maps = outputs[:, 1:].flatten(0, 1).float().cpu().numpy()
        self._rows.append((joints_from_heatmaps(maps), joints, visible))

    def compute(self) -> float:
        """The figure."""
        found, true, visible = (np.concatenate(column) for column in zip(*self._rows, strict=True))
        return 100 * pck(found, true, visible)


class DetectionAccuracy:
    """Metric of a training: AP of the small EfficientDet in percent, on the truth of the clips."""

    name = "ap"

    def __init__(self) -> None:
        from edgeskip.demos.networks.detection import anchor_boxes

        self._anchors = anchor_boxes(efficientdet_small().config)
        self._pairs: list = []

    def update(self, outputs: Sequence[Tensor], targets: tuple[Any, ...], teacher: Any) -> None:
        """Add clips: maps [N, T, ...], boxes [N, T, M, 4] and class ids [N, T, M]."""
        maps = [value[:, 1:].flatten(0, 1).float().cpu().numpy() for value in outputs]
        boxes, class_ids = (value[:, 1:].flatten(0, 1).cpu().numpy() for value in targets)
        for index in range(len(boxes)):
            found = detections([value[index : index + 1] for value in maps], self._anchors, len(CLASS_NAMES))
            real = class_ids[index] >= 0
            self._pairs.append((found, boxes[index][real], class_ids[index][real]))

    def compute(self) -> float:
        """The figure."""
        return 100 * precision_figures(self._pairs)["ap"]


def _by_anchor(maps: Tensor, size: int) -> Tensor:
    """[N, T, 9 * size, h, w] to float [n, 9, size], the reference left out."""
    gated = maps[:, 1:].float().flatten(0, 1)
    return gated.permute(0, 2, 3, 1).reshape(-1, gated.shape[1] // size, size)
