"""Surfaces of the static backgrounds, drawn once per scene."""

from __future__ import annotations

import cv2
import numpy as np

from edgeskip.video.synthetic.brush import Color


def tone(generator: np.random.Generator, low: float, high: float, warmth: float = 14.0) -> Color:
    """Colour of stone, plaster or asphalt: a grey level between `low` and `high`, a little warm or cool."""
    level, warm = generator.uniform(low, high), generator.uniform(-0.4 * warmth, warmth)
    color = np.array([level - warm, level + generator.uniform(-0.25, 0.25) * warmth, level + warm])
    blue, green, red = (int(channel) for channel in np.clip(color, 10, 245))
    return blue, green, red


def grain(generator: np.random.Generator, size: tuple[int, int], amplitude: float, cell: int = 1) -> np.ndarray:
    """Random surface float32 [H, W, 1] of mean 0: `amplitude` grey levels, spots of about `cell` pixels."""
    width, height = size
    # one draw of the caller's generator, so that a place looks alike at any size
    own = np.random.default_rng(generator.integers(2**63))
    coarse = own.standard_normal((max(2, height // cell + 1), max(2, width // cell + 1)), dtype=np.float32)
    if cell > 1:
        coarse = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (coarse[:height, :width] * amplitude)[..., None]


def surface(generator: np.random.Generator, size: tuple[int, int], color: Color, rough: float) -> np.ndarray:
    """Plain ground or wall, float32 [H, W, 3]: grain at three scales on `color`."""
    texture = grain(generator, size, rough) + grain(generator, size, rough * 0.8, 7) + grain(generator, size, rough, 60)
    return np.float32(color) + texture


def fill(picture: np.ndarray, points: list[tuple[float, float]], texture: np.ndarray) -> None:
    """Paste `texture` into the polygon `points` (fractions of the picture)."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    height, width = mask.shape
    cv2.fillPoly(mask, [np.int32([(x * width, y * height) for x, y in points])], 255)
    np.copyto(picture, texture, where=mask[..., None] > 0)


def line(picture: np.ndarray, start: tuple[float, float], end: tuple[float, float], width: int, color: Color) -> None:
    """Line between two points in fractions of the picture."""
    height, across = picture.shape[:2]
    ends = [(int(x * across), int(y * height)) for x, y in (start, end)]
    cv2.line(picture, ends[0], ends[1], tuple(float(channel) for channel in color), width, cv2.LINE_AA)


def rectangle(picture: np.ndarray, box: tuple[float, float, float, float], color: Color) -> None:
    """Filled rectangle, x0 y0 x1 y1 in fractions of the picture."""
    height, width = picture.shape[:2]
    low, high = (int(box[0] * width), int(box[1] * height)), (int(box[2] * width), int(box[3] * height))
    cv2.rectangle(picture, low, high, tuple(float(channel) for channel in color), -1)


def tiles(picture: np.ndarray, top: float, horizon: float, columns: int, tilt: float, color: Color) -> None:
    """Joints of square slabs in perspective, from row `top` down; lines run to a point at `horizon`."""
    rows = 14
    for k in range(rows + 1):
        y = horizon + (top - horizon) * ((1.0 - horizon) / (top - horizon)) ** (k / rows)
        line(picture, (0.0, y), (1.0, y), 1, color)
    for k in range(-2 * columns, 3 * columns + 1):
        low = (k / columns, 1.0)
        vanish = 0.5 + tilt
        share = (top - horizon) / (1.0 - horizon)
        high = (vanish + (low[0] - vanish) * share, top)
        line(picture, low, high, 1, color)


def facade(picture: np.ndarray, generator: np.random.Generator, box: tuple[float, float, float, float]) -> None:
    """A house front with rows of windows inside `box`."""
    x0, y0, x1, y1 = box
    base = np.array(tone(generator, 85, 190, 38.0), float)
    height, width = picture.shape[:2]
    fill(picture, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], surface(generator, (width, height), tuple(base), 3.0))
    columns, floors = max(2, int((x1 - x0) * 16)), max(2, int((y1 - y0) * 11))
    glass = tuple(base * generator.uniform(0.3, 0.5) + (18, 8, 0))
    frame = tuple(np.clip(base * 1.25, 0, 245))
    for column in range(columns):
        for floor in range(floors):
            left = x0 + (x1 - x0) * (column + 0.25) / columns
            top = y0 + (y1 - y0) * (floor + 0.2) / floors
            right, bottom = left + (x1 - x0) * 0.5 / columns, top + (y1 - y0) * 0.58 / floors
            rectangle(picture, (left - 0.002, top - 0.003, right + 0.002, bottom + 0.003), frame)
            lit = generator.random() < 0.15
            rectangle(picture, (left, top, right, bottom), (120, 190, 215) if lit else glass)
    line(picture, (x0, y1), (x1, y1), 2, tuple(base * 0.5))


def finish(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Tint, soft vignette and rounding to uint8."""
    height, width = picture.shape[:2]
    ys, xs = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)[None]
    vignette = (1.0 - 0.09 * (xs * xs + ys * ys))[..., None]
    tint = np.float32(generator.uniform(0.93, 1.05) + generator.uniform(-0.025, 0.025, 3))
    return np.clip(picture * vignette * tint, 0, 255).astype(np.uint8)
