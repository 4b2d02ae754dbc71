"""A small graph of the share of MACs computed over the last frames."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from edgeskip.demos.overlay.caption import Area, unit_of
from edgeskip.demos.overlay.shapes import dot, fill_rounded, polyline
from edgeskip.demos.overlay.text import DARK, LIGHT_EDGE, MUTED, WHITE, draw_text, text_width


class HistoryGraph:
    """Remembers the active MAC fractions of the last `frames` frames and draws them."""

    def __init__(self, frames: int = 120) -> None:
        self.fractions: deque[float] = deque(maxlen=frames)

    def annotate(self, frame: np.ndarray, active_mac_fraction: float, area: Area | None = None) -> np.ndarray:
        """Add a frame's fraction and draw the graph into `area` (left, top, right, bottom), or at the bottom
        right of the picture on a translucent panel. Returns the frame."""
        self.fractions.append(float(active_mac_fraction))
        return self.draw(frame, area)

    def draw(self, frame: np.ndarray, area: Area | None = None) -> np.ndarray:
        """Draw what is remembered, without adding to it."""
        unit = unit_of(frame)
        if area is None:
            right, bottom = frame.shape[1] - round(10 * unit), frame.shape[0] - round(10 * unit)
            area = (max(0, right - round(200 * unit)), bottom - round(56 * unit), right, bottom)
            fill_rounded(frame, area, 8 * unit, DARK, 0.72)
        left, top, right, bottom = area
        middle = (top + bottom) // 2
        current = self.fractions[-1] if self.fractions else 0.0
        text_end = self._figure(frame, (left + round(12 * unit), middle), current)
        graph = (
            text_end + round(12 * unit),
            top + round(11 * unit),
            right - round(12 * unit),
            bottom - round(11 * unit),
        )
        if graph[2] - graph[0] >= 20:
            self._graph(frame, graph)
        return frame

    def _figure(self, frame: np.ndarray, place: tuple[int, int], current: float) -> int:
        unit = unit_of(frame)
        left, middle = place
        draw_text(frame, "MACs computed", (left, middle - round(9 * unit)), round(11 * unit), MUTED, 400)
        size, baseline = round(21 * unit), middle + round(14 * unit)
        percent = 100 * current
        value = f"{percent:.1f}" if percent < 9.95 else f"{percent:.0f}"
        draw_text(frame, value, (left, baseline), size, WHITE, 600)
        end = left + text_width(value, size, 600)
        draw_text(frame, "%", (end + round(3 * unit), baseline), round(12 * unit), MUTED, 500)
        return left + text_width("MACs computed", round(11 * unit), 400)

    def _graph(self, frame: np.ndarray, area: Area) -> None:
        left, top, right, bottom = area
        cv2.line(frame, (left, bottom), (right, bottom), _RULE, 1, cv2.LINE_AA)
        cv2.line(frame, (left, top), (right, top), _RULE, 1, cv2.LINE_AA)
        points = self._points(area)
        if len(points) == 0:
            return
        base = np.array([[points[-1, 0], bottom], [points[0, 0], bottom]])
        polygon = np.rint(np.concatenate([points, base]) * 16).astype(np.int32)
        filled = frame[top : bottom + 1, left : right + 1].copy()
        cv2.fillPoly(filled, [polygon - np.array([left * 16, top * 16], np.int32)], LIGHT_EDGE, cv2.LINE_AA, 4)
        part = frame[top : bottom + 1, left : right + 1]
        cv2.addWeighted(filled, 0.28, part, 0.72, 0.0, dst=part)
        thickness = max(1, round(1.4 * unit_of(frame)))
        polyline(frame, points, LIGHT_EDGE, thickness)
        dot(frame, float(points[-1, 0]), float(points[-1, 1]), 2.4 * unit_of(frame), WHITE)

    def _points(self, area: Area) -> np.ndarray:
        """Float [n, 2]: the newest at the right edge; the full height is all MACs."""
        left, top, right, bottom = area
        values = np.clip(np.array(self.fractions, float), 0.0, 1.0)
        step = (right - left) / max(1, (self.fractions.maxlen or len(values)) - 1)
        x = right - step * np.arange(len(values))[::-1]
        # the square root opens up the low range, where a skipping network lives
        return np.stack([x, bottom - (bottom - top) * np.sqrt(values)], axis=1)


_RULE = (64, 54, 48)
