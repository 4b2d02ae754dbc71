"""Metrics over many frames of one network: PCK of poses, AP of boxes. Needs no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from edgeskip.demos.networks.pck import joints_from_heatmaps, pck
from edgeskip.demos.networks.precision import detections, precision_figures
from edgeskip.video.synthetic import CLASS_NAMES


class Scores(ABC):
    """`metric`: the key of the figure that the tables show."""

    metric: ClassVar[str]

    @abstractmethod
    def add(self, outputs: Sequence[np.ndarray], first: np.ndarray, second: np.ndarray) -> None:
        """One frame of N streams: outputs [N, ...] each, and its truth [N, ...] as the clips give it."""

    @abstractmethod
    def figures(self) -> dict[str, float]:
        """Metrics over everything added, in percent."""


class PoseScores(Scores):
    """PCK@0.2 of the torso, and of the box."""

    metric = "pck_torso"

    def __init__(self) -> None:
        self._rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, outputs: Sequence[np.ndarray], first: np.ndarray, second: np.ndarray) -> None:
        self._rows.append((joints_from_heatmaps(outputs[0]), first, second))

    def figures(self) -> dict[str, float]:
        found, true, visible = (np.concatenate(column) for column in zip(*self._rows, strict=True))
        values = {f"pck_{name}": pck(found, true, visible, normalisation=name) for name in ("torso", "box")}
        return {name: round(100 * value, 3) for name, value in values.items()}


class DetectionScores(Scores):
    """AP over COCO's overlaps, and AP50; `anchors` [A, 4] of the network."""

    metric = "ap"

    def __init__(self, anchors: np.ndarray) -> None:
        self._anchors = anchors
        self._pairs: list = []

    def add(self, outputs: Sequence[np.ndarray], first: np.ndarray, second: np.ndarray) -> None:
        for index, (boxes, class_ids) in enumerate(zip(first, second, strict=True)):
            found = detections([value[index : index + 1] for value in outputs], self._anchors, len(CLASS_NAMES))
            real = class_ids >= 0
            self._pairs.append((found, boxes[real], class_ids[real]))

    def figures(self) -> dict[str, float]:
        values = precision_figures(self._pairs)
        return {name: round(100 * values[name], 3) for name in ("ap", "ap50")}
