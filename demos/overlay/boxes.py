"""Detections as thin rounded boxes with a tag, and their key points."""

from __future__ import annotations

import numpy as np

from edgeskip.demos.overlay.palette import class_color, ink_on
from edgeskip.demos.overlay.shapes import dot, fill_rounded, outline_rounded
from edgeskip.demos.overlay.text import DARK, Color, draw_text, text_width
from edgeskip.tasks.base import Detections


class Boxes:
    """Draws boxes whose coordinates are multiplied by `scale` (display pixels per source pixel)."""

    def __init__(self, scores: bool = True) -> None:
        self.scores = scores

    def annotate(self, frame: np.ndarray, detections: Detections, scale: float = 1.0) -> np.ndarray:
        """Draw `detections` on the BGR `frame`, best last so that it lies on top; return the frame."""
        boxes = detections.boxes_xyxy * scale
        for index in reversed(range(len(detections))):
            color = class_color(int(detections.class_ids[index]))
            _draw_box(frame, boxes[index], color)
            if detections.keypoints_xy is not None:
                for x, y in detections.keypoints_xy[index] * scale:
                    dot(frame, float(x), float(y), max(1.5, frame.shape[0] / 260), color)
        for index in reversed(range(len(detections))):
            color = class_color(int(detections.class_ids[index]))
            _draw_tag(frame, boxes[index], self._label(detections, index), color)
        return frame

    def _label(self, detections: Detections, index: int) -> tuple[str, str]:
        class_id = int(detections.class_ids[index])
        known = 0 <= class_id < len(detections.labels)
        name = detections.labels[class_id] if known else f"class {class_id}"
        return name, f"{100 * float(detections.scores[index]):.0f}" if self.scores else ""


def _draw_box(frame: np.ndarray, box: np.ndarray, color: Color) -> None:
    thickness = 2 if frame.shape[0] < 1000 else 3
    left, top, right, bottom = (float(value) for value in box)
    left, top = max(left, thickness / 2), max(top, thickness / 2)
    right, bottom = min(right, frame.shape[1] - 1 - thickness / 2), min(bottom, frame.shape[0] - 1 - thickness / 2)
    if right - left < 1 or bottom - top < 1:
        return
    radius = min(6.0, 0.2 * min(right - left, bottom - top))
    outline_rounded(frame, (left, top, right, bottom), radius, DARK, thickness + 2)
    outline_rounded(frame, (left, top, right, bottom), radius, color, thickness)


def _draw_tag(frame: np.ndarray, box: np.ndarray, label: tuple[str, str], color: Color) -> None:
    name, score = label
    size = int(np.clip(frame.shape[0] / 36, 13, 22))
    gap = size // 3 if score else 0
    width = text_width(name, size, 600) + gap + (text_width(score, size, 400) if score else 0) + size
    height = round(size * 1.5)
    left = float(np.clip(box[0] - 1, 0, max(0, frame.shape[1] - width - 1)))
    top = float(box[1]) - height - 2
    if top < 0:
        top = min(float(box[1]) + 3, frame.shape[0] - height - 1.0)
    fill_rounded(frame, (left, top, left + width, top + height), size * 0.36, color, 0.94)
    baseline = round(top + height - size * 0.43)
    ink = ink_on(color)
    end = draw_text(frame, name, (round(left + size / 2), baseline), size, ink, 600)
    if score:
        draw_text(frame, score, (end + gap, baseline), size, ink, 400)
