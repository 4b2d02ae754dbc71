"""Readable text at any size: OpenCV 5's own TrueType face, the stroke font of OpenCV 4 where that is absent."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

Color = tuple[int, int, int]

WHITE: Color = (250, 248, 246)
MUTED: Color = (176, 166, 158)
DARK: Color = (22, 17, 14)
LIGHT_EDGE: Color = (214, 255, 132)

_FACE: Any = cv2.FontFace("sans") if hasattr(cv2, "FontFace") else None
TIMES = "×" if _FACE is not None else "x"


def text_width(text: str, size: int, weight: int = 400) -> int:
    """Width of `text` in pixels, at `size` pixels."""
    if _FACE is not None:
        return int(cv2.getTextSize((10_000, 100), text, (0, 0), _FACE, size, weight)[2])
    scale, thickness = _stroke(size, weight)
    return int(cv2.getTextSize(_ascii(text), cv2.FONT_HERSHEY_DUPLEX, scale, thickness)[0][0])


def draw_text(
    frame: np.ndarray, text: str, origin: tuple[int, int], size: int, color: Color = WHITE, weight: int = 400
) -> int:
    """Write `text` with its baseline's left end at `origin`; return the x where it ends."""
    if _FACE is not None:
        cv2.putText(frame, text, origin, color, _FACE, size, weight)
    else:
        scale, thickness = _stroke(size, weight)
        cv2.putText(frame, _ascii(text), origin, cv2.FONT_HERSHEY_DUPLEX, scale, color, thickness, cv2.LINE_AA)
    return origin[0] + text_width(text, size, weight)


def shortened(text: str, room: int, size: int, weight: int = 400) -> str:
    """`text`, cut with an ellipsis so that it fits into `room` pixels."""
    if text_width(text, size, weight) <= room:
        return text
    while text and text_width(text + "...", size, weight) > room:
        text = text[:-1]
    return text.rstrip() + "..." if text else ""


def _stroke(size: int, weight: int) -> tuple[float, int]:
    return size / 32.0, 2 if weight >= 600 and size >= 20 else 1


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()
