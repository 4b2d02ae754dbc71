"""Which detections of the skip network are the dense network's detections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeskip.tasks.base import Detections
from edgeskip.tasks.boxes import iou

MATCH_IOU = 0.5
SCORE_MARGIN = 0.05


@dataclass
class MatchCounts:
    """Sums over frames. `iou_sum` is over the true positives."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    iou_sum: float = 0.0

    def __add__(self, other: MatchCounts) -> MatchCounts:
        return MatchCounts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.iou_sum + other.iou_sum,
        )

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN); 1 where neither network saw anything that counts."""
        total = 2 * self.true_positives + self.false_positives + self.false_negatives
        return 2 * self.true_positives / total if total else 1.0

    @property
    def mean_iou(self) -> float | None:
        """Mean overlap of the true positives, None without any."""
        return self.iou_sum / self.true_positives if self.true_positives else None


def greedy_pairs(dense: Detections, skip: Detections) -> list[tuple[int, int, float]]:
    """Pairs (dense, skip, IoU): skip detections by falling score each take the free dense one of their class
    with the highest IoU, if that is at least 0.5."""
    overlaps = iou(dense.boxes_xyxy, skip.boxes_xyxy)
    overlaps = np.where(dense.class_ids[:, None] == skip.class_ids[None, :], overlaps, 0)
    pairs = []
    for column in np.argsort(-skip.scores, kind="stable") if len(dense) else ():
        row = int(overlaps[:, column].argmax())
        if overlaps[row, column] >= MATCH_IOU:
            pairs.append((row, int(column), float(overlaps[row, column])))
            overlaps[row] = 0
    return pairs


def match(dense: Detections, skip: Detections) -> MatchCounts:
    """Counts of one frame; both were decoded with `margin` SCORE_MARGIN.

    A detection whose score lies within the margin of the threshold is undecided: the dense network
    itself would flip on it with the next frame's noise. Undecided detections take part in the
    matching, so that a decided one on the other side is neither a miss nor a false alarm, but a
    pair that holds one counts as nothing. What is left is decided on both sides: a pair is a true
    positive, a dense detection without a partner a miss, a skip detection without one a false alarm.
    """
    dense_decided, skip_decided = decided(dense), decided(skip)
    pairs = greedy_pairs(dense, skip)
    counted = [overlap for row, column, overlap in pairs if dense_decided[row] and skip_decided[column]]
    matched_dense = {row for row, _, _ in pairs}
    matched_skip = {column for _, column, _ in pairs}
    return MatchCounts(
        true_positives=len(counted),
        false_positives=sum(index not in matched_skip for index in np.flatnonzero(skip_decided)),
        false_negatives=sum(index not in matched_dense for index in np.flatnonzero(dense_decided)),
        iou_sum=sum(counted),
    )


def decided(detections: Detections) -> np.ndarray:
    """bool [n]: score above the threshold by more than the margin."""
    return detections.scores > detections.score_threshold + SCORE_MARGIN
