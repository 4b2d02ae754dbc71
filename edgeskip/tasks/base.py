"""What a network's outputs mean: results that drawing and evaluation share, and their decoders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.placement import Placement


@dataclass
class Detections:
    """Boxes in pixels of the source picture, best first.

    `boxes_xyxy` float32 [n, 4], `scores` float32 [n], `class_ids` int32 [n]; `keypoints_xy` float32
    [n, K, 2] where the network has them. `score_threshold` is the one they were cut at: decoders
    keep detections down to 0.05 below it when asked for `margin`.
    """

    boxes_xyxy: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray
    score_threshold: float
    labels: tuple[str, ...] = ()
    keypoints_xy: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.scores)


@dataclass
class Keypoints:
    """Key points of one object in pixels of the source: `points_xy` float32 [K, 2], `scores` [K]."""

    points_xy: np.ndarray
    scores: np.ndarray
    edges: tuple[tuple[int, int], ...] = ()


@dataclass
class Segmentation:
    """Class of each pixel of the network's output map: int32 [H, W], with the class names."""

    class_map: np.ndarray
    labels: tuple[str, ...] = ()


@dataclass
class Tensors:
    """Outputs as they are, for networks with no decoder."""

    outputs: dict[str, np.ndarray] = field(default_factory=dict)


Result = Detections | Keypoints | Segmentation | Tensors


class Decoder(ABC):
    """Turns the outputs of one picture into a result, and knows how its network's picture is prepared."""

    name: str

    @classmethod
    @abstractmethod
    def create(cls, task: Task, preparation: Preparation) -> Decoder:
        """Decoder for a model's task record. Raises ModelError on parameters that make no sense."""

    @classmethod
    @abstractmethod
    def preparation(cls, size: tuple[int, int]) -> Preparation:
        """The usual preparation for networks of this kind, at input `size` (width, height)."""

    @classmethod
    @abstractmethod
    def matches(cls, input_shape: tuple[int, ...], output_shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether a network with these shapes looks like this task (for `--task auto`)."""

    @abstractmethod
    def decode(self, outputs: Mapping[str, np.ndarray], placement: Placement, margin: float = 0.0) -> Result:
        """Result of one picture; `outputs` have batch size 1. `margin` lowers the score threshold."""
