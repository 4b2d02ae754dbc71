"""Colours (BGR) of classes: bright, apart from each other, readable on dark and on light pictures."""

from __future__ import annotations

import colorsys

from edgeskip.demos.overlay.text import DARK, WHITE, Color

# sky, amber, rose, violet, green, orange, pink, blue, teal, yellow
_CLASSES: tuple[Color, ...] = (
    (255, 196, 64), (60, 190, 255), (128, 104, 255), (255, 144, 176), (110, 222, 108),
    (70, 140, 255), (206, 120, 250), (255, 150, 96), (196, 214, 52), (92, 232, 240),
)  # fmt: skip


def class_color(class_id: int) -> Color:
    """Colour of class `class_id`; beyond the hand-picked ones, hues a golden angle apart."""
    if 0 <= class_id < len(_CLASSES):
        return _CLASSES[class_id]
    red, green, blue = colorsys.hsv_to_rgb((class_id * 0.61803) % 1.0, 0.62, 1.0)
    return round(255 * blue), round(255 * green), round(255 * red)


def ink_on(color: Color) -> Color:
    """Dark or white, whichever is readable on `color`."""
    luminance = 0.114 * color[0] + 0.587 * color[1] + 0.299 * color[2]
    return DARK if luminance > 120 else WHITE
