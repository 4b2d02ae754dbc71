"""Draws one object in metres: origin on the ground, x forwards, y up."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

Color = tuple[int, int, int]
Point = tuple[float, float]

_SHIFT = 4  # OpenCV draws at 1/16 pixel, so that slow objects move smoothly
_ONE = 1 << _SHIFT


class Brush:
    """Paints anti-aliased shapes into `picture` (uint8 BGR) and remembers the box they cover.

    `x`, `y`: the object's ground point in pixels; `scale`: pixels per metre; `flip`: faces left.
    """

    def __init__(self, picture: np.ndarray, x: float, y: float, scale: float, flip: bool = False) -> None:
        self.picture = picture
        self.x, self.y, self.scale = x, y, scale
        self.direction = -scale if flip else scale
        self.low_x = self.low_y = float("inf")
        self.high_x = self.high_y = float("-inf")

    @property
    def box_xyxy(self) -> tuple[float, float, float, float]:
        """What was painted, in pixels, not clipped to the picture."""
        return self.low_x, self.low_y, self.high_x + 1.0, self.high_y + 1.0

    def polygon(self, points: Sequence[Point], color: Color) -> None:
        """Fill a convex polygon."""
        pixels = [(self.x + px * self.direction, self.y - py * self.scale) for px, py in points]
        self._cover(pixels, 0.0)
        fixed = np.array([(int(px * _ONE), int(py * _ONE)) for px, py in pixels], np.int32)
        cv2.fillConvexPoly(self.picture, fixed, color, cv2.LINE_AA, _SHIFT)

    def limb(self, start: Point, end: Point, width: float, color: Color, taper: float = 1.0) -> None:
        """Fill a bar from `start` to `end`, `width` metres wide at the start, `taper` times that at the end."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = (dx * dx + dy * dy) ** 0.5 or 1e-6
        nx, ny = -dy / length * width / 2, dx / length * width / 2
        ex, ey = nx * taper, ny * taper
        self.polygon(
            [
                (start[0] + nx, start[1] + ny),
                (end[0] + ex, end[1] + ey),
                (end[0] - ex, end[1] - ey),
                (start[0] - nx, start[1] - ny),
            ],
            color,
        )

    def disc(self, center: Point, radius: float, color: Color) -> None:
        """Fill a circle."""
        self._circle(center, radius, color, -1)

    def ring(self, center: Point, radius: float, width: float, color: Color) -> None:
        """Draw a circle line of `width` metres, at least one pixel."""
        self._circle(center, radius, color, max(1, round(width * self.scale)))

    def ellipse(self, center: Point, radii: Point, color: Color, angle: float = 0.0) -> None:
        """Fill an ellipse; `angle` in degrees, counter-clockwise for an object that faces right."""
        px, py = self.x + center[0] * self.direction, self.y - center[1] * self.scale
        rx, ry = radii[0] * self.scale, radii[1] * self.scale
        turn = np.deg2rad(angle)
        reach_x = float(np.hypot(rx * np.cos(turn), ry * np.sin(turn)))
        reach_y = float(np.hypot(rx * np.sin(turn), ry * np.cos(turn)))
        self._cover([(px - reach_x, py - reach_y), (px + reach_x, py + reach_y)], 0.0)
        axes = (int(rx * _ONE), int(ry * _ONE))
        degrees = -angle if self.direction > 0 else angle
        middle = (int(px * _ONE), int(py * _ONE))
        cv2.ellipse(self.picture, middle, axes, degrees, 0, 360, color, -1, cv2.LINE_AA, _SHIFT)

    def _circle(self, center: Point, radius: float, color: Color, thickness: int) -> None:
        px, py = self.x + center[0] * self.direction, self.y - center[1] * self.scale
        self._cover([(px, py)], radius * self.scale + max(0, thickness - 1) / 2)
        middle = (int(px * _ONE), int(py * _ONE))
        pixels = int(radius * self.scale * _ONE)
        cv2.circle(self.picture, middle, pixels, color, thickness, cv2.LINE_AA, _SHIFT)

    def _cover(self, pixels: Sequence[Point], margin: float) -> None:
        for px, py in pixels:
            self.low_x = min(self.low_x, px - margin)
            self.high_x = max(self.high_x, px + margin)
            self.low_y = min(self.low_y, py - margin)
            self.high_y = max(self.high_y, py + margin)


def shade(color: Color, factor: float) -> Color:
    """`color` made darker (factor below 1) or lighter."""
    return tuple(min(255, int(channel * factor)) for channel in color)  # type: ignore[return-value]
