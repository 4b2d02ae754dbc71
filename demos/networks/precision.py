"""From the detection networks' maps to boxes, and from boxes to average precision. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeskip.demos.train.evaluate import OVERLAPS, Scored, average_precision, matches
from edgeskip.tasks.base import Detections
from edgeskip.tasks.boxes import exponential, sigmoid, suppress
from edgeskip.video.synthetic import CLASS_NAMES

SCORE_THRESHOLD, NMS_THRESHOLD, MOST_CANDIDATES = 0.01, 0.5, 400


def detections(outputs: Sequence[np.ndarray], anchors: np.ndarray, classes: int,
               score_threshold: float = SCORE_THRESHOLD) -> Detections:  # fmt: skip
    """Boxes in input pixels, best first, from the maps [1, ...] of one picture in the order of `OUTPUTS`."""
    levels = len(outputs) // 2
    logits = np.concatenate([value[0].transpose(1, 2, 0).reshape(-1, classes) for value in outputs[:levels]])
    codes = np.concatenate([value[0].transpose(1, 2, 0).reshape(-1, 4) for value in outputs[levels:]])
    scores = sigmoid(logits)
    best = np.argsort(-scores.ravel(), kind="stable")[:MOST_CANDIDATES]
    best = best[scores.ravel()[best] > score_threshold]
    index, class_ids = np.divmod(best, classes)
    boxes, kept = decoded(codes[index], anchors[index]), scores.ravel()[best]
    stay = suppress(boxes, kept, class_ids, NMS_THRESHOLD)
    return Detections(boxes[stay], kept[stay], class_ids[stay].astype(np.int32), score_threshold, CLASS_NAMES)


def decoded(codes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Boxes [n, 4] (x0 y0 x1 y1) from codes (dy, dx, log h, log w) against anchors (y0 x0 y1 x1)."""
    middle, side = (anchors[:, :2] + anchors[:, 2:]) / 2, anchors[:, 2:] - anchors[:, :2]
    center = middle + codes[:, :2] * side
    half = exponential(codes[:, 2:]) * side / 2
    return np.concatenate([(center - half)[:, ::-1], (center + half)[:, ::-1]], 1)


def precision_figures(pairs: list[tuple[Detections, np.ndarray, np.ndarray]]) -> dict:
    """AP50 and AP of (detections, true boxes, true class ids) of many pictures."""
    scored = []
    for class_id in range(len(CLASS_NAMES)):
        mine = [(found.class_ids == class_id, class_ids == class_id) for found, _, class_ids in pairs]
        hits = [matches(found.boxes_xyxy[a], boxes[b]) for (found, boxes, _), (a, b) in zip(pairs, mine, strict=True)]
        scores = [found.scores[a] for (found, _, _), (a, _) in zip(pairs, mine, strict=True)]
        truths = sum(int(b.sum()) for _, b in mine)
        scored.append(Scored(np.concatenate(scores), np.concatenate(hits).reshape(-1, len(OVERLAPS)), truths))
    table = np.array([average_precision(single) for single in scored])
    return {
        "ap50": round(float(np.nanmean(table[:, 0])), 4),
        "ap": round(float(np.nanmean(table)), 4),
        "ap50_by_class": {name: round(float(row[0]), 4) for name, row in zip(CLASS_NAMES, table, strict=True)},
        "frames": len(pairs),
        "objects": sum(single.truths for single in scored),
    }
