"""The figures of the run: time of a frame, frames per second, how much faster than dense, and the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeskip.demos.overlay.shapes import fill_rounded
from edgeskip.demos.overlay.text import DARK, LIGHT_EDGE, MUTED, TIMES, WHITE, Color, draw_text, shortened, text_width

Area = tuple[int, int, int, int]


@dataclass(frozen=True)
class CaptionValues:
    """What a caption says. `speedup` is dense time / frame time, None where dense was not measured."""

    model: str
    backend: str
    frame_ms: float
    fps: float
    speedup: float | None = None


class Caption:
    """Draws the figures into `area`, or on a translucent panel at the bottom left of the picture."""

    def annotate(self, frame: np.ndarray, values: CaptionValues, area: Area | None = None) -> np.ndarray:
        """Draw `values` on the BGR `frame`; `area` is left, top, right, bottom. Returns the frame."""
        unit = unit_of(frame)
        if area is None:
            bottom, right = frame.shape[0] - round(10 * unit), min(frame.shape[1], round(410 * unit))
            area = (round(10 * unit), bottom - round(56 * unit), right, bottom)
            fill_rounded(frame, area, 8 * unit, DARK, 0.72)
        left, top, right, bottom = area
        pad = round(14 * unit)
        column = round(max(78 * unit, (right - left) * 0.205))
        name_room = right - left - 3 * column - 2 * pad
        self._model(frame, values, (left + pad, top, bottom), name_room)
        for index, (label, value, part, color) in enumerate(_columns(values)):
            _figure(frame, (left + 2 * pad + name_room + index * column, top, bottom), label, value, part, color)
        return frame

    def _model(self, frame: np.ndarray, values: CaptionValues, place: tuple[int, int, int], room: int) -> None:
        left, top, bottom = place
        unit = unit_of(frame)
        middle = (top + bottom) // 2
        # a long name gets smaller letters before it loses some
        sizes = [round(points * unit) for points in (14, 12.5, 11)]
        size = next((size for size in sizes if text_width(values.model, size, 600) <= room), sizes[-1])
        name = shortened(values.model, room, size, 600)
        draw_text(frame, name, (left, middle + round(12 * unit)), size, WHITE, 600)
        subject = f"edgeskip {values.backend}" if values.backend else "edgeskip"
        draw_text(frame, subject, (left, middle - round(9 * unit)), round(11 * unit), MUTED, 400)


def unit_of(frame: np.ndarray) -> float:
    """Pixels per layout unit: 1 on a 640-wide frame, 2 on a 1280-wide one, less than 1 on smaller ones."""
    return float(np.clip(frame.shape[1] / 640, 0.75, 2.0))


def _columns(values: CaptionValues) -> list[tuple[str, str, str, Color]]:
    milliseconds = f"{values.frame_ms:.1f}" if values.frame_ms < 100 else f"{values.frame_ms:.0f}"
    rate = f"{values.fps:.0f}" if values.fps >= 10 else f"{values.fps:.1f}"
    speedup = f"{values.speedup:.1f}" if values.speedup is not None else "-"
    unit = TIMES if values.speedup is not None else ""
    return [
        ("frame", milliseconds, "ms", WHITE),
        ("rate", rate, "fps", WHITE),
        ("vs dense", speedup, unit, LIGHT_EDGE),
    ]


def _figure(frame: np.ndarray, place: tuple[int, int, int], label: str, value: str, part: str, color: Color) -> None:
    left, top, bottom = place
    unit = unit_of(frame)
    middle = (top + bottom) // 2
    draw_text(frame, label, (left, middle - round(9 * unit)), round(11 * unit), MUTED, 400)
    size = round(21 * unit)
    baseline = middle + round(14 * unit)
    draw_text(frame, value, (left, baseline), size, color, 600)
    end = left + text_width(value, size, 600)
    draw_text(frame, part, (end + round(3 * unit), baseline), round(12 * unit), color if part == TIMES else MUTED, 500)
