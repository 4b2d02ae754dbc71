"""Key points of one object: limbs as tapered lines, joints as dots that fade with their score."""

from __future__ import annotations

import numpy as np

from edgeskip.demos.overlay.palette import class_color
from edgeskip.demos.overlay.shapes import dot, polyline
from edgeskip.demos.overlay.text import DARK
from edgeskip.tasks.base import Keypoints


class KeypointsDrawing:
    """Draws key points whose score is at least `minimum_score`."""

    def __init__(self, minimum_score: float = 0.2) -> None:
        self.minimum_score = minimum_score

    def annotate(self, frame: np.ndarray, keypoints: Keypoints, scale: float = 1.0) -> np.ndarray:
        """Draw `keypoints`, multiplied by `scale`, on the BGR `frame`; return the frame."""
        points = keypoints.points_xy * scale
        seen = keypoints.scores >= self.minimum_score
        radius = max(2.5, frame.shape[0] / 150)
        for first, second in keypoints.edges:
            if seen[first] and seen[second]:
                line = points[[first, second]]
                polyline(frame, line, DARK, round(radius) + 2)
                polyline(frame, line, class_color(first), max(2, round(radius) - 1))
        for index in np.flatnonzero(seen):
            x, y = (float(value) for value in points[index])
            dot(frame, x, y, radius + 1.5, DARK)
            dot(frame, x, y, radius, class_color(int(index)))
        return frame
