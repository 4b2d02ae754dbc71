"""Boxes in numpy: overlap, non-maximum suppression per class, and their way to the source picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeskip.core.contract import Task
from edgeskip.core.placement import Placement
from edgeskip.tasks.base import Detections
from edgeskip.tasks.parameters import Parameters

# candidates that enter suppression, best first: bounds its time on a network that fires everywhere
MAXIMUM_CANDIDATES = 1000


@dataclass(frozen=True)
class BoxSettings:
    """Thresholds of a box decoder: a detection has score > `score`, and no better one of its class at IoU > `nms`."""

    score: float
    nms: float

    @classmethod
    def of(cls, task: Task, score: float, nms: float) -> BoxSettings:
        """Settings of `task`, with these defaults. Raises ModelError."""
        parameters = Parameters(task)
        settings = cls(
            parameters.number("score_threshold", score, 0.0, 1.0), parameters.number("nms_threshold", nms, 0.0, 1.0)
        )
        parameters.finish()
        return settings


@dataclass
class Candidates:
    """Boxes in pixels of the network's input, before suppression: [n, 4], [n], [n] and, where given, [n, K, 2]."""

    boxes_xyxy: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray
    keypoints_xy: np.ndarray | None = None

    @classmethod
    def concatenate(cls, parts: list[Candidates]) -> Candidates:
        """The candidates of all levels."""
        keypoints = [part.keypoints_xy for part in parts if part.keypoints_xy is not None]
        return cls(
            np.concatenate([part.boxes_xyxy for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.class_ids for part in parts]),
            np.concatenate(keypoints) if len(keypoints) == len(parts) else None,
        )

    def take(self, indices: np.ndarray) -> Candidates:
        """Those at `indices`."""
        points = None if self.keypoints_xy is None else self.keypoints_xy[indices]
        return Candidates(self.boxes_xyxy[indices], self.scores[indices], self.class_ids[indices], points)


def iou(boxes_a: np.ndarray, boxes_b: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair: [a, 4] and [b, 4] (x0, y0, x1, y1) give [a, b]."""
    low = np.maximum(boxes_a[:, None, :2], boxes_b[None, :, :2])
    high = np.minimum(boxes_a[:, None, 2:], boxes_b[None, :, 2:])
    intersection = np.prod(np.maximum(high - low, 0), axis=2)
    area_a = np.prod(np.maximum(boxes_a[:, 2:] - boxes_a[:, :2], 0), axis=1)
    area_b = np.prod(np.maximum(boxes_b[:, 2:] - boxes_b[:, :2], 0), axis=1)
    union = area_a[:, None] + area_b[None, :] - intersection
    return np.where(union > 0, intersection / np.where(union > 0, union, 1), 0)


def suppress(boxes_xyxy: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, threshold: float) -> np.ndarray:
    """Greedy non-maximum suppression per class: indices of the boxes that stay, best first.

    Equal scores keep their order, so the result does not depend on the platform's sort.
    """
    order = np.argsort(-scores, kind="stable")[:MAXIMUM_CANDIDATES]
    boxes, classes = boxes_xyxy[order], class_ids[order]
    blocked = (iou(boxes, boxes) > threshold) & (classes[:, None] == classes[None, :])
    stays = np.ones(len(order), bool)
    for index in range(len(order)):
        if stays[index]:
            stays[index + 1 :] &= ~blocked[index, index + 1 :]
    return order[stays]


def detections(
    candidates: Candidates, settings: BoxSettings, placement: Placement, labels: tuple[str, ...]
) -> Detections:
    """Suppress, map to the source, clip to it, and drop boxes that lie outside it."""
    kept = candidates.take(suppress(candidates.boxes_xyxy, candidates.scores, candidates.class_ids, settings.nms))
    boxes = placement.to_source(kept.boxes_xyxy.reshape(-1, 2, 2)).reshape(-1, 4)
    inside = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    points = None if kept.keypoints_xy is None else placement.to_source(kept.keypoints_xy[inside])
    return Detections(
        boxes_xyxy=boxes[inside],
        scores=kept.scores[inside].astype(np.float32),
        class_ids=kept.class_ids[inside].astype(np.int32),
        score_threshold=settings.score,
        labels=labels,
        keypoints_xy=points,
    )


def corners(center_x: np.ndarray, center_y: np.ndarray, width: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Boxes [n, 4] (x0, y0, x1, y1) from centres and sizes [n]."""
    half_width, half_height = width / 2, height / 2
    return np.stack(
        [center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height], axis=1
    ).astype(np.float32)


def exponential(value: np.ndarray) -> np.ndarray:
    """exp without overflow: a side of e^20 pixels is already beyond any picture."""
    return np.exp(np.minimum(value, 20.0))


def sigmoid(value: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-value)), written so that no value overflows."""
    return 0.5 * (1 + np.tanh(0.5 * value))
