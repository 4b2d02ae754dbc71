"""A segmentation as a tint of the picture: class 0 (background) stays as it is."""

from __future__ import annotations

import cv2
import numpy as np

from edgeskip.demos.overlay.palette import class_color
from edgeskip.tasks.base import Segmentation


class SegmentationTint:
    """Tints each class with its colour."""

    def __init__(self, opacity: float = 0.45) -> None:
        self.opacity = opacity

    def annotate(self, frame: np.ndarray, segmentation: Segmentation) -> np.ndarray:
        """Tint the BGR `frame` by class; the map is stretched to it. Returns the frame."""
        class_map = segmentation.class_map
        classes = int(class_map.max(initial=0)) + 1
        table = np.array([(0, 0, 0)] + [class_color(index) for index in range(1, classes)], np.uint8)
        size = (frame.shape[1], frame.shape[0])
        colors = cv2.resize(table[np.maximum(class_map, 0)], size, interpolation=cv2.INTER_NEAREST)
        shown = cv2.resize((class_map > 0).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        tinted = cv2.addWeighted(frame, 1.0 - self.opacity, colors, self.opacity, 0.0)
        cv2.copyTo(tinted, shown, frame)
        return frame
