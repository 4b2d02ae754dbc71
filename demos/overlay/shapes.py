"""Anti-aliased shapes that OpenCV lacks: rounded rectangles, filled, translucent or outlined."""

from __future__ import annotations

import cv2
import numpy as np

from edgeskip.demos.overlay.text import Color

_SHIFT = 4
_ONE = 1 << _SHIFT


def rounded_polygon(left: float, top: float, right: float, bottom: float, radius: float) -> np.ndarray:
    """Outline of a rounded rectangle, int32 [n, 1, 2], in 1/16 pixels."""
    radius = max(0.0, min(radius, (right - left) / 2, (bottom - top) / 2))
    corners = ((right - radius, top + radius, -90), (right - radius, bottom - radius, 0),
               (left + radius, bottom - radius, 90), (left + radius, top + radius, 180))  # fmt: skip
    points = []
    for x, y, start in corners:
        angles = np.radians(np.linspace(start, start + 90, 7))
        points.append(np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1))
    return np.rint(np.concatenate(points) * _ONE).astype(np.int32)[:, None]


def fill_rounded(
    frame: np.ndarray, box: tuple[float, float, float, float], radius: float, color: Color, opacity: float = 1.0
) -> None:
    """Fill the rounded rectangle `box` (left, top, right, bottom), translucent where `opacity` is below 1."""
    if opacity >= 1.0:
        cv2.fillPoly(frame, [rounded_polygon(*box, radius)], color, cv2.LINE_AA, _SHIFT)
        return
    left, top = max(0, int(box[0])), max(0, int(box[1]))
    right, bottom = min(frame.shape[1], int(box[2]) + 2), min(frame.shape[0], int(box[3]) + 2)
    if right <= left or bottom <= top:
        return
    part = frame[top:bottom, left:right]
    painted = part.copy()
    moved = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
    cv2.fillPoly(painted, [rounded_polygon(*moved, radius)], color, cv2.LINE_AA, _SHIFT)
    cv2.addWeighted(painted, opacity, part, 1.0 - opacity, 0.0, dst=part)


def outline_rounded(
    frame: np.ndarray, box: tuple[float, float, float, float], radius: float, color: Color, thickness: int = 1
) -> None:
    """Draw the outline of the rounded rectangle `box` (left, top, right, bottom)."""
    cv2.polylines(frame, [rounded_polygon(*box, radius)], True, color, thickness, cv2.LINE_AA, _SHIFT)


def polyline(frame: np.ndarray, points_xy: np.ndarray, color: Color, thickness: int = 1) -> None:
    """Draw an open line through float `points_xy` [n, 2]."""
    points = np.rint(points_xy * _ONE).astype(np.int32)[:, None]
    cv2.polylines(frame, [points], False, color, thickness, cv2.LINE_AA, _SHIFT)


def dot(frame: np.ndarray, x: float, y: float, radius: float, color: Color) -> None:
    """Fill a circle about (x, y)."""
    center = (round(x * _ONE), round(y * _ONE))
    cv2.circle(frame, center, max(1, round(radius * _ONE)), color, -1, cv2.LINE_AA, _SHIFT)
