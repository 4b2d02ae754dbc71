"""A plot of a figure over another, drawn with the overlay's text and shapes: lines, points, a marked limit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from edgeskip.demos.overlay.shapes import dot, polyline
from edgeskip.demos.overlay.text import Color, draw_text, text_width

INK: Color = (48, 40, 36)
FAINT: Color = (150, 140, 132)
GRID: Color = (236, 232, 228)
PAPER: Color = (255, 255, 255)
# blue, orange, green, violet, red
SERIES: tuple[Color, ...] = ((196, 110, 28), (24, 120, 235), (88, 150, 46), (178, 80, 140), (60, 60, 205))
SCALE = 2  # drawn for screens with two pixels a point
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 56, 58


@dataclass(frozen=True)
class Series:
    """Points [n, 2] (x, y), joined by a line where `joined`; `large`: the size of a result."""

    name: str
    points: np.ndarray
    joined: bool = True
    large: bool = False


@dataclass
class Chart:
    """`limit`: an x that is marked by a vertical line with `limit_name`; `least_height`: what y spans at least, so that
    noise does not fill the picture."""

    title: str
    x_name: str
    y_name: str
    series: list[Series] = field(default_factory=list)
    limit: float | None = None
    limit_name: str = ""
    least_height: float = 0.0

    def draw(self, size: tuple[int, int] = (720, 460)) -> np.ndarray:
        """The picture, uint8 BGR, of `size` (width, height) in points of `SCALE` pixels."""
        width, height = (SCALE * side for side in size)
        picture = np.full((height, width, 3), PAPER, np.uint8)
        area = (SCALE * LEFT, SCALE * TOP, width - SCALE * RIGHT, height - SCALE * BOTTOM)
        frame = _Frame(area, *self._ranges())
        self._axes(picture, frame)
        if self.limit is not None:
            x = frame.place(np.array([[self.limit, frame.y[0]]]))[0, 0]
            polyline(picture, np.array([[x, area[1]], [x, area[3]]]), FAINT, SCALE)
            draw_text(picture, self.limit_name, (round(x) + SCALE * 5, area[1] + SCALE * 12), SCALE * 12, FAINT)
        for index, series in enumerate(self.series):
            _draw_series(picture, frame, series, SERIES[index % len(SERIES)])
        self._names(picture, area)
        return picture

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        points = np.concatenate([series.points for series in self.series])
        points = points[np.isfinite(points).all(1)]
        x = [*points[:, 0], *([] if self.limit is None else [self.limit])]
        low, high = points[:, 1].min(), points[:, 1].max()
        missing = max(self.least_height - (high - low), 0.0)
        return _widened(min(x), max(x)), _widened(low - missing / 2, high + missing / 2)

    def _axes(self, picture: np.ndarray, frame: _Frame) -> None:
        left, top, right, bottom = frame.area
        for value in ticks(*frame.x):
            x = round(frame.place(np.array([[value, frame.y[0]]]))[0, 0])
            polyline(picture, np.array([[x, top], [x, bottom]]), GRID, SCALE)
            text = label(value, *frame.x)
            draw_text(picture, text, (x - text_width(text, SCALE * 12) // 2, bottom + SCALE * 20), SCALE * 12, INK)
        for value in ticks(*frame.y):
            y = round(frame.place(np.array([[frame.x[0], value]]))[0, 1])
            polyline(picture, np.array([[left, y], [right, y]]), GRID, SCALE)
            text = label(value, *frame.y)
            start = left - SCALE * 10 - text_width(text, SCALE * 12)
            draw_text(picture, text, (start, y + SCALE * 4), SCALE * 12, INK)
        cv2.rectangle(picture, (left, top), (right, bottom), FAINT, SCALE)

    def _names(self, picture: np.ndarray, area: tuple[int, int, int, int]) -> None:
        left, top, right, bottom = area
        draw_text(picture, self.title, (left, top - SCALE * 30), SCALE * 15, INK, 600)
        draw_text(picture, self.y_name, (left, top - SCALE * 9), SCALE * 12, FAINT)
        middle = (left + right) // 2 - text_width(self.x_name, SCALE * 12) // 2
        draw_text(picture, self.x_name, (middle, bottom + SCALE * 42), SCALE * 12, FAINT)
        end = right
        for index, series in reversed(list(enumerate(self.series))):
            end -= text_width(series.name, SCALE * 12)
            draw_text(picture, series.name, (end, top - SCALE * 9), SCALE * 12, INK)
            dot(picture, end - SCALE * 9, top - SCALE * 13, SCALE * 4, SERIES[index % len(SERIES)])
            end -= SCALE * 28


def ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """Round values between `low` and `high`, about `wanted` of them."""
    step = _step(low, high, wanted)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def label(value: float, low: float, high: float) -> str:
    """`value` with as many decimals as the ticks between `low` and `high` need."""
    decimals = max(0, -math.floor(math.log10(_step(low, high, 6)) + 1e-9))
    return f"{value:.{decimals}f}" if abs(value) > 1e-12 else "0"


class _Frame:
    """Where values lie in the picture: x and y are ranges (low, high), the area (left, top, right, bottom)."""

    def __init__(self, area: tuple[int, int, int, int], x: tuple[float, float], y: tuple[float, float]) -> None:
        self.area, self.x, self.y = area, x, y

    def place(self, points: np.ndarray) -> np.ndarray:
        """Values [n, 2] to pixels [n, 2]."""
        left, top, right, bottom = self.area
        share_x = (points[:, 0] - self.x[0]) / (self.x[1] - self.x[0])
        share_y = (points[:, 1] - self.y[0]) / (self.y[1] - self.y[0])
        return np.stack([left + share_x * (right - left), bottom - share_y * (bottom - top)], 1)


def _draw_series(picture: np.ndarray, frame: _Frame, series: Series, color: Color) -> None:
    places = frame.place(series.points[np.isfinite(series.points).all(1)].astype(float))
    if series.joined and len(places) > 1:
        polyline(picture, places, color, 2 * SCALE)
    for x, y in places:
        if series.large:
            dot(picture, x, y, SCALE * 8, PAPER)
        dot(picture, x, y, SCALE * (6.5 if series.large else 3.5), color)


def _step(low: float, high: float, wanted: int) -> float:
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)


def _widened(low: float, high: float) -> tuple[float, float]:
    room = 0.06 * (high - low) or 0.05 * max(abs(high), 1.0)
    return float(low - room), float(high + room)
