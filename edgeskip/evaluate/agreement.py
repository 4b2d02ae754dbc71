"""Agreement of the skip network with the dense network on the same pictures: one figure in [0, 1] by task.

| result | agreement |
|---|---|
| detections | F1 against the dense network's detections over all frames (see `matching`) |
| key points | share of points within 0.05 x the picture's diagonal of the dense network's point |
| segmentation | share of map pixels with the same class |
| tensors | 1 - relative error, at least 0: mean over outputs of norm(skip - dense) / norm(dense) |

1 means that nobody could tell the two apart by their results.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import hypot
from typing import Any

import numpy as np

from edgeskip.core.placement import Placement
from edgeskip.evaluate.matching import SCORE_MARGIN, MatchCounts, match
from edgeskip.tasks.base import Decoder, Detections, Keypoints, Result, Segmentation, Tensors

KEYPOINT_DISTANCE = 0.05
KEYPOINT_SCORE = 0.1


class Meter(ABC):
    """Accumulates the agreement of one kind of result over frames."""

    @abstractmethod
    def add(self, dense: Any, skip: Any, source_size: tuple[int, int]) -> None:
        """Count one frame: results of both networks on a source picture of (width, height)."""

    @property
    @abstractmethod
    def value(self) -> float:
        """Agreement in [0, 1]; 1 where nothing could be counted."""

    @abstractmethod
    def details(self) -> dict[str, Any]:
        """What the value was counted from, for JSON."""


class DetectionMeter(Meter):
    """F1 of decided detections, summed over frames."""

    def __init__(self) -> None:
        self.counts = MatchCounts()

    def add(self, dense: Detections, skip: Detections, source_size: tuple[int, int]) -> None:
        self.counts += match(dense, skip)

    @property
    def value(self) -> float:
        return self.counts.f1

    def details(self) -> dict[str, Any]:
        return {
            "measure": "f1",
            "true_positives": self.counts.true_positives,
            "false_positives": self.counts.false_positives,
            "false_negatives": self.counts.false_negatives,
            "mean_iou": self.counts.mean_iou,
        }


class KeypointMeter(Meter):
    """PCK against the dense network: share of points within 0.05 x the source picture's diagonal.

    Points that both networks give a score below 0.1 are not counted: the highest pixel of an empty
    heat map is an accident.
    """

    def __init__(self) -> None:
        self.close = 0
        self.points = 0

    def add(self, dense: Keypoints, skip: Keypoints, source_size: tuple[int, int]) -> None:
        seen = np.maximum(dense.scores, skip.scores) >= KEYPOINT_SCORE
        distance = np.linalg.norm(dense.points_xy - skip.points_xy, axis=1)
        self.close += int((distance[seen] <= KEYPOINT_DISTANCE * hypot(*source_size)).sum())
        self.points += int(seen.sum())

    @property
    def value(self) -> float:
        return self.close / self.points if self.points else 1.0

    def details(self) -> dict[str, Any]:
        return {"measure": "pck", "close_points": self.close, "points": self.points}


class SegmentationMeter(Meter):
    """Share of pixels with the same class."""

    def __init__(self) -> None:
        self.equal = 0
        self.pixels = 0

    def add(self, dense: Segmentation, skip: Segmentation, source_size: tuple[int, int]) -> None:
        self.equal += int((dense.class_map == skip.class_map).sum())
        self.pixels += dense.class_map.size

    @property
    def value(self) -> float:
        return self.equal / self.pixels if self.pixels else 1.0

    def details(self) -> dict[str, Any]:
        return {"measure": "pixels", "equal_pixels": self.equal, "pixels": self.pixels}


class TensorMeter(Meter):
    """1 - mean over outputs of norm(skip - dense) / norm(dense), norms over all frames, at least 0."""

    def __init__(self) -> None:
        self._squares: dict[str, tuple[float, float]] = {}

    def add(self, dense: Tensors, skip: Tensors, source_size: tuple[int, int]) -> None:
        for name, value in dense.outputs.items():
            error, size = self._squares.get(name, (0.0, 0.0))
            expected = value.astype(np.float64)
            difference = skip.outputs[name] - expected
            self._squares[name] = (error + float(np.sum(difference**2)), size + float(np.sum(expected**2)))

    @property
    def value(self) -> float:
        errors = list(self._relative_errors().values())
        # an output that is not a number is not below 1 and agrees with nothing
        return float(np.mean([1 - error if error < 1 else 0.0 for error in errors])) if errors else 1.0

    def details(self) -> dict[str, Any]:
        return {"measure": "relative error", "relative_errors": self._relative_errors()}

    def _relative_errors(self) -> dict[str, float]:
        return {name: _relative(error, size) for name, (error, size) in self._squares.items()}


def _relative(error: float, size: float) -> float:
    if size:
        return float(np.sqrt(error / size))
    return 0.0 if error == 0 else 1.0


def meter_for(result: Result) -> Meter:
    """An empty meter for results of this kind."""
    kinds = {
        Detections: DetectionMeter, Keypoints: KeypointMeter, Segmentation: SegmentationMeter, Tensors: TensorMeter,
    }  # fmt: skip
    return kinds[type(result)]()


class Comparison:
    """Decodes the outputs of both networks frame by frame and accumulates their agreement."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._meter: Meter | None = None
        self.frames = 0
        self.max_abs_error = 0.0

    def add(self, dense: Mapping[str, np.ndarray], skip: Mapping[str, np.ndarray], placement: Placement) -> None:
        """Count one frame: outputs of both networks, batch 1, and where the picture lies in their input."""
        expected = self._decoder.decode(dense, placement, margin=SCORE_MARGIN)
        actual = self._decoder.decode({name: skip[name] for name in dense}, placement, margin=SCORE_MARGIN)
        if self._meter is None:
            self._meter = meter_for(expected)
        self._meter.add(expected, actual, placement.source_size)
        self.max_abs_error = max(self.max_abs_error, max_abs_error(dense, skip))
        self.frames += 1

    @property
    def agreement(self) -> float | None:
        """Agreement in [0, 1], None before the first frame."""
        return None if self._meter is None else self._meter.value

    def details(self) -> dict[str, Any]:
        """What the agreement was counted from."""
        return {} if self._meter is None else self._meter.details()


def max_abs_error(dense: Mapping[str, np.ndarray], skip: Mapping[str, np.ndarray]) -> float:
    """Largest |skip - dense| over all values of all outputs; infinity where either is not a number."""
    worst = 0.0
    for name, expected in dense.items():
        difference = np.abs(np.asarray(skip[name], np.float64) - expected)
        worst = max(worst, float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0)))
    return worst
